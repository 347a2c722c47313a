"""Beats of a window, lead by lead: how alike they are, how far they stand out, whether the leads agree on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import BEATS_RATE_HZ, Bands
from signal_quality.peaks import find_peaks_s
from signals.order import mean, median

BEFORE_S: Final = 0.24  # from the P wave of a usual PR ...
AFTER_S: Final = 0.40  # ... to the peak of a usual T
QRS_S: Final = 0.06  # either side of R: half of a wide QRS complex
AGREE_S: Final = 0.08  # a choice: QRS complexes of one beat peak within this in all leads
_SLOPE_SAMPLES: Final = 2  # 16 ms


@dataclass(frozen=True, eq=False)
class Beats:
    """What the beats of a window say of its leads; everything NaN where under two beats fit.

    peaks_s      all leads' R peaks, seconds
    templates    (leads, samples at 125 Hz) the mean beat from -0.24 to 0.40 s about R, each about its own mean
    likeness     (leads, beats) correlation of each beat with the lead's template
    noise        (leads,) rms of what the templates leave over
    height       (leads,) peak to peak of the template
    agreement    (leads,) share of beats at whose R the lead itself is steepest
    prominence   (leads,) steepness at R over that between beats
    """

    peaks_s: NDArray[np.float64]
    templates: NDArray[np.float32]
    likeness: NDArray[np.float32]
    noise: NDArray[np.float32]
    height: NDArray[np.float32]
    agreement: NDArray[np.float64]
    prominence: NDArray[np.float64]


def find_beats(bands: Bands) -> Beats:
    """Templates and what they say, on R peaks of all leads together."""
    signal = bands.beats
    peaks_s = find_peaks_s(signal)
    before, after = round(BEFORE_S * BEATS_RATE_HZ), round(AFTER_S * BEATS_RATE_HZ)
    at = np.rint(peaks_s * BEATS_RATE_HZ).astype(np.intp)
    at = at[(at >= before) & (at + after <= signal.shape[1])]
    if at.size < 2:
        nothing = np.full(len(signal), np.nan)
        few = nothing.astype(np.float32)
        return Beats(
            peaks_s,
            np.zeros((len(signal), before + after), np.float32),
            few[:, np.newaxis],
            few,
            few,
            nothing,
            nothing,
        )
    cuts = signal[:, at[:, np.newaxis] + np.arange(-before, after)]  # (leads, beats, samples)
    cuts -= mean(cuts)[:, :, np.newaxis]
    templates = mean(cuts, axis=1)
    left = cuts - templates[:, np.newaxis]
    noise = np.sqrt(np.vecdot(left, left).sum(axis=1) / np.float32((at.size - 1) * cuts.shape[2]))
    # Against the mean of the other beats: a beat is always like a mean that holds it.
    others = templates[:, np.newaxis] - left / np.float32(at.size - 1)
    likeness = np.vecdot(cuts, others) / np.sqrt(
        np.maximum(np.vecdot(cuts, cuts) * np.vecdot(others, others), np.float32(1e-24))
    )
    agreement, prominence = _steepness(signal, at)
    return Beats(
        peaks_s,
        templates,
        likeness,
        noise,
        templates.max(axis=1) - templates.min(axis=1),
        agreement,
        prominence,
    )


def _steepness(
    signal: NDArray[np.float32], at: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(agreement, prominence) of each lead on its own slopes, each beat reaching halfway to its neighbours."""
    from scipy.ndimage import uniform_filter1d

    slopes = np.abs(signal[:, _SLOPE_SAMPLES:] - signal[:, :-_SLOPE_SAMPLES])
    slopes = uniform_filter1d(slopes, round(QRS_S * BEATS_RATE_HZ), axis=1)
    last = slopes.shape[1] - 1
    centre = np.minimum(np.maximum(at - _SLOPE_SAMPLES // 2, 0), last)
    width = round(AGREE_S * BEATS_RATE_HZ)
    starts = np.concatenate([[max(int(centre[0]) - width, 0)], (centre[1:] + centre[:-1]) // 2])
    reach = np.maximum.reduceat(slopes, starts, axis=1)
    around = slopes[
        :, np.minimum(np.maximum(centre[:, np.newaxis] + np.arange(-width, width + 1), 0), last)
    ].max(axis=2)
    agreement = ((around >= reach) & (reach > 0)).mean(axis=1)
    prominence = median(around) / np.maximum(median(slopes[:, ::3]), 1e-9)
    return agreement, prominence.astype(np.float64)
