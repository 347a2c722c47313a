"""Compute the features by which a window's quality is judged: by lead, and for the recording.

The features of a lead are sizes (log10 of mV), shares and correlations. Features of the recording
are the quantiles of each lead feature over its leads, and some that concern all leads together.
Their number and order therefore do not depend on the number and the order of the leads. The
functions below describe each feature by its name; the names are part of the trained model's file.
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
from signals.order import mean, median, order_statistics

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
# Quantiles over the leads: 0 is the smallest value, 1 the largest.
QUANTILES: Final = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0)
# 0.1 µV, less than any converter's step. Smaller sizes count as this in logarithms and divisors.
SMALLEST_MV: Final = 1e-4
FEATURE_NAMES: Final = (
    *(f"{name}@{quantile:g}" for name in LEAD_FEATURES for quantile in QUANTILES),
    *RECORD_FEATURES,
)

# The limits from here to _MOST_BEATS are choices. Each is a round number at the edge of a usual
# ECG, and the model learns how much it matters.
# Distance of a sample from its lead's median; most R waves are lower.
BEYOND_MV: Final = 2.0
# Distance of the baseline from its median: 5 mm on paper.
DRIFT_MV: Final = 0.5
# A second is loud if its range exceeds this multiple of the median over all leads and seconds.
LOUD_RATIO: Final = 3.0
# A beat is unlike the others if its likeness (Beats.likeness) is below this.
ALIKE: Final = 0.6
# A lead's beats are alike if their median likeness is above this; a lead agrees with the others if
# its `agreement`, a share of its beats, is above this.
_MOST_BEATS: Final = 0.8

# Limits of three bands: of T and P waves, of most of a QRS complex, and of its fastest part.
SHARES_HZ: Final = (0.67, 5.0, 15.0, 40.0)
# Neighbouring samples are still if they differ by no more: only if they are equal.
_STILL_MV: Final = 0.0


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a window; never NaN.

    lead_features    (leads, len(LEAD_FEATURES)), columns as in LEAD_FEATURES
    record_features  (len(FEATURE_NAMES),), in the order of FEATURE_NAMES
    """

    lead_features: NDArray[np.float64]
    record_features: NDArray[np.float64]

    def by_lead(self, name: str) -> NDArray[np.float64]:
        """Return one of LEAD_FEATURES for each lead, (leads,)."""
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
    joint_features = {
        **_common_features(bands, beats, eigenvalues, second_ranges, deviations),
        **_group_features(lead_features, is_limb),
    }
    quantiles = _quantiles(lead_features).T.ravel()
    row = np.concatenate([quantiles, [joint_features[name] for name in RECORD_FEATURES]])
    return Features(lead_features, np.where(np.isnan(row), 0.0, row))


def _log_mv(size: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return log10 of sizes in mV; sizes below SMALLEST_MV count as SMALLEST_MV."""
    bounded = np.maximum(size, SMALLEST_MV)
    logs: NDArray[np.floating] = np.log10(bounded)
    return logs


def _sample_features(bands: Bands) -> dict[str, NDArray[np.floating]]:
    """Return features (leads,) of the samples as they were sent.

    missing          share of the samples that are missing
    spread           standard deviation, log10 mV
    range            difference of the 1 % and 99 % quantiles, log10 mV
    peak             largest distance from the median, log10 mV
    rough            mean difference of neighbouring samples, log10 mV
    still            share of neighbouring samples that are equal
    longest_still_s  longest run of equal samples, seconds
    step             largest difference of neighbouring samples, log10 mV
    tail             log10 of (largest distance from the median / range + 0.1)
    top_value        share of the samples at the maximum, or at the minimum: the larger of both
    beyond           share of the samples further than BEYOND_MV from the median

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
    """Return features (leads,) of the frequency bands.

    second_ranges  (leads, seconds) peak-to-peak value of each second of 0.67-40 Hz

    baseline         standard deviation below 0.67 Hz, log10 mV
    baseline_range   peak-to-peak value below 0.67 Hz, log10 mV
    baseline_second  largest change of the baseline in 1 s, log10 mV
    share_slow       share of 0.67-5 Hz in the power of 0.67-40 Hz
    share_qrs        share of 5-15 Hz
    share_quick      share of 15-40 Hz
    muscle           median over seconds of the rms of 40-100 Hz, log10 mV
    muscle_second    its maximum over seconds, log10 mV
    mains            rms about the mains frequencies, log10 mV
    busiest_second   largest of `second_ranges`, log10 mV
    quietest_second  smallest of `second_ranges`, log10 mV
    loud_seconds     share of loud seconds (LOUD_RATIO)
    drifting         share of samples of the baseline further than DRIFT_MV from its median
    """
    power = bands.power
    baseline = bands.baseline
    share_bins, mains_bins = _feature_bins(float(bands.hz[1]), bands.hz.size)
    slow, qrs, quick = [power[:, low:high].sum(axis=1) for low, high in share_bins]
    variance = np.maximum(slow + qrs + quick, SMALLEST_MV**2)
    muscle_seconds = _rms_of_seconds(bands.muscle)
    usual_range = max(float(median(second_ranges.ravel())), SMALLEST_MV)
    is_loud = second_ranges > LOUD_RATIO * usual_range
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


# Cached by rate and length of the window.
@lru_cache(maxsize=16)
def _feature_bins(step_hz: float, bins: int) -> tuple[list[tuple[int, int]], NDArray[np.intp]]:
    """Return the bounds of the three bands of SHARES_HZ, and the bins of the mains.

    A band is (first bin, last bin + 1). Bins are `step_hz` apart, from 0 Hz on.
    """
    hz = np.arange(bins) * step_hz
    edges = np.searchsorted(hz, SHARES_HZ).tolist()
    mains_bins = np.flatnonzero(is_mains(hz))
    return list(pairwise(edges)), mains_bins


def _beat_features(beats: Beats) -> dict[str, NDArray[np.floating]]:
    """Return features (leads,) of the beats.

    likeness         median over beats of Beats.likeness, a correlation
    unlike           share of beats below ALIKE
    worst_likeness   20 % quantile of the likeness
    height           peak-to-peak value of the mean beat, log10 mV
    noise            rms of the beats minus the mean beat, log10 mV
    signal_to_noise  log10 of height / noise
    agreement        as Beats.agreement
    prominence       log10 of (Beats.prominence + 0.1)
    """
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
    """Return features (leads,) of each lead's similarity with the others, in 0.67-40 Hz.

    closest    largest absolute correlation with another lead
    explained  share of the lead's variance in the three strongest principal components of all leads
    """
    # A lead's correlation with itself, 1, becomes 0.
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

    leads                  number of leads
    flat_leads             share of leads whose deviation is below SMALLEST_MV
    beats                  beats per second
    rate                   beats per minute, from the median RR interval; 0 without one
    irregularity           standard deviation over mean of the RR intervals; 1 without one
    first_component        share of the first principal component in the variance
    three_components       share of the first three
    worst_second_of_leads  log10 of (largest over seconds of the median over leads of range / usual
                           range + 0.01)
    agreeing_leads         share of leads that agree with the others (_MOST_BEATS)
    """
    leads = len(eigenvalues)
    rr_s = beats.peaks_s[1:] - beats.peaks_s[:-1]
    rate = 0.0
    irregularity = 1.0
    if rr_s.size:
        rate = 60.0 / float(median(rr_s))
        irregularity = float(_deviation(rr_s) / mean(rr_s))
    usual_ranges = np.maximum(median(second_ranges)[:, np.newaxis], SMALLEST_MV)
    # (seconds,) median over leads of a second's range over the lead's usual range
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
    """Return features of the limb leads and of the chest leads.

    like_leads                share of all leads whose beats are alike (_MOST_BEATS)
    limb_noise, ...           mean over the group's leads of a lead feature
    worst_limb_likeness, ...  smallest `worst_likeness` of the group's leads

    A group without leads has the features of the other group.
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
    """Return the rms of each whole second, (leads, seconds)."""
    seconds = _in_seconds(muscle, MUSCLE_RATE_HZ)
    squares = np.vecdot(seconds, seconds)
    rms: NDArray[np.float32] = np.sqrt(squares / np.float32(seconds.shape[2]))
    return rms


def _ranges_of_seconds(band: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the peak-to-peak value of each whole second, (leads, seconds)."""
    seconds = _in_seconds(band, BEATS_RATE_HZ)
    highest = seconds.max(axis=2)
    lowest = seconds.min(axis=2)
    ranges: NDArray[np.float32] = highest - lowest
    return ranges


def _in_seconds(band: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    """Return (leads, samples) as (leads, seconds, samples), without the incomplete last second.

    If the band is shorter than a second, all of it counts as one second.
    """
    leads, samples = band.shape
    width = min(round(rate), samples)
    count = samples // width
    return band[:, : count * width].reshape(leads, count, width)


def _steepest_second(baseline: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest change of the baseline in 1 s, (leads,)."""
    samples = baseline.shape[1]
    lag = min(round(SLOW_RATE_HZ), samples - 1)
    changes = np.abs(baseline[:, lag:] - baseline[:, :-lag])
    steepest: NDArray[np.float32] = changes.max(axis=1)
    return steepest


def _deviation(signal: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the standard deviation over samples: (..., samples) -> (...)."""
    level = signal - mean(signal)[..., np.newaxis]
    variance = np.vecdot(level, level) / signal.shape[-1]
    deviation: NDArray[np.floating] = np.sqrt(variance)
    return deviation


def _share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of samples that are True: (leads, samples) -> (leads,)."""
    # Bytes are added, because numpy's mean would convert all samples to float64 first.
    counts = np.add.reduce(mask.view(np.uint8), axis=1, dtype=np.uint32)
    shares: NDArray[np.float64] = counts / mask.shape[1]
    return shares


def _percentiles(
    signal: NDArray[np.float32], shares: tuple[float, ...]
) -> list[NDArray[np.float32]]:
    """Return a quantile over samples (leads,) for each of `shares`, without interpolation."""
    last = signal.shape[1] - 1
    return order_statistics(signal, [int(share * last) for share in shares])


def _quantiles(lead_features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the QUANTILES over leads of each feature: (leads, features) -> (quantiles, features).

    Values between two leads are interpolated linearly.
    """
    ordered = np.sort(lead_features, axis=0)
    last = len(ordered) - 1
    positions = np.asarray(QUANTILES) * last
    below = np.floor(positions).astype(np.intp)
    above = np.minimum(below + 1, last)
    share = (positions - below)[:, np.newaxis]
    quantiles: NDArray[np.float64] = ordered[below] * (1 - share) + ordered[above] * share
    return quantiles
