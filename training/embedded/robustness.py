"""What it costs the embedded model when recordings come otherwise: filtered, noisy, short, leads missing, other units and rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
Change = Callable[[Signal, np.random.Generator], EcgRecord]

HUM_MV: Final = 0.1
NOISE_MV: Final = 0.1  # rms
RATES: Final = (100, 250, 1000)  # that a 500 Hz recording is brought to


@dataclass(frozen=True)
class Cost:
    """Macro AUROC of the superclasses on the held-out fold as released and changed."""

    name: str
    auroc: float
    lost: float


@dataclass(frozen=True)
class Shift:
    """|difference| of superclass probabilities against the same recordings at 500 Hz."""

    name: str
    median: float
    percentile_95: float
    recordings: int


def costs(
    net: Compact, examples: Examples, held: NDArray[np.intp], preprocessing: Preprocessing
) -> list[Cost]:
    """net never saw the recordings `held`; each change is made to the signal as released, before the server's own way."""
    truth = examples.truth[held]
    found: list[Cost] = []
    for name, change in CHANGES.items():
        rng = np.random.default_rng(0)
        records = (change(examples.raw[index] / MICROVOLTS_PER_MV, rng) for index in held)
        score = macro_auroc(
            truth,
            answers(net, np.stack([_first_segment(record, preprocessing) for record in records])),
        )
        found.append(Cost(name, score, (found[0].auroc if found else score) - score))
    return found


def rate_shifts(
    nets: Mapping[int, Compact],
    examples: Examples,
    preprocessing: Preprocessing,
    slope: Signal,
    offset: Signal,
) -> list[Shift]:
    """nets: fold -> one that never saw it. Recordings whose 500 Hz file is there, brought to other rates."""
    at = {int(row): index for index, row in enumerate(examples.rows)}
    files = [
        (index, path)
        for row, path in enumerate(examples.table.files[500])
        if (index := at.get(row)) is not None and path is not None
    ]
    files = [
        (index, path)
        for index, path in files
        if int(examples.fold[index]) in nets and path.with_suffix(".hea").is_file()
    ]
    said: dict[str, list[Signal]] = {
        name: [] for name in ("500 Hz", "100 Hz as released", *(f"{rate} Hz" for rate in RATES))
    }
    for index, path in files:
        net, signal = (
            nets[int(examples.fold[index])],
            in_standard_order(read_file(path)).astype(np.float64),
        )
        versions = {
            "500 Hz": _record(signal, 500.0),
            "100 Hz as released": _record(examples.raw[index] / MICROVOLTS_PER_MV),
        }
        versions |= {
            f"{rate} Hz": _record(
                scipy.signal.resample_poly(signal, rate, 500, axis=1), float(rate)
            )
            for rate in RATES
        }
        for name, record in versions.items():
            logits = answers(net, _first_segment(record, preprocessing)[np.newaxis])[0]
            said[name].append(sigmoid(logits * slope + offset)[: len(SUPERCLASSES)])
    return [_shift(name, said[name], said["500 Hz"]) for name in said if name != "500 Hz" and files]


def _shift(name: str, found: list[Signal], reference: list[Signal]) -> Shift:
    difference = np.abs(np.array(found) - np.array(reference))
    return Shift(
        name, float(np.median(difference)), float(np.percentile(difference, 95)), len(found)
    )


def _first_segment(record: EcgRecord, preprocessing: Preprocessing) -> NDArray[np.float32]:
    first: NDArray[np.float32] = make_segments(
        twelve_leads(record), record.fs, preprocessing, record.units
    ).data[0]
    return first


def _record(signal: Signal, fs: float = RATE_HZ, **more: object) -> EcgRecord:
    return EcgRecord(np.ascontiguousarray(signal, np.float32), fs, LEADS, **more)  # type: ignore[arg-type]


def _filtered(signal: Signal, rng: np.random.Generator) -> EcgRecord:
    band = scipy.signal.butter(2, (0.5, 40.0), "bandpass", fs=RATE_HZ, output="sos")
    return _record(scipy.signal.sosfiltfilt(band, signal, axis=1))


def _filtered_once(signal: Signal, rng: np.random.Generator) -> EcgRecord:
    band = scipy.signal.butter(2, (0.5, 40.0), "bandpass", fs=RATE_HZ, output="sos")
    return _record(scipy.signal.sosfilt(band, signal - signal[:, :1], axis=1))


def _hum(hz: float) -> Change:
    def change(signal: Signal, rng: np.random.Generator) -> EcgRecord:
        fast = scipy.signal.resample_poly(signal, 5, 1, axis=1)
        t = np.arange(fast.shape[1]) / (5 * RATE_HZ)
        return _record(
            fast + HUM_MV * np.sin(2 * np.pi * (hz * t + rng.random((len(signal), 1)))), 5 * RATE_HZ
        )

    return change


def _noise(signal: Signal, rng: np.random.Generator) -> EcgRecord:
    return _record(signal + rng.normal(0.0, NOISE_MV, signal.shape))


def _wander(signal: Signal, rng: np.random.Generator) -> EcgRecord:
    t = np.arange(signal.shape[1]) / RATE_HZ
    return _record(
        signal
        + rng.normal(0.0, 0.5, (len(signal), 1))
        * np.sin(2 * np.pi * (0.25 * t + rng.random((len(signal), 1))))
    )


def _at(rate: int) -> Change:
    return lambda signal, rng: _record(
        scipy.signal.resample_poly(signal, rate, int(RATE_HZ), axis=1), float(rate)
    )


def _unknown_units(signal: Signal, rng: np.random.Generator) -> EcgRecord:
    return _record(signal * float(np.exp(rng.uniform(-3, 7))), units="unknown")


def _without(leads: int) -> Change:
    def change(signal: Signal, rng: np.random.Generator) -> EcgRecord:
        lost = 6 + rng.permutation(6)[:leads]
        kept = [row for row in range(len(LEADS)) if row not in lost]
        return EcgRecord(
            np.ascontiguousarray(signal[kept], np.float32),
            RATE_HZ,
            tuple(LEADS[row] for row in kept),
        )

    return change


def _flat(signal: Signal, rng: np.random.Generator) -> EcgRecord:
    lost = rng.permutation(len(LEADS))[:2]
    return _record(np.where(np.isin(np.arange(len(LEADS)), lost)[:, None], 0.0, signal))


CHANGES: Final[dict[str, Change]] = {
    "as released": lambda signal, rng: _record(signal),
    "band-passed 0.5-40 Hz, zero phase": _filtered,
    "band-passed 0.5-40 Hz, causal": _filtered_once,
    f"50 Hz hum of {HUM_MV} mV on every lead": _hum(50.0),
    f"60 Hz hum of {HUM_MV} mV on every lead": _hum(60.0),
    f"white noise of {NOISE_MV} mV rms on every lead": _noise,
    "wander of 0.5 mV at 0.25 Hz": _wander,
    "250 Hz": _at(250),
    "500 Hz": _at(500),
    "units unknown, any gain": _unknown_units,
    "the first 5 s alone": lambda signal, rng: _record(signal[:, : int(5 * RATE_HZ)]),
    "one chest lead missing": _without(1),
    "two chest leads missing": _without(2),
    "two of the twelve leads flat": _flat,
}
