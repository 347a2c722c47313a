"""What the embedded model loses on changed recordings.

They are filtered, noisy, short, with leads missing, in other units, or at other rates.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from encoder.compact import Compact
from signals.leads import LEADS, twelve_leads
from signals.logistic import sigmoid
from signals.record import EcgRecord
from signals.segments import Preprocessing, make_segments
from superclasses import SUPERCLASSES
from training.datasets.ptbxl import MICROVOLTS_PER_MV, RATE_HZ, in_standard_order, read_file
from training.embedded.data import Examples
from training.embedded.fit import answers
from training.embedded.scores import macro_auroc

Signal = NDArray[np.float64]
Random = np.random.Generator
Change = Callable[[Signal, Random], EcgRecord]

HUM_MV: Final = 0.1
NOISE_MV: Final = 0.1  # rms
WANDER_MV: Final = 0.5  # standard deviation of its amplitude
WANDER_HZ: Final = 0.25
REFERENCE_HZ: Final = 500
RATES_HZ: Final = (100, 250, 1000)  # to which a 500 Hz recording is resampled
REFERENCE: Final = f"{REFERENCE_HZ} Hz"
AS_RELEASED: Final = "100 Hz as released"


@dataclass(frozen=True)
class Cost:
    """Macro AUROC of the superclasses on changed recordings; `lost` against the released ones."""

    name: str
    auroc: float
    lost: float


@dataclass(frozen=True)
class Shift:
    """|difference| of superclass probabilities from the same recordings at 500 Hz."""

    name: str
    median: float
    percentile_95: float
    recordings: int


def costs(
    net: Compact, examples: Examples, held: NDArray[np.intp], preprocessing: Preprocessing
) -> list[Cost]:
    """Return the cost of each change in CHANGES.

    A change is made to the signal as released, before the server's preprocessing.

    held  rows of recordings that `net` was not trained on
    """
    truth = examples.truth[held]
    results: list[Cost] = []
    for name, change in CHANGES.items():
        rng = np.random.default_rng(0)
        segments = []
        for index in held:
            record = change(examples.raw[index] / MICROVOLTS_PER_MV, rng)
            segments.append(_first_segment(record, preprocessing))
        score = macro_auroc(truth, answers(net, np.stack(segments)))
        reference = results[0].auroc if results else score
        results.append(Cost(name, score, reference - score))
    return results


def rate_shifts(
    nets: Mapping[int, Compact],
    examples: Examples,
    preprocessing: Preprocessing,
    slope: Signal,
    offset: Signal,
) -> list[Shift]:
    """Return how much other rates change the probabilities of recordings that have a 500 Hz file.

    nets           fold -> a network that was not trained on it
    slope, offset  (labels,) calibration
    """
    probabilities: dict[str, list[Signal]] = {}
    for index, path in _files_at_500_hz(examples, nets):
        net = nets[int(examples.fold[index])]
        for name, record in _versions(examples, index, path).items():
            logits = answers(net, _first_segment(record, preprocessing)[np.newaxis])[0]
            superclasses = sigmoid(logits * slope + offset)[: len(SUPERCLASSES)]
            probabilities.setdefault(name, []).append(superclasses)
    return [
        _shift(name, values, probabilities[REFERENCE])
        for name, values in probabilities.items()
        if name != REFERENCE
    ]


def _files_at_500_hz(examples: Examples, folds: Container[int]) -> list[tuple[int, Path]]:
    """Return (index in the examples, path) of the recordings of these folds with a 500 Hz file."""
    index_of = {int(row): index for index, row in enumerate(examples.rows)}
    files = []
    for row, path in enumerate(examples.table.files[REFERENCE_HZ]):
        index = index_of.get(row)
        if index is None or path is None:
            continue
        if int(examples.fold[index]) in folds and path.with_suffix(".hea").is_file():
            files.append((index, path))
    return files


def _versions(examples: Examples, index: int, path: Path) -> dict[str, EcgRecord]:
    """Return one recording at every rate, by the rate's name."""
    signal = in_standard_order(read_file(path)).astype(np.float64)
    versions = {
        REFERENCE: _record(signal, float(REFERENCE_HZ)),
        AS_RELEASED: _record(examples.raw[index] / MICROVOLTS_PER_MV),
    }
    for rate in RATES_HZ:
        resampled = scipy.signal.resample_poly(signal, rate, REFERENCE_HZ, axis=1)
        versions[f"{rate} Hz"] = _record(resampled, float(rate))
    return versions


def _shift(name: str, values: list[Signal], reference: list[Signal]) -> Shift:
    difference = np.abs(np.array(values) - np.array(reference))
    median = float(np.median(difference))
    percentile_95 = float(np.percentile(difference, 95))
    return Shift(name, median, percentile_95, len(values))


def _first_segment(record: EcgRecord, preprocessing: Preprocessing) -> NDArray[np.float32]:
    segments = make_segments(twelve_leads(record), record.fs, preprocessing, record.units)
    first: NDArray[np.float32] = segments.data[0]
    return first


def _record(signal: Signal, fs: float = RATE_HZ) -> EcgRecord:
    return EcgRecord(np.ascontiguousarray(signal, np.float32), fs, LEADS)


# Changes: (12, samples) mV at 100 Hz -> the changed recording.


def _unchanged(signal: Signal, rng: Random) -> EcgRecord:
    return _record(signal)


def _filtered_zero_phase(signal: Signal, rng: Random) -> EcgRecord:
    return _record(scipy.signal.sosfiltfilt(_band_pass(), signal, axis=1))


def _filtered_causally(signal: Signal, rng: Random) -> EcgRecord:
    return _record(scipy.signal.sosfilt(_band_pass(), signal - signal[:, :1], axis=1))


def _band_pass() -> NDArray[np.float64]:
    sections: NDArray[np.float64] = scipy.signal.butter(
        2, (0.5, 40.0), "bandpass", fs=RATE_HZ, output="sos"
    )
    return sections


def _with_hum(hz: float) -> Change:
    def change(signal: Signal, rng: Random) -> EcgRecord:
        fast = scipy.signal.resample_poly(signal, 5, 1, axis=1)
        t = np.arange(fast.shape[1]) / (5 * RATE_HZ)
        phase = rng.random((len(signal), 1))
        hum = HUM_MV * np.sin(2 * np.pi * (hz * t + phase))
        return _record(fast + hum, 5 * RATE_HZ)

    return change


def _with_noise(signal: Signal, rng: Random) -> EcgRecord:
    return _record(signal + rng.normal(0.0, NOISE_MV, signal.shape))


def _with_wander(signal: Signal, rng: Random) -> EcgRecord:
    t = np.arange(signal.shape[1]) / RATE_HZ
    height_mv = rng.normal(0.0, WANDER_MV, (len(signal), 1))
    phase = rng.random((len(signal), 1))
    return _record(signal + height_mv * np.sin(2 * np.pi * (WANDER_HZ * t + phase)))


def _at_rate(rate: int) -> Change:
    def change(signal: Signal, rng: Random) -> EcgRecord:
        resampled = scipy.signal.resample_poly(signal, rate, int(RATE_HZ), axis=1)
        return _record(resampled, float(rate))

    return change


def _in_unknown_units(signal: Signal, rng: Random) -> EcgRecord:
    gain = float(np.exp(rng.uniform(-3, 7)))
    return EcgRecord(np.ascontiguousarray(signal * gain, np.float32), RATE_HZ, LEADS, "unknown")


def _shortened(signal: Signal, rng: Random) -> EcgRecord:
    return _record(signal[:, : int(5 * RATE_HZ)])


def _without_chest_leads(count: int) -> Change:
    def change(signal: Signal, rng: Random) -> EcgRecord:
        lost = 6 + rng.permutation(6)[:count]
        kept = [row for row in range(len(LEADS)) if row not in lost]
        leads = tuple(LEADS[row] for row in kept)
        return EcgRecord(np.ascontiguousarray(signal[kept], np.float32), RATE_HZ, leads)

    return change


def _with_flat_leads(signal: Signal, rng: Random) -> EcgRecord:
    lost = rng.permutation(len(LEADS))[:2]
    is_flat = np.isin(np.arange(len(LEADS)), lost)
    return _record(np.where(is_flat[:, None], 0.0, signal))


CHANGES: Final[dict[str, Change]] = {
    "as released": _unchanged,
    "band-passed 0.5-40 Hz, zero phase": _filtered_zero_phase,
    "band-passed 0.5-40 Hz, causal": _filtered_causally,
    f"50 Hz hum of {HUM_MV} mV on every lead": _with_hum(50.0),
    f"60 Hz hum of {HUM_MV} mV on every lead": _with_hum(60.0),
    f"white noise of {NOISE_MV} mV rms on every lead": _with_noise,
    f"wander of {WANDER_MV} mV at {WANDER_HZ} Hz": _with_wander,
    "250 Hz": _at_rate(250),
    "500 Hz": _at_rate(500),
    "units unknown, any gain": _in_unknown_units,
    "the first 5 s alone": _shortened,
    "one chest lead missing": _without_chest_leads(1),
    "two chest leads missing": _without_chest_leads(2),
    "two of the twelve leads flat": _with_flat_leads,
}
