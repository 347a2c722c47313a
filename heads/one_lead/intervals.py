"""Numbers about the RR intervals of a recording: rate, irregularity, premature beats and pauses.

All but the rates are relative to the usual interval. Entries of the PhysioNet/CinC Challenge 2017
that used such numbers were among its winners (Clifford et al., Computing in Cardiology 2017).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIN_BEATS: Final = 4
NUMBERS: Final = 46
# 30 ms, the tolerance of the entropy of RR intervals (Lake and Moorman, American Journal of
# Physiology 2011;300:H319).
ENTROPY_TOLERANCE_S: Final = 0.03
MOST_INTERVALS: Final = 200  # the entropy compares each interval with each other one
# A premature beat and its pause, as shares of the usual interval.
PREMATURE: Final = 0.87
PAUSE: Final = 1.08
WINDOW_INTERVALS: Final = 6
LARGEST_STEP: Final = 0.6
# Widths of the cells that steps and pairs of intervals are counted in.
STEP_CELL: Final = 0.025
PAIR_CELL: Final = 0.05
MOST_CELLS: Final = 1000.0


def interval_features(r_peaks_s: Array, seconds: float) -> list[float]:
    """Return NUMBERS numbers; with fewer than MIN_BEATS beats, 0 for all but the first.

    r_peaks_s  (beats,) ascending, between 0 and `seconds`
    """
    beats_per_s = r_peaks_s.size / max(seconds, 1.0)
    if r_peaks_s.size < MIN_BEATS:
        return [beats_per_s] + [0.0] * (NUMBERS - 1)
    rr = np.diff(r_peaks_s)
    ordered = np.sort(rr)
    middle = _at(ordered, 0.5)
    relative = rr / middle
    gaps = np.diff(r_peaks_s, prepend=0.0, append=seconds)
    return [
        beats_per_s,
        float(np.log(middle)),
        float(ordered[0]),
        float(ordered[-1]),
        float(rr.mean()),
        float(gaps.max()),
        *_spread(relative, ordered / middle),
        *_steps(np.diff(relative), middle),
        *_sequence(relative),
        *_prematurity(relative),
        _entropy(rr),
    ]


def _at(ordered: Array, share: float) -> float:
    """Return the value of an ascending array that `share` of its values lie below."""
    place = share * (ordered.size - 1)
    below = int(place)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def _spread(relative: Array, ordered: Array) -> list[float]:
    """Return how far the intervals are from the usual one, 1."""
    windows = np.lib.stride_tricks.sliding_window_view(
        relative, min(WINDOW_INTERVALS, relative.size)
    )
    deviations = windows.std(axis=1)
    return [
        float(relative.mean()) - 1.0,
        float(relative.std()),
        _at(ordered, 0.05),
        _at(ordered, 0.1),
        _at(ordered, 0.75) - _at(ordered, 0.25),
        _at(ordered, 0.9),
        _at(ordered, 0.95),
        float(ordered[0]),
        float(np.log(ordered[-1])),
        float(np.mean(relative < 0.85)),
        float(np.mean(relative > 1.15)),
        float(np.mean(relative > 1.5)),
        float(deviations.min()),
        float(deviations.max()),
    ]


def _steps(steps: Array, middle: float) -> list[float]:
    """Return how much one interval differs from the next; `middle` is the usual one in s."""
    size = np.abs(steps)
    ordered = np.sort(size)
    limited = np.clip(steps, -LARGEST_STEP, LARGEST_STEP)
    cells = np.unique(np.floor(limited / STEP_CELL)).size
    return [
        float(np.sqrt(np.mean(steps**2))),
        *(_at(ordered, share) for share in (0.25, 0.5, 0.75, 0.9)),
        float(np.mean(size * middle > 0.05)),
        *(float(np.mean(size > limit)) for limit in (0.02, 0.05, 0.1, 0.2)),
        _histogram_entropy(limited),
        cells / size.size,
    ]


def _histogram_entropy(steps: Array) -> float:
    """Return the entropy of the histogram of steps in 16 bins, in nats."""
    counts = np.histogram(np.clip(steps, -0.5, 0.5), bins=16, range=(-0.5, 0.5))[0]
    shares = counts[counts > 0] / steps.size
    return float(-(shares * np.log(shares)).sum())


def _sequence(relative: Array) -> list[float]:
    """Return how an interval follows from the ones before it."""
    pairs = np.floor(relative[:-1] / PAIR_CELL) * MOST_CELLS + np.floor(relative[1:] / PAIR_CELL)
    return [
        *(_autocorrelation(relative, lag) for lag in (1, 2, 3)),
        _autocorrelation(np.diff(relative), 1),
        _turning_points(relative),
        np.unique(pairs).size / pairs.size,
    ]


def _autocorrelation(values: Array, lag: int) -> float:
    """Return the correlation of each value with the one `lag` later; 0 where there is none."""
    centred = values - values.mean()
    energy = float(centred @ centred)
    if energy < 1e-9 or values.size <= lag:
        return 0.0
    return float(centred[lag:] @ centred[:-lag]) / energy


def _turning_points(relative: Array) -> float:
    """Return the share of intervals that are above or below both neighbours by 2 %."""
    before = relative[1:-1] - relative[:-2]
    after = relative[1:-1] - relative[2:]
    is_turn = (before * after > 0) & (np.minimum(np.abs(before), np.abs(after)) > 0.02)
    return float(is_turn.mean())


def _prematurity(relative: Array) -> list[float]:
    """Return how early beats come, compared with the intervals before and after."""
    neighbours = np.pad(relative, 1, constant_values=1.0)
    early = 2 * relative / (neighbours[:-2] + neighbours[2:])
    ordered = np.sort(early)
    premature = (relative[:-1] < PREMATURE) & (relative[1:] > PAUSE)
    touched = np.zeros(relative.size, np.bool_)
    touched[:-1] |= premature
    touched[1:] |= premature
    others = np.abs(np.diff(relative))[~(touched[:-1] | touched[1:])]
    return [
        float(ordered[0]),
        _at(ordered, 0.1),
        float(ordered[-1]),
        float(np.mean(early < 0.92)),
        float(np.mean(early > 1.15)),
        float(premature.mean()),
        float(others.mean()) if others.size else 0.0,
    ]


def _entropy(rr: Array) -> float:
    """Return the coefficient of sample entropy: how hard the next interval is to foretell."""
    rr = rr[:MOST_INTERVALS]
    close = np.abs(rr[:, None] - rr) < ENTROPY_TOLERANCE_S
    matches = (np.count_nonzero(close) - rr.size) / 2
    close_pairs = close[:-1, :-1] & close[1:, 1:]
    matches_of_two = (np.count_nonzero(close_pairs) - rr.size + 1) / 2
    probability = (matches_of_two + 0.5) / (matches + 1.0)
    return float(-np.log(probability) + np.log(2 * ENTROPY_TOLERANCE_S) - np.log(rr.mean()))
