"""Waves of one form on all leads, as P waves have, wherever they are in a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.remainder import Remainder

HALF_SAMPLES: Final = 6  # a wave is compared from 60 ms before its middle to 60 ms after it
APART_SAMPLES: Final = 15  # two waves are at least 80 ms apart
MAX_CANDIDATES: Final = 40  # the highest waves, among which one form is looked for
SAME_FORM: Final = 0.7  # correlation of two waves of one form, on all leads together
MAX_HEIGHT_RATIO: Final = 2.0
# A wave matches a form from this correlation on, if it has this share of its height.
MATCHES: Final = 0.6
HEIGHTS: Final = (0.4, 2.5)
MIN_MATCHES: Final = 3
FLAT: Final = 1e-6  # length of a wave that is none: what rounding leaves of a constant lead


@dataclass(frozen=True, eq=False)
class Waves:
    """The waves that match one form.

    places       (waves,) samples at ATRIAL_HZ, ascending
    likeness     (samples,) correlation with the form about each sample
    height       (samples,) height of the form about each sample, over that of the form itself
    """

    places: NDArray[np.intp]
    likeness: NDArray[np.float64]
    height: NDArray[np.float64]


class Patches:
    """What surrounds each sample of a remainder, on all leads.

    rows   (samples - 2 half, leads * (2 half + 1)); row k surrounds sample k + half
    norms  their lengths
    """

    def __init__(self, remainder: Remainder) -> None:
        width = 2 * HALF_SAMPLES + 1
        windows = np.lib.stride_tricks.sliding_window_view(remainder.wave, width, axis=1)
        rows = windows.transpose(1, 0, 2).reshape(windows.shape[1], -1)
        self.rows: NDArray[np.float64] = np.ascontiguousarray(rows)
        self.norms: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", rows, rows)) + 1e-9
        self.shown: NDArray[np.bool_] = ~remainder.hidden
        self.samples: int = remainder.hidden.size

    def mean_of(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the mean form of the waves at these samples."""
        return np.asarray(self.rows[places - HALF_SAMPLES].mean(axis=0), np.float64)

    def per_sample(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (samples,) of a value for each row; 0 at both ends."""
        return np.pad(values, HALF_SAMPLES)


def commonest_form(patches: Patches) -> NDArray[np.float64] | None:
    """Return the form that most of the highest waves have; None with too few waves."""
    heights = np.where(patches.shown, patches.per_sample(patches.norms), 0.0)
    candidates = _peaks(heights, heights > FLAT)
    if candidates.size <= MIN_MATCHES:
        return None
    highest = np.argsort(-heights[candidates], kind="stable")[:MAX_CANDIDATES]
    candidates = candidates[highest]
    waves = patches.rows[candidates - HALF_SAMPLES]
    norms = heights[candidates]
    ratio = norms[:, None] / norms
    correlation = waves @ waves.T / np.outer(norms, norms)
    is_same = (
        (correlation > SAME_FORM) & (ratio < MAX_HEIGHT_RATIO) & (ratio > 1 / MAX_HEIGHT_RATIO)
    )
    commonest = int(np.where(is_same, correlation, 0.0).sum(axis=1).argmax())
    return np.asarray(waves[is_same[commonest]].mean(axis=0), np.float64)


def matching_waves(patches: Patches, form: NDArray[np.float64]) -> Waves | None:
    """Return the waves that match a form; None with too few of them."""
    norm = float(np.linalg.norm(form)) + 1e-9
    products = patches.rows @ form
    likeness = patches.per_sample(products / (patches.norms * norm))
    height = patches.per_sample(products / norm**2)
    lowest, highest = HEIGHTS
    is_match = (likeness > MATCHES) & (height > lowest) & (height < highest) & patches.shown
    places = _peaks(likeness, is_match)
    return None if places.size < MIN_MATCHES else Waves(places, likeness, height)


def _peaks(values: NDArray[np.float64], allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the allowed samples that none within APART_SAMPLES / 2 exceeds."""
    half = APART_SAMPLES // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, half), APART_SAMPLES)
    places = np.flatnonzero(allowed)
    is_peak = values[places] >= around[places].max(axis=1)
    return np.asarray(places[is_peak], np.intp)
