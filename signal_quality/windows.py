"""A recording in windows of about 10 s, the length that the model learned on, each with its bands, beats and features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import Bands, split
from signal_quality.beats import Beats, find_beats
from signal_quality.features import Features, measure
from signals.leads import LIMB_LEADS
from signals.order import median
from signals.units import qrs_heights

WINDOW_S: Final = 10.0


@dataclass(frozen=True, eq=False)
class Window:
    """Rows of everything are the leads that were given, in their order."""

    start_s: float
    bands: Bands
    beats: Beats
    features: Features

    @property
    def of_record(self) -> NDArray[np.float64]:
        return self.features.of_record


def measure_windows(
    signal: NDArray[np.floating], fs: float, lead_names: Sequence[str]
) -> list[Window]:
    """(leads, samples), NaN for gaps -> windows of equal length, 7-15 s in recordings of 7 s and longer."""
    count = max(round(signal.shape[1] / fs / WINDOW_S), 1)
    limb = np.array([lead in LIMB_LEADS for lead in lead_names])
    edges = [round(number * signal.shape[1] / count) for number in range(count + 1)]
    pieces = [(signal[:, start:stop], start / fs) for start, stop in pairwise(edges)]
    return [_window(np.asarray(piece, np.float32), fs, limb, start_s) for piece, start_s in pieces]


def to_usual_height(
    signal: NDArray[np.float32], fs: float, usual_height_mv: float
) -> NDArray[np.float32]:
    """Unknown units as if the median lead's QRS complex had the usual height; as they are where nothing varies."""
    heights = qrs_heights(signal, fs)
    own = float(median(heights)) if heights.size else 0.0
    return signal * np.float32(usual_height_mv / own) if own > 0 else signal


def _window(
    signal: NDArray[np.float32], fs: float, limb: NDArray[np.bool_], start_s: float
) -> Window:
    bands = split(signal, fs)
    beats = find_beats(bands)
    return Window(start_s, bands, beats, measure(bands, beats, limb))
