"""Exact times of beats and the level of ST, from five minutes of the recording's own samples.

The watch sees 125 samples a second, so that its beats are exact to 8 ms, and which of two peaks of
a QRS complex it takes may change. For the variability of the rate each beat's time is found again
at the recording's rate, between its samples. ST is measured on the median of the segment's normal
beats, where the delineator (docs/models) reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from analysis.holter.rhythm import Array, Indices, Mask
from intervals.beat_grid import BEAT_HZ, BEAT_SAMPLES, BEFORE_S, sample_at
from intervals.boundaries import MAX_OFFSET_SPREAD_MS
from intervals.calibration import corrected, shipped_calibration
from intervals.delineator import delineate
from intervals.fiducials import QRS_OFF, QRS_ON, find_fiducials

Signal = NDArray[np.float32]

SEGMENT_S: Final = 300
# Samples before and after the segment: a beat at its edge is measured whole.
MARGIN_S: Final = 1.0
# A QRS complex is laid on the usual one within this time: its R and S peaks are as far apart.
SLACK_S: Final = 0.06
HALF_QRS_S: Final = 0.06
PASSES: Final = 2  # the second one with the median of beats that lie on each other
# A choice: a median of so many beats has about a fifth of the noise of one.
MIN_ST_BEATS: Final = 30
MIN_ST_FS_HZ: Final = 125.0
ST_AFTER_J_MS: Final = 60.0
# The level that ST is compared with: the end of the PR segment, from here to here before the QRS
# complex begins; a choice.
LEVEL_FROM_MS, LEVEL_TO_MS = 20.0, 4.0
# Beats are laid on each other by their level from here to here, seconds from the peak; a choice.
BEFORE_QRS_S: Final = (-0.12, -0.06)


@dataclass(frozen=True, eq=False)
class Waves:
    """A segment.

    peak_s    (beats,) exact times of all beats of the segment
    st_mv     (leads,) NaN where it is not measured
    averaged  normal beats in the median
    reason    why ST is measured in no lead; None where it is
    """

    start_s: float
    peak_s: Array
    st_mv: Array
    averaged: int
    reason: str | None


def measure_segment(
    signal: Signal, fs: float, signal_s: float, start_s: float, beat_s: Array, is_normal: Mask
) -> Waves:
    """Return the exact peaks and the ST level of a segment.

    signal    (leads, samples) mV, NaN for gaps; its first sample is at `signal_s`
    start_s   of the segment
    beat_s    (beats,) of the segment
    """
    at = np.rint((beat_s - signal_s) * fs).astype(np.intp)
    offset_s = _peak_offsets_s(signal, fs, at, is_normal)
    peak_s = signal_s + at / fs + offset_s
    peak_s = np.where(np.isnan(offset_s), beat_s, peak_s)
    none = np.full(len(signal), np.nan)
    normal_s = peak_s[is_normal] - signal_s
    if fs < MIN_ST_FS_HZ:
        return Waves(start_s, peak_s, none, 0, "sampling_rate")
    cuts = _cuts(signal, fs, normal_s)
    if len(cuts) < MIN_ST_BEATS:
        return Waves(start_s, peak_s, none, len(cuts), "few_normal_beats")
    beat = _median_beat(cuts)
    st_mv, reason = _st_mv(beat)
    return Waves(start_s, peak_s, st_mv, len(cuts), reason)


def _peak_offsets_s(signal: Signal, fs: float, at: Indices, is_normal: Mask) -> Array:
    """Return (beats,) seconds from the sample `at` to the beat's exact time, NaN for none.

    The QRS complex of the largest lead is laid on the median of the segment's normal ones where the
    two differ least, between the samples. Unlike the highest sample, this does not depend on
    notches and flat tops.
    """
    slack, half = max(round(SLACK_S * fs), 2), max(round(HALF_QRS_S * fs), 3)
    reach = half + slack
    offsets = np.full(at.size, np.nan)
    inside = np.flatnonzero((at >= reach) & (at < signal.shape[1] - reach))
    if inside.size == 0:
        return offsets
    windows = sliding_window_view(signal, 2 * reach + 1, axis=1)[:, at[inside] - reach]
    chosen = is_normal[inside] if is_normal[inside].any() else np.ones(inside.size, np.bool_)
    sizes = np.array([_median_known(np.ptp(row[chosen], axis=1)) for row in windows])
    if not (sizes > 0).any():
        return offsets
    own = windows[int(sizes.argmax())].astype(np.float64)
    known = np.flatnonzero(~np.isnan(own).any(axis=1))
    if not chosen[known].any():
        return offsets
    shifts = sliding_window_view(own[known], 2 * half + 1, axis=1)
    shifts = shifts - shifts.mean(axis=2, keepdims=True)
    places = np.full(known.size, slack)
    for _ in range(PASSES):
        beats = shifts[np.arange(known.size), places]
        difference = ((shifts - np.median(beats[chosen[known]], axis=0)) ** 2).sum(axis=2)
        places = difference.argmin(axis=1)
    offsets[inside[known]] = (places + _between(difference, places) - slack) / fs
    return offsets


def _between(values: Array, places: Indices) -> Array:
    """Return (rows,) how far the minimum of the parabola around `places` is from there."""
    rows, last = np.arange(len(values)), values.shape[1] - 1
    before, after = (values[rows, np.clip(places + step, 0, last)] for step in (-1, 1))
    curvature = before - 2 * values[rows, places] + after
    is_round = (places > 0) & (places < last) & (curvature > 0)
    shift: Array = np.where(
        is_round, 0.5 * (before - after) / np.where(is_round, curvature, 1.0), 0.0
    )
    return shift


def _median_known(values: NDArray[np.floating]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else 0.0


def _cuts(signal: Signal, fs: float, peak_s: Array) -> Signal:
    """Return (beats, leads, samples) of the beats that lie wholly within the signal."""
    before, samples = round(BEFORE_S * fs), round(BEAT_SAMPLES / BEAT_HZ * fs)
    first = np.rint(peak_s * fs).astype(np.intp) - before
    first = first[(first >= 0) & (first + samples <= signal.shape[1])]
    windows = sliding_window_view(signal, samples, axis=1)[:, first].transpose(1, 0, 2)
    start, stop = (before + round(edge * fs) for edge in BEFORE_QRS_S)
    return np.asarray(windows - windows[:, :, start:stop].mean(axis=2, keepdims=True))


def _median_beat(cuts: Signal) -> Array:
    """Return (leads, BEAT_SAMPLES) the median beat at BEAT_HZ; NaN for a lead with few beats."""
    known = ~np.isnan(cuts.sum(axis=2))
    beat = np.full((cuts.shape[1], BEAT_SAMPLES), np.nan)
    places = np.arange(BEAT_SAMPLES) * (cuts.shape[2] / BEAT_SAMPLES)
    for lead in range(cuts.shape[1]):
        own = cuts[known[:, lead], lead]
        if len(own) >= MIN_ST_BEATS:
            beat[lead] = np.interp(places, np.arange(own.shape[1]), np.median(own, axis=0))
    return beat


def _st_mv(beat: Array) -> tuple[Array, str | None]:
    """Return (leads,) the level ST_AFTER_J_MS after the QRS complex, and why there is none."""
    st_mv = np.full(len(beat), np.nan)
    known = ~np.isnan(beat).any(axis=1)
    if not known.any():
        return st_mv, "few_normal_beats"
    delineation = delineate(beat[known].astype(np.float32))
    calibration = shipped_calibration(int(delineation.has_signal.sum()))
    fiducials = corrected(find_fiducials(delineation, calibration.bias_ms), calibration)
    onset_ms, j_ms = fiducials.times[QRS_ON], fiducials.times[QRS_OFF]
    if not (np.isfinite(onset_ms) and np.isfinite(j_ms)):
        return st_mv, "no_j_point"
    if fiducials.spread[QRS_OFF] > MAX_OFFSET_SPREAD_MS:
        return st_mv, "no_j_point"
    level = slice(sample_at(onset_ms - LEVEL_FROM_MS), sample_at(onset_ms - LEVEL_TO_MS) + 1)
    at = sample_at(j_ms + ST_AFTER_J_MS)
    near = slice(at - 1, at + 2)
    st_mv[known] = beat[known][:, near].mean(axis=1) - beat[known][:, level].mean(axis=1)
    return st_mv, None
