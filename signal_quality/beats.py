"""The beats of a window, lead by lead: their likeness, their prominence, and their agreement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import BEATS_RATE_HZ, Bands
from signal_quality.peaks import find_peaks_s
from signals.order import mean, median

# From the P wave of a usual PR interval to the peak of a usual T wave.
BEFORE_S: Final = 0.24
AFTER_S: Final = 0.40
# On either side of R: half of a wide QRS complex.
QRS_S: Final = 0.06
# A choice: the QRS complexes of one beat peak within this time in all leads.
AGREE_S: Final = 0.08
# 16 ms
_SLOPE_SAMPLES: Final = 2


@dataclass(frozen=True, eq=False)
class Beats:
    """What the beats of a window show about its leads. NaN if fewer than two beats fit into it.

    peaks_s      (beats,) R peaks of all leads together, in seconds
    templates    (leads, samples at 125 Hz) the mean beat from -0.24 to 0.40 s about R, each beat
                 without its own mean; zero if there are fewer than two
    likeness     (leads, beats) correlation of each beat with the mean of the lead's other beats
    noise        (leads,) rms of the beats minus the template
    height       (leads,) peak-to-peak value of the template
    agreement    (leads,) share of the beats at whose R peak the lead itself is steepest
    prominence   (leads,) steepness at the R peaks over the usual steepness
    """

    peaks_s: NDArray[np.float64]
    templates: NDArray[np.float32]
    likeness: NDArray[np.float32]
    noise: NDArray[np.float32]
    height: NDArray[np.float32]
    agreement: NDArray[np.float64]
    prominence: NDArray[np.float64]


def find_beats(bands: Bands) -> Beats:
    """Find the R peaks of all leads together, and measure the beats of each lead."""
    signal = bands.beats
    peaks_s = find_peaks_s(signal)
    before = round(BEFORE_S * BEATS_RATE_HZ)
    after = round(AFTER_S * BEATS_RATE_HZ)
    leads, samples = signal.shape
    peaks = np.rint(peaks_s * BEATS_RATE_HZ).astype(np.intp)
    is_whole = (peaks >= before) & (peaks + after <= samples)
    peaks = peaks[is_whole]
    if peaks.size < 2:
        return _no_beats(peaks_s, leads, before + after)
    places = peaks[:, np.newaxis] + np.arange(-before, after)
    # (leads, beats, samples)
    beats = signal[:, places]
    beats -= mean(beats)[:, :, np.newaxis]
    templates = mean(beats, axis=1)
    residuals = beats - templates[:, np.newaxis]
    # One beat's degrees of freedom went into the template.
    degrees = np.float32((peaks.size - 1) * beats.shape[2])
    squares = np.vecdot(residuals, residuals)
    noise = np.sqrt(squares.sum(axis=1) / degrees)
    agreement, prominence = _steepness(signal, peaks)
    return Beats(
        peaks_s=peaks_s,
        templates=templates,
        likeness=_likeness(beats, templates, residuals),
        noise=noise,
        height=templates.max(axis=1) - templates.min(axis=1),
        agreement=agreement,
        prominence=prominence,
    )


def _no_beats(peaks_s: NDArray[np.float64], leads: int, samples: int) -> Beats:
    unknown = np.full(leads, np.nan)
    unknown_single = unknown.astype(np.float32)
    return Beats(
        peaks_s=peaks_s,
        templates=np.zeros((leads, samples), np.float32),
        likeness=unknown_single[:, np.newaxis],
        noise=unknown_single,
        height=unknown_single,
        agreement=unknown,
        prominence=unknown,
    )


def _likeness(
    beats: NDArray[np.float32], templates: NDArray[np.float32], residuals: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (leads, beats) the correlation of each beat with the mean of the other beats.

    Not with the template itself: a beat always resembles a mean that contains it.
    """
    beat_count = beats.shape[1]
    # Without beat i, the mean of n beats changes by -(residual i) / (n - 1).
    others = templates[:, np.newaxis] - residuals / np.float32(beat_count - 1)
    beat_squares = np.vecdot(beats, beats)
    other_squares = np.vecdot(others, others)
    squares = beat_squares * other_squares
    # Constant beats have the norm 0.
    norms = np.sqrt(np.maximum(squares, np.float32(1e-24)))
    likeness: NDArray[np.float32] = np.vecdot(beats, others) / norms
    return likeness


def _steepness(
    signal: NDArray[np.float32], peaks: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (leads,) agreement and (leads,) prominence, from the slopes of each lead.

    signal  (leads, samples at 125 Hz)
    peaks   (beats,) R peaks of all leads together, at least one
    """
    from scipy.ndimage import uniform_filter1d

    differences = np.abs(signal[:, _SLOPE_SAMPLES:] - signal[:, :-_SLOPE_SAMPLES])
    qrs_samples = round(QRS_S * BEATS_RATE_HZ)
    slopes = uniform_filter1d(differences, qrs_samples, axis=1)
    last = slopes.shape[1] - 1
    centres = peaks - _SLOPE_SAMPLES // 2
    centres = np.minimum(np.maximum(centres, 0), last)
    width = round(AGREE_S * BEATS_RATE_HZ)
    # Each beat extends halfway to its neighbours.
    first_start = max(int(centres[0]) - width, 0)
    middles = (centres[1:] + centres[:-1]) // 2
    starts = np.concatenate([[first_start], middles])
    steepest_of_beat = np.maximum.reduceat(slopes, starts, axis=1)
    near_peak = centres[:, np.newaxis] + np.arange(-width, width + 1)
    near_peak = np.minimum(np.maximum(near_peak, 0), last)
    # (leads, beats) each
    steepest_at_peak = slopes[:, near_peak].max(axis=2)
    is_steepest = steepest_at_peak >= steepest_of_beat
    agrees = is_steepest & (steepest_of_beat > 0)
    # Every third sample is enough for the usual slope, at a third of the cost.
    usual = np.maximum(median(slopes[:, ::3]), 1e-9)
    prominence = median(steepest_at_peak) / usual
    return agrees.mean(axis=1), prominence.astype(np.float64)
