"""The numbers by which a window's quality is judged: some for each lead, and one row for all.

Those of a lead are sizes (log10 of mV), shares and correlations. For the recording, they are sorted
over its leads and read at fixed places between the smallest and the largest. One lead therefore
gives as many numbers as twelve, in whatever order they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import BEATS_RATE_HZ, MUSCLE_RATE_HZ, SLOW_RATE_HZ, Bands, is_mains
from signal_quality.beats import Beats
from signals.gaps import longest_runs
from signals.order import mean, median

LEAD_FEATURES: Final = (
    "missing", "spread", "range", "peak", "rough", "still", "longest_still_s", "step", "tail",
    "baseline", "baseline_range", "baseline_second", "share_slow", "share_qrs", "share_quick",
    "muscle", "muscle_second", "mains", "busiest_second", "quietest_second", "likeness",
    "worst_likeness", "height", "noise", "signal_to_noise", "agreement", "prominence", "explained",
    "closest", "top_value", "beyond", "loud_seconds", "drifting", "unlike",
)  # fmt: skip
RECORD_FEATURES: Final = (
    "leads", "flat_leads", "beats", "rate", "irregularity", "first_component", "three_components",
    "agreeing_leads", "like_leads", "worst_second_of_leads", "limb_noise", "chest_noise",
    "limb_muscle", "chest_muscle", "limb_baseline", "chest_baseline", "limb_likeness",
    "chest_likeness", "worst_limb_likeness", "worst_chest_likeness",
)  # fmt: skip
# Where the sorted leads are read: 0 is the smallest, 1 the largest.
PLACES: Final = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0)
# 0.1 µV, less than any converter's step: logarithms are taken of at least this.
SMALLEST_MV: Final = 1e-4
FEATURE_NAMES: Final = (
    *(f"{name}@{place:g}" for name in LEAD_FEATURES for place in PLACES),
    *RECORD_FEATURES,
)

# Choices, each a round number at the edge of a usual ECG. The model learns what follows from them.
# From the median: beyond most R waves.
BEYOND_MV: Final = 2.0
# 5 mm on paper.
DRIFT_MV: Final = 0.5
# Times the usual second of the usual lead.
LOUD: Final = 3.0
ALIKE: Final = 0.6
# A lead counts as like, or as agreeing, above this likeness or this share of its beats.
_MOST_BEATS: Final = 0.8

# Between these are T and P waves, most of a QRS complex, and its quickest part.
SHARES_HZ: Final = (0.67, 5.0, 15.0, 40.0)
# Equal to the last bit.
_STILL_MV: Final = 0.0


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a window; never NaN.

    lead_features    (leads, LEAD_FEATURES)
    record_features  (FEATURE_NAMES,)
    """

    lead_features: NDArray[np.float64]
    record_features: NDArray[np.float64]

    def by_lead(self, name: str) -> NDArray[np.float64]:
        """Return (leads,) one of LEAD_FEATURES."""
        return self.lead_features[:, LEAD_FEATURES.index(name)]


def measure_features(bands: Bands, beats: Beats, is_limb: NDArray[np.bool_]) -> Features:
    """Return the features of one window.

    is_limb  (leads,) True for limb leads, False for chest leads
    """
    correlations, deviations = _correlate(bands.beats)
    eigenvalues, eigenvectors = np.linalg.eigh(correlations)
    second_ranges = _ranges_of_seconds(bands.beats)
    columns = {
        **_sample_features(bands),
        **_band_features(bands, second_ranges),
        **_beat_features(beats),
        **_correlation_features(correlations, eigenvalues, eigenvectors),
    }
    lead_features = np.empty((len(bands.raw), len(LEAD_FEATURES)))
    for column, name in enumerate(LEAD_FEATURES):
        lead_features[:, column] = columns[name]
    # Features of beats are NaN in a window without beats.
    lead_features[np.isnan(lead_features)] = 0.0
    of_all_leads = {
        **_common_features(bands, beats, eigenvalues, second_ranges, deviations),
        **_group_features(lead_features, is_limb),
    }
    at_places = _at_places(lead_features).T.ravel()
    row = np.concatenate([at_places, [of_all_leads[name] for name in RECORD_FEATURES]])
    return Features(lead_features, np.where(np.isnan(row), 0.0, row))


def _log_mv(size: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the log10 of sizes in mV; those below 0.1 µV count as that."""
    bounded = np.maximum(size, SMALLEST_MV)
    logs: NDArray[np.floating] = np.log10(bounded)
    return logs


def _sample_features(bands: Bands) -> dict[str, NDArray[np.floating]]:
    """Return features of the samples as they were sent: spread, extremes, stillness and steps.

    Features that need no neighbouring samples are computed from every second or fourth sample,
    which is faster.
    """
    raw = bands.raw
    changes = np.abs(raw[:, 1:] - raw[:, :-1])
    is_still = changes <= _STILL_MV
    highest = raw.max(axis=1)
    lowest = raw.min(axis=1)
    # A copy, because it is written to below.
    half = raw[:, ::2].copy()
    # (leads,) each
    low, middle, high = _percentiles(half[:, ::2], (0.01, 0.5, 0.99))
    usual_range = high - low
    extreme = np.maximum(highest - middle, middle - lowest)
    at_highest = _share(half >= highest[:, np.newaxis])
    at_lowest = _share(half <= lowest[:, np.newaxis])
    half -= middle[:, np.newaxis]
    mean_square = np.vecdot(half, half) / np.float32(half.shape[1])
    variance = mean_square - np.square(mean(half))
    spread = np.sqrt(np.maximum(variance, 0.0))
    distance = np.abs(half, out=half)
    return {
        "missing": bands.missing,
        "spread": _log_mv(spread),
        "range": _log_mv(usual_range),
        "peak": _log_mv(extreme),
        "rough": _log_mv(mean(changes)),
        "still": _share(is_still),
        "longest_still_s": longest_runs(is_still) / bands.fs,
        "step": _log_mv(changes.max(axis=1)),
        "tail": np.log10(extreme / np.maximum(usual_range, SMALLEST_MV) + 0.1),
        "top_value": np.maximum(at_highest, at_lowest),
        "beyond": _share(distance > BEYOND_MV),
    }


def _band_features(
    bands: Bands, second_ranges: NDArray[np.float32]
) -> dict[str, NDArray[np.floating]]:
    """Return features of the frequency bands.

    second_ranges  (leads, seconds) peak-to-peak value of each second of 0.67-40 Hz
    """
    power = bands.power
    baseline = bands.baseline
    share_bins, mains_bins = _feature_bins(float(bands.hz[1]), bands.hz.size)
    slow, qrs, quick = [power[:, low:high].sum(axis=1) for low, high in share_bins]
    variance = np.maximum(slow + qrs + quick, SMALLEST_MV**2)
    muscle_seconds = _rms_of_seconds(bands.muscle)
    usual_range = max(float(median(second_ranges.ravel())), SMALLEST_MV)
    is_loud = second_ranges > LOUD * usual_range
    baseline_middle = median(baseline)[:, np.newaxis]
    baseline_distance = np.abs(baseline - baseline_middle)
    mains_power = power[:, mains_bins].sum(axis=1)
    return {
        "baseline": _log_mv(_deviation(baseline)),
        "baseline_range": _log_mv(baseline.max(axis=1) - baseline.min(axis=1)),
        "baseline_second": _log_mv(_steepest_second(baseline)),
        "share_slow": slow / variance,
        "share_qrs": qrs / variance,
        "share_quick": quick / variance,
        "muscle": _log_mv(median(muscle_seconds)),
        "muscle_second": _log_mv(muscle_seconds.max(axis=1)),
        "mains": _log_mv(np.sqrt(mains_power)),
        "busiest_second": _log_mv(second_ranges.max(axis=1)),
        "quietest_second": _log_mv(second_ranges.min(axis=1)),
        "loud_seconds": is_loud.mean(axis=1),
        "drifting": _share(baseline_distance > DRIFT_MV),
    }


# One for each rate and length.
@lru_cache(maxsize=16)
def _feature_bins(step_hz: float, bins: int) -> tuple[list[tuple[int, int]], NDArray[np.intp]]:
    """Return (first, last + 1) bin of the slow, the QRS and the quick share, and the mains bins."""
    hz = np.arange(bins) * step_hz
    edges = np.searchsorted(hz, SHARES_HZ).tolist()
    mains_bins = np.flatnonzero(is_mains(hz))
    return list(pairwise(edges)), mains_bins


def _beat_features(beats: Beats) -> dict[str, NDArray[np.floating]]:
    # Ascending in each lead: the middle one, and the one at a fifth.
    ordered = np.sort(beats.likeness, axis=1)
    last = ordered.shape[1] - 1
    ratio = (beats.height + SMALLEST_MV) / (beats.noise + SMALLEST_MV)
    return {
        "likeness": ordered[:, last // 2],
        "unlike": _share(beats.likeness < ALIKE),
        "worst_likeness": ordered[:, last // 5],
        "height": _log_mv(beats.height),
        "noise": _log_mv(beats.noise),
        "signal_to_noise": np.log10(ratio),
        "agreement": beats.agreement,
        "prominence": np.log10(beats.prominence + 0.1),
    }


def _correlation_features(
    correlations: NDArray[np.float64],
    eigenvalues: NDArray[np.float64],
    eigenvectors: NDArray[np.float64],
) -> dict[str, NDArray[np.floating]]:
    """Return how well each lead's 0.67-40 Hz follow from the other leads.

    "closest" is the correlation with the most similar lead, "explained" the share of its variance
    in the strongest three components of all leads.
    """
    # Without each lead's correlation with itself.
    others = np.abs(correlations - np.eye(len(correlations)))
    explained = np.square(eigenvectors[:, -3:]) @ eigenvalues[-3:]
    return {"closest": others.max(axis=1), "explained": explained}


def _common_features(
    bands: Bands,
    beats: Beats,
    eigenvalues: NDArray[np.float64],
    second_ranges: NDArray[np.float32],
    deviations: NDArray[np.float64],
) -> dict[str, float | np.floating]:
    """Return features of all leads together.

    eigenvalues    (leads,) of the leads' correlations, ascending
    second_ranges  (leads, seconds) peak-to-peak value of each second of 0.67-40 Hz
    deviations     (leads,) standard deviation of 0.67-40 Hz
    """
    leads = len(eigenvalues)
    rr_s = beats.peaks_s[1:] - beats.peaks_s[:-1]
    rate = 0.0
    irregularity = 1.0
    if rr_s.size:
        rate = 60.0 / float(median(rr_s))
        irregularity = float(_deviation(rr_s) / mean(rr_s))
    usual_ranges = np.maximum(median(second_ranges)[:, np.newaxis], SMALLEST_MV)
    # (seconds,) the middle lead's range over its usual range
    loudness = median(second_ranges / usual_ranges, axis=0)
    return {
        "leads": float(leads),
        "flat_leads": np.count_nonzero(deviations < SMALLEST_MV) / leads,
        "beats": beats.peaks_s.size / max(bands.seconds, 1.0),
        "rate": rate,
        "irregularity": irregularity,
        "first_component": eigenvalues[-1] / leads,
        "three_components": eigenvalues[-3:].sum() / leads,
        "worst_second_of_leads": np.log10(loudness.max() + 0.01),
        "agreeing_leads": np.count_nonzero(beats.agreement > _MOST_BEATS) / leads,
    }


def _group_features(
    lead_features: NDArray[np.float64], is_limb: NDArray[np.bool_]
) -> dict[str, float | np.floating]:
    """Return means over the limb leads and over the chest leads.

    A group without leads has the means of the other group.
    """
    likeness = lead_features[:, LEAD_FEATURES.index("likeness")]
    worst = lead_features[:, LEAD_FEATURES.index("worst_likeness")]
    features: dict[str, float | np.floating] = {
        "like_leads": np.count_nonzero(likeness > _MOST_BEATS) / len(likeness)
    }
    for group, members in (("limb", is_limb), ("chest", ~is_limb)):
        rows = np.flatnonzero(members if members.any() else ~members)
        means = mean(lead_features[rows], axis=0)
        for name in ("noise", "muscle", "baseline", "likeness"):
            features[f"{group}_{name}"] = means[LEAD_FEATURES.index(name)]
        features[f"worst_{group}_likeness"] = worst[rows].min()
    return features


def _correlate(signal: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (leads, leads) correlations and (leads,) standard deviations of (leads, samples).

    A constant lead correlates with itself only.
    """
    centred = signal - mean(signal)[:, np.newaxis]
    products = (centred @ centred.T).astype(np.float64)
    squares = products.diagonal()
    norms = np.sqrt(np.maximum(squares, 1e-12))
    correlations = products / (norms[:, np.newaxis] * norms)
    np.fill_diagonal(correlations, 1.0)
    # Single-precision products may exceed the norms by a rounding error.
    bounded = np.minimum(np.maximum(correlations, -1.0), 1.0)
    deviations = norms / np.sqrt(signal.shape[1])
    return bounded, deviations


def _rms_of_seconds(muscle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (leads, seconds) the rms of each whole second."""
    seconds = _in_seconds(muscle, MUSCLE_RATE_HZ)
    squares = np.vecdot(seconds, seconds)
    rms: NDArray[np.float32] = np.sqrt(squares / np.float32(seconds.shape[2]))
    return rms


def _ranges_of_seconds(band: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (leads, seconds) the peak-to-peak value of each whole second."""
    seconds = _in_seconds(band, BEATS_RATE_HZ)
    highest = seconds.max(axis=2)
    lowest = seconds.min(axis=2)
    ranges: NDArray[np.float32] = highest - lowest
    return ranges


def _in_seconds(band: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    """Reshape (leads, samples) to (leads, seconds, samples); the rest of a second is dropped.

    A band of less than a second is one second.
    """
    leads, samples = band.shape
    width = min(round(rate), samples)
    count = samples // width
    return band[:, : count * width].reshape(leads, count, width)


def _steepest_second(baseline: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (leads,) the largest change of the baseline in 1 s."""
    samples = baseline.shape[1]
    lag = min(round(SLOW_RATE_HZ), samples - 1)
    changes = np.abs(baseline[:, lag:] - baseline[:, :-lag])
    steepest: NDArray[np.float32] = changes.max(axis=1)
    return steepest


def _deviation(signal: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (...) the standard deviation of (..., samples)."""
    level = signal - mean(signal)[..., np.newaxis]
    variance = np.vecdot(level, level) / signal.shape[-1]
    deviation: NDArray[np.floating] = np.sqrt(variance)
    return deviation


def _share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (leads,) the share of True in (leads, samples).

    Counted in bytes: numpy's mean would convert all samples to float64 first.
    """
    counts = np.add.reduce(mask.view(np.uint8), axis=1, dtype=np.uint32)
    shares: NDArray[np.float64] = counts / mask.shape[1]
    return shares


def _percentiles(
    signal: NDArray[np.float32], shares: tuple[float, ...]
) -> list[NDArray[np.float32]]:
    """Return for each share (leads,) the value that this share of (leads, samples) lies below."""
    last = signal.shape[1] - 1
    ranks = [int(share * last) for share in shares]
    ordered = np.partition(signal, ranks, axis=1)
    return [ordered[:, rank] for rank in ranks]


def _at_places(lead_features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (places, features): each feature of (leads, features), sorted, read at PLACES.

    Between two leads it is interpolated linearly.
    """
    ordered = np.sort(lead_features, axis=0)
    last = len(ordered) - 1
    places = np.asarray(PLACES) * last
    below = np.floor(places).astype(np.intp)
    above = np.minimum(below + 1, last)
    share = (places - below)[:, np.newaxis]
    at_places: NDArray[np.float64] = ordered[below] * (1 - share) + ordered[above] * share
    return at_places
