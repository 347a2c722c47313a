"""Numbers that a window's quality is judged by: some for each lead, and one row for the recording.

Per lead they are sizes (log10 of mV), shares and correlations. For the recording they are sorted over its leads and read at
fixed places between the worst and the best, so that one lead gives as many numbers as twelve, in whatever order they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import BEATS_RATE_HZ, MUSCLE_RATE_HZ, Bands, is_mains
from signal_quality.beats import Beats
from signals.gaps import longest_runs
from signals.order import mean, median

LEAD_FEATURES: Final = (
    "missing", "spread", "range", "peak", "rough", "still", "longest_still_s", "step", "tail",
    "baseline", "baseline_range", "baseline_second", "share_slow", "share_qrs", "share_quick", "muscle", "muscle_second", "mains",
    "busiest_second", "quietest_second", "likeness", "worst_likeness", "height", "noise", "signal_to_noise", "agreement", "prominence",
    "explained", "closest", "top_value", "beyond", "loud_seconds", "drifting", "unlike",
)  # fmt: skip
RECORD_FEATURES: Final = (
    "leads", "flat_leads", "beats", "rate", "irregularity", "first_component", "three_components", "agreeing_leads", "like_leads",
    "worst_second_of_leads", "limb_noise", "chest_noise", "limb_muscle", "chest_muscle", "limb_baseline", "chest_baseline",
    "limb_likeness", "chest_likeness", "worst_limb_likeness", "worst_chest_likeness",
)  # fmt: skip
PLACES: Final = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0)  # of the sorted leads
SMALLEST_MV: Final = 1e-4  # 0.1 µV, under any ADC's step: where a logarithm ends
NAMES: Final = (
    *(f"{name}@{place:g}" for name in LEAD_FEATURES for place in PLACES),
    *RECORD_FEATURES,
)

# Choices, each a round number at the edge of what a usual ECG does; what is made of them is learned.
BEYOND_MV: Final = 2.0  # from the median: past most R waves
DRIFT_MV: Final = 0.5  # 5 mm on paper
LOUD: Final = 3.0  # times the usual second of the usual lead
ALIKE: Final = 0.6

SHARES_HZ: Final = (
    0.67,
    5.0,
    15.0,
    40.0,
)  # between these lie T and P waves, most of a QRS complex, and its quickest part
_STILL_MV: Final = 0.0  # equal to the last bit


@dataclass(frozen=True, eq=False)
class Features:
    """of_leads (leads, LEAD_FEATURES) and of_record (NAMES,); NaN never."""

    of_leads: NDArray[np.float64]
    of_record: NDArray[np.float64]

    def lead(self, name: str) -> NDArray[np.float64]:
        return self.of_leads[:, LEAD_FEATURES.index(name)]


def measure(bands: Bands, beats: Beats, limb: NDArray[np.bool_]) -> Features:
    """Everything of one window; `limb` (leads,) tells limb leads from chest leads."""
    correlations, spread = correlation_of(bands.beats)
    values, vectors = np.linalg.eigh(correlations)
    seconds = _ptp_of_seconds(bands.beats)
    columns = {
        **_of_samples(bands),
        **_of_bands(bands, seconds),
        **_of_beats(beats),
        **_between(correlations, values, vectors),
    }
    of_leads = np.empty((len(bands.raw), len(LEAD_FEATURES)))
    for column, name in enumerate(LEAD_FEATURES):
        of_leads[:, column] = columns[name]
    of_leads[np.isnan(of_leads)] = 0.0  # of beats, where there are none
    record = {**_of_all_leads(bands, beats, values, seconds, spread), **_of_groups(of_leads, limb)}
    whole = np.concatenate(
        [_at_places(of_leads).T.ravel(), [record[name] for name in RECORD_FEATURES]]
    )
    return Features(of_leads, np.where(np.isnan(whole), 0.0, whole))


def log_mv(size: NDArray[np.floating]) -> NDArray[np.floating]:
    logs: NDArray[np.floating] = np.log10(np.maximum(size, SMALLEST_MV))
    return logs


def _of_samples(bands: Bands) -> dict[str, NDArray[np.floating]]:
    """From the samples as they came: spread, extremes, stillness, steps; what needs no neighbours, of every second sample or fourth."""
    raw = bands.raw
    changes = np.abs(raw[:, 1:] - raw[:, :-1])
    still = changes <= _STILL_MV
    highest, lowest = raw.max(axis=1), raw.min(axis=1)
    some = raw[:, ::2].copy()
    low, middle, high = _percentiles(some[:, ::2], (0.01, 0.5, 0.99))
    extremes = np.maximum(highest - middle, middle - lowest)
    top = np.maximum(_share(some >= highest[:, np.newaxis]), _share(some <= lowest[:, np.newaxis]))
    some -= middle[:, np.newaxis]
    spread = np.sqrt(
        np.maximum(np.vecdot(some, some) / np.float32(some.shape[1]) - np.square(mean(some)), 0.0)
    )
    return {
        "missing": bands.missing,
        "spread": log_mv(spread),
        "range": log_mv(high - low),
        "peak": log_mv(extremes),
        "rough": log_mv(mean(changes)),
        "still": _share(still),
        "longest_still_s": longest_runs(still) / bands.fs,
        "step": log_mv(changes.max(axis=1)),
        "tail": np.log10(extremes / np.maximum(high - low, SMALLEST_MV) + 0.1),
        "top_value": top,
        "beyond": _share(np.abs(some, out=some) > BEYOND_MV),
    }


def _of_bands(bands: Bands, busy: NDArray[np.float32]) -> dict[str, NDArray[np.floating]]:
    """`busy` (leads, seconds) is each second's peak to peak."""
    power, baseline = bands.power, bands.baseline
    shares, mains = _bins(float(bands.hz[1]), bands.hz.size)
    slow, qrs, quick = (power[:, low:high].sum(axis=1) for low, high in shares)
    variance = np.maximum(slow + qrs + quick, SMALLEST_MV**2)
    muscle_seconds = _rms_of_seconds(bands.muscle)
    return {
        "baseline": log_mv(_spread(baseline)),
        "baseline_range": log_mv(baseline.max(axis=1) - baseline.min(axis=1)),
        "baseline_second": log_mv(_steepest_second(baseline)),
        "share_slow": slow / variance,
        "share_qrs": qrs / variance,
        "share_quick": quick / variance,
        "muscle": log_mv(median(muscle_seconds)),
        "muscle_second": log_mv(muscle_seconds.max(axis=1)),
        "mains": log_mv(np.sqrt(power[:, mains].sum(axis=1))),
        "busiest_second": log_mv(busy.max(axis=1)),
        "quietest_second": log_mv(busy.min(axis=1)),
        "loud_seconds": (busy > LOUD * max(float(median(busy.ravel())), SMALLEST_MV)).mean(axis=1),
        "drifting": _share(np.abs(baseline - median(baseline)[:, np.newaxis]) > DRIFT_MV),
    }


@lru_cache(maxsize=16)  # one for each rate and length
def _bins(step_hz: float, bins: int) -> tuple[list[tuple[int, int]], NDArray[np.intp]]:
    """First and last bin of the slow, the QRS's and the quick share, and the bins of the mains."""
    hz = np.arange(bins) * step_hz
    return list(pairwise(np.searchsorted(hz, SHARES_HZ).tolist())), np.flatnonzero(is_mains(hz))


def _of_beats(beats: Beats) -> dict[str, NDArray[np.floating]]:
    ordered = np.sort(beats.likeness, axis=1)
    last = ordered.shape[1] - 1
    return {
        "likeness": ordered[:, last // 2],
        "unlike": _share(beats.likeness < ALIKE),
        "worst_likeness": ordered[:, last // 5],
        "height": log_mv(beats.height),
        "noise": log_mv(beats.noise),
        "signal_to_noise": np.log10((beats.height + SMALLEST_MV) / (beats.noise + SMALLEST_MV)),
        "agreement": beats.agreement,
        "prominence": np.log10(beats.prominence + 0.1),
    }


def _between(
    correlations: NDArray[np.float64], values: NDArray[np.float64], vectors: NDArray[np.float64]
) -> dict[str, NDArray[np.floating]]:
    """How well each lead's 0.67-40 Hz is told by the others: by the closest, and by their strongest three components."""
    others = np.abs(correlations - np.eye(len(correlations)))
    shared = np.square(vectors[:, -3:]) @ values[-3:]
    return {"closest": others.max(axis=1), "explained": shared}


def _of_all_leads(
    bands: Bands,
    beats: Beats,
    values: NDArray[np.float64],
    seconds: NDArray[np.float32],
    spread: NDArray[np.float64],
) -> dict[str, float | np.floating]:
    """`values` are those of the leads' correlations, ascending; `spread` (leads,) is of 0.67-40 Hz."""
    rr = beats.peaks_s[1:] - beats.peaks_s[:-1]
    usual = np.maximum(median(seconds)[:, np.newaxis], SMALLEST_MV)
    return {
        "leads": float(len(values)),
        "flat_leads": np.count_nonzero(spread < SMALLEST_MV) / len(spread),
        "beats": beats.peaks_s.size / max(bands.seconds, 1.0),
        "rate": 60.0 / float(median(rr)) if rr.size else 0.0,
        "irregularity": float(_spread(rr) / mean(rr)) if rr.size else 1.0,
        "first_component": values[-1] / len(values),
        "three_components": values[-3:].sum() / len(values),
        "worst_second_of_leads": np.log10(median(seconds / usual, axis=0).max() + 0.01),
        "agreeing_leads": np.count_nonzero(beats.agreement > 0.8) / len(spread),
    }


def _of_groups(
    of_leads: NDArray[np.float64], limb: NDArray[np.bool_]
) -> dict[str, float | np.floating]:
    """Means over the limb and the chest leads, over all where there are none of the group."""
    likeness, worst = (
        of_leads[:, LEAD_FEATURES.index(name)] for name in ("likeness", "worst_likeness")
    )
    found: dict[str, float | np.floating] = {
        "like_leads": np.count_nonzero(likeness > 0.8) / len(likeness)
    }
    for group, members in (("limb", limb), ("chest", ~limb)):
        rows = np.flatnonzero(members if members.any() else ~members)
        means = mean(of_leads[rows], axis=0)
        found |= {
            f"{group}_{name}": means[LEAD_FEATURES.index(name)]
            for name in ("noise", "muscle", "baseline", "likeness")
        }
        found[f"worst_{group}_likeness"] = worst[rows].min()
    return found


def correlation_of(signal: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(leads, leads), where a constant lead correlates with itself alone, and (leads,) standard deviations."""
    centred = signal - mean(signal)[:, np.newaxis]
    products = (centred @ centred.T).astype(np.float64)
    sizes = np.sqrt(np.maximum(products.diagonal(), 1e-12))
    found = products / (sizes[:, np.newaxis] * sizes)
    np.fill_diagonal(found, 1.0)
    return np.minimum(np.maximum(found, -1.0), 1.0), sizes / np.sqrt(signal.shape[1])


def _rms_of_seconds(muscle: NDArray[np.float32]) -> NDArray[np.float32]:
    """(leads, seconds) of each whole second."""
    seconds = _seconds(muscle, MUSCLE_RATE_HZ)
    rms: NDArray[np.float32] = np.sqrt(np.vecdot(seconds, seconds) / np.float32(seconds.shape[2]))
    return rms


def _ptp_of_seconds(band: NDArray[np.float32]) -> NDArray[np.float32]:
    seconds = _seconds(band, BEATS_RATE_HZ)
    ranges: NDArray[np.float32] = seconds.max(axis=2) - seconds.min(axis=2)
    return ranges


def _seconds(band: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    width = min(round(rate), band.shape[1])
    count = band.shape[1] // width
    return band[:, : count * width].reshape(len(band), count, width)


def _steepest_second(baseline: NDArray[np.float32]) -> NDArray[np.float32]:
    lag = min(10, baseline.shape[1] - 1)  # 1 s at 10 Hz
    steepest: NDArray[np.float32] = np.abs(baseline[:, lag:] - baseline[:, :-lag]).max(axis=1)
    return steepest


def _spread(signal: NDArray[np.floating]) -> NDArray[np.floating]:
    """(..., samples) -> (...) standard deviation."""
    level = signal - mean(signal)[..., np.newaxis]
    spread: NDArray[np.floating] = np.sqrt(np.vecdot(level, level) / signal.shape[-1])
    return spread


def _share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(leads, samples) -> (leads,) share of True; numpy's mean makes float64 of all samples first."""
    shares: NDArray[np.float64] = (
        np.add.reduce(mask.view(np.uint8), axis=1, dtype=np.uint32) / mask.shape[1]
    )
    return shares


def _percentiles(
    signal: NDArray[np.float32], shares: tuple[float, ...]
) -> list[NDArray[np.float32]]:
    """Order statistics."""
    places = [int(share * (signal.shape[1] - 1)) for share in shares]
    ordered = np.partition(signal, places, axis=1)
    return [ordered[:, place] for place in places]


def _at_places(of_leads: NDArray[np.float64]) -> NDArray[np.float64]:
    """(leads, features) -> (places, features), between the smallest and the largest lead, linearly."""
    ordered = np.sort(of_leads, axis=0)
    at = np.asarray(PLACES) * (len(ordered) - 1)
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    share = (at - below)[:, np.newaxis]
    places: NDArray[np.float64] = ordered[below] * (1 - share) + ordered[above] * share
    return places
