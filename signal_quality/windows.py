"""A recording in windows of about 10 s, the length of the model's training examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import Bands, split_bands
from signal_quality.beats import Beats, find_beats
from signal_quality.features import Features, measure_features
from signals.limb_leads import LIMB_LEADS
from signals.order import median
from signals.units import qrs_heights

WINDOW_S: Final = 10.0


@dataclass(frozen=True, eq=False)
class Window:
    """One window, measured. The rows of all arrays are the leads that were given, in their order.

    start_s  seconds from the start of the recording
    """

    start_s: float
    bands: Bands
    beats: Beats
    features: Features

    @property
    def record_features(self) -> NDArray[np.float64]:
        """The features that the model judges by, (len(FEATURE_NAMES),)."""
        return self.features.record_features


def measure_windows(
    signal: NDArray[np.floating], fs: float, lead_names: Sequence[str]
) -> list[Window]:
    """Cut (leads, samples), with NaN for gaps, into windows of equal length and measure them.

    In recordings of 7 s and longer they last 7 to 15 s. A shorter recording is one window.
    """
    samples = signal.shape[1]
    count = max(round(samples / fs / WINDOW_S), 1)
    edges = [round(number * samples / count) for number in range(count + 1)]
    is_limb = np.array([lead in LIMB_LEADS for lead in lead_names])
    windows = []
    for start, stop in pairwise(edges):
        bands = split_bands(np.asarray(signal[:, start:stop], np.float32), fs)
        beats = find_beats(bands)
        features = measure_features(bands, beats, is_limb)
        windows.append(Window(start / fs, bands, beats, features))
    return windows


def scale_to_usual_height(
    signal: NDArray[np.float32], fs: float, usual_height_mv: float
) -> NDArray[np.float32]:
    """Scale (leads, samples) in unknown units until the median lead's QRS has the usual height.

    A signal without a lead that varies is returned as it is.
    """
    heights = qrs_heights(signal, fs)
    height = float(median(heights)) if heights.size else 0.0
    if height <= 0:
        return signal
    return signal * np.float32(usual_height_mv / height)
