"""Beats cut out of strips: their shapes without the baseline, and the leads that show them best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.history import BEFORE_SAMPLES, SHAPE_SAMPLES
from heads.beats.strips import SAMPLES, Strips, lead_shares

# 32 ms: how far a shape is moved to where it resembles another most.
SHIFT_SAMPLES: Final = 4
CUT_SAMPLES: Final = SHAPE_SAMPLES + 2 * SHIFT_SAMPLES
# The numbers about a beat come from this many leads: those with the clearest QRS complexes.
BEST_LEADS: Final = 2
# 72 ms: how far the R peak is from the middle of the complex at most.
PEAK_SAMPLES: Final = 9
# Of a beat's samples; a lead with fewer does not show the beat.
MIN_KNOWN: Final = 0.8

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cuts:
    """Beats of some streams, by row and time.

    signal  (beats, leads, CUT_SAMPLES) float32, mV without the baseline; 0 where nothing is known
    leads   (beats, BEST_LEADS) the best leads; the best one again where no other shows the beat
    r_peak  (beats,) sample of the strip: the largest deflection
    """

    signal: Array
    leads: NDArray[np.intp]
    r_peak: NDArray[np.intp]


def cut_out(strips: Strips, row: NDArray[np.intp], at: NDArray[np.intp]) -> Cuts:
    """Return the beats of some rows, each at a sample of its strip."""
    places = at[:, None] + np.arange(-SHIFT_SAMPLES, CUT_SAMPLES - SHIFT_SAMPLES) - BEFORE_SAMPLES
    places = np.clip(places, 0, SAMPLES - 1)
    leads = np.arange(strips.signal.shape[1])
    signal = strips.signal[row[:, None, None], leads[:, None], places[:, None]]
    is_known = np.isfinite(signal)
    shows = is_known.mean(axis=2) >= MIN_KNOWN
    baseline = _middle(signal, is_known)
    signal = np.where(is_known & shows[:, :, None], signal - baseline[:, :, None], np.float32(0))
    shares = np.where(shows, lead_shares(strips)[row], np.float32(-1))
    best = np.argsort(-shares, axis=1, kind="stable")[:, :BEST_LEADS]
    best = np.where(np.take_along_axis(shows, best, axis=1), best, best[:, :1])
    best = np.concatenate([best] * (BEST_LEADS // best.shape[1]), axis=1)
    return Cuts(np.ascontiguousarray(signal), best, at + _peak_offset(signal, best))


def _middle(signal: Array, is_known: NDArray[np.bool_]) -> Array:
    """Return (beats, leads) the lower median of the known samples; 0 where there are none."""
    ordered = np.sort(np.where(is_known, signal, np.float32(np.inf)), axis=2)
    count = is_known.sum(axis=2)
    middle = np.take_along_axis(ordered, np.maximum(count - 1, 0)[:, :, None] // 2, axis=2)[:, :, 0]
    return np.where(count > 0, middle, np.float32(0))


def _peak_offset(signal: Array, best: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return (beats,) where the first of the best leads is farthest from its baseline."""
    middle = BEFORE_SAMPLES + SHIFT_SAMPLES
    near = slice(middle - PEAK_SAMPLES, middle + PEAK_SAMPLES + 1)
    size = np.abs(signal[np.arange(len(signal)), best[:, 0], near])
    offset: NDArray[np.intp] = size.argmax(axis=1) - PEAK_SAMPLES
    return offset
