"""Beats of a window, lead by lead: how alike they are, how far they stand out, whether the leads agree on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from signal_quality.bands import RATE_HZ, Bands
from signal_quality.peaks import find_peaks_s
from signals.order import median

BEFORE_S: Final = 0.24  # from the P wave of a usual PR ...
AFTER_S: Final = 0.40  # ... to the peak of a usual T
QRS_S: Final = 0.06  # either side of R: half of a wide QRS complex
AGREE_S: Final = 0.08  # a choice: QRS complexes of one beat peak within this in all leads
_STRIDE: Final = 2  # templates at 125 Hz hold what 0.67-40 Hz has


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
    before, after = round(BEFORE_S * RATE_HZ), round(AFTER_S * RATE_HZ)
    at = np.rint(peaks_s * RATE_HZ).astype(np.intp)
    at = at[(at >= before) & (at + after <= signal.shape[1])]
    length = len(range(-before, after, _STRIDE))
    if at.size < 2:
        nothing = np.full(len(signal), np.nan)
        few = nothing.astype(np.float32)
        return Beats(peaks_s, np.zeros((len(signal), length), np.float32), few[:, np.newaxis], few, few, nothing, nothing)
    cuts = signal[:, at[:, np.newaxis] + np.arange(-before, after, _STRIDE)]  # (leads, beats, samples)
    cuts -= cuts.mean(axis=2, keepdims=True)
    templates = cuts.mean(axis=1)
    # Against the mean of the other beats: a beat is always like a mean that holds it.
    others = (templates[:, np.newaxis] * at.size - cuts) / np.float32(at.size - 1)
    likeness = _correlation(cuts, others)
    noise = np.sqrt(np.square(cuts - templates[:, np.newaxis]).mean(axis=(1, 2)) * (at.size / (at.size - 1)))
    agreement, prominence = _steepness(signal, at)
    return Beats(peaks_s, templates, likeness, noise, np.ptp(templates, axis=1), agreement, prominence)


def _correlation(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    products = np.einsum("lbs,lbs->lb", some, others)
    sizes = np.sqrt(np.einsum("lbs,lbs->lb", some, some) * np.einsum("lbs,lbs->lb", others, others))
    likeness: NDArray[np.float32] = products / np.maximum(sizes, np.float32(1e-12))
    return likeness


def _steepness(signal: NDArray[np.float32], at: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(agreement, prominence) of each lead on its own slopes, each beat reaching halfway to its neighbours."""
    slopes = np.abs(signal[:, 4:] - signal[:, :-4])
    slopes = uniform_filter1d(slopes, round(QRS_S * RATE_HZ), axis=1)
    centre = np.clip(at - 2, 0, slopes.shape[1] - 1)
    width = round(AGREE_S * RATE_HZ)
    starts = np.concatenate([[max(int(centre[0]) - width, 0)], (centre[1:] + centre[:-1]) // 2])
    reach = np.maximum.reduceat(slopes, starts, axis=1)
    around = slopes[:, np.clip(centre[:, np.newaxis] + np.arange(-width, width + 1), 0, slopes.shape[1] - 1)].max(axis=2)
    alive = reach > 0
    agreement = ((around >= reach) & alive).mean(axis=1)
    quiet = median(slopes[:, ::5])
    prominence = median(around) / np.maximum(quiet, 1e-9)
    return agreement.astype(np.float64), prominence.astype(np.float64)
