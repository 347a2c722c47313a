"""Humps of the envelope that may be beats, and numbers about each of them.

Every number is relative: to the height of the stream's beats, to the humps before and after, to the
usual interval. A hump is judged when the second after it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.strips import (
    CURVE_SAMPLES,
    ENVELOPE_DELAY,
    MIN_HEIGHT_MV,
    SAMPLES,
    Strips,
    lead_heights,
)
from signals.streams.watch_rate import WATCH_HZ

Array = NDArray[np.float64]

# 144 ms: no hump is higher within this distance of a candidate.
APART_SAMPLES: Final = 18
# 1.5 s contain a beat from 40 /min on; the seven stretches before a hump give its stream's height.
LEVEL_SAMPLES: Final = 187
LEVELS: Final = 7
# Quantile of the stretches: in bradycardia and in a pause some have no beat.
LEVEL_SHARE: Final = 0.7
# Of this height: lower humps are no candidates, and higher ones count as beats for intervals.
MIN_SHARE: Final = 0.15
BEAT_SHARE: Final = 0.45
MIN_ENVELOPE: Final = 1e-6
# The newest candidate that is judged is this old: what follows it is known for 0.95 s.
JUDGED_AFTER: Final = 156
LOOK_AHEAD_S: Final = 0.95
LOOK_BACK_S: Final = 3.0
INTERVALS: Final = 9
USUAL_INTERVAL_S: Final = 0.8  # before there are intervals
COMPLEX_SAMPLES: Final = 9  # 72 ms on either side: a QRS complex
NEAR_SAMPLES: Final = 50  # 400 ms on either side
FAR_SAMPLES: Final = WATCH_HZ
MAX_RATIO: Final = 5.0
FEATURES: Final = (
    "height",
    "interval_to_last",
    "height_to_last",
    "interval_to_next",
    "height_to_next",
    "interval_to_beat",
    "height_to_beat",
    "slope_to_beat",
    "relative_interval",
    "usual_interval",
    "interval_to_next_beat",
    "relative_interval_to_next_beat",
    "steepness",
    "near_middle",
    "near_quiet",
    "far_quiet",
    "far_loud",
    "second_lead",
)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Humps of the newest seconds of each row, by row and time.

    row       (candidates,)
    at        (candidates,) sample of the strip
    is_final  (candidates,) whether it is time to judge it; what follows the others is unknown yet
    features  (candidates, FEATURES) float32
    """

    row: NDArray[np.intp]
    at: NDArray[np.intp]
    is_final: NDArray[np.bool_]
    features: NDArray[np.float32]


def find_candidates(strips: Strips) -> Candidates:
    """Return the candidates from the second that ends JUDGED_AFTER samples ago until now.

    Those of this second are final.
    """
    row, at, height = _humps(strips.envelope)
    peak = strips.envelope[row, at].astype(np.float64)
    is_beat = height > BEAT_SHARE
    stop = SAMPLES - JUDGED_AFTER
    judged = np.flatnonzero(at >= stop - WATCH_HZ)
    humps = _Humps(row, at, peak, is_beat, _most(strips.slope, row, at))
    last, following = humps.neighbour(judged, -1), humps.neighbour(judged, 1)
    beat, next_beat = humps.beat_before(judged), humps.beat_after(judged)
    usual = humps.usual_interval_s(judged)
    to_beat = humps.interval_s(judged, beat, LOOK_BACK_S)
    to_next_beat = humps.interval_s(judged, next_beat, LOOK_AHEAD_S)
    at, row = at[judged], row[judged]
    slope, curve = humps.slope[judged], _most(strips.curve, row, at)
    columns = (
        height[judged],
        humps.interval_s(judged, last, LOOK_BACK_S),
        humps.ratio(humps.peak, judged, last),
        humps.interval_s(judged, following, LOOK_AHEAD_S),
        humps.ratio(humps.peak, judged, following),
        to_beat,
        humps.ratio(humps.peak, judged, beat),
        humps.ratio(humps.slope, judged, beat),
        np.minimum(to_beat / usual, LOOK_BACK_S),
        usual,
        to_next_beat,
        np.minimum(to_next_beat / usual, LOOK_BACK_S),
        slope / np.maximum(curve, MIN_ENVELOPE),
        *_surroundings(strips.envelope, row, at, peak[judged]),
        _second_lead(strips, row, at),
    )
    features = np.stack(columns, axis=1).astype(np.float32)
    assert features.shape[1] == len(FEATURES)
    return Candidates(row, at, at < stop, features)


def _humps(
    envelope: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Return (row, sample, height) of the maxima that stand out, by row and time."""
    from scipy.ndimage import maximum_filter1d

    highest = maximum_filter1d(envelope, 2 * APART_SAMPLES + 1, axis=1, mode="constant")
    is_hump = (envelope == highest) & (envelope > MIN_ENVELOPE)
    is_hump[:, SAMPLES - ENVELOPE_DELAY - APART_SAMPLES :] = False
    row, at = np.nonzero(is_hump)
    highest = maximum_filter1d(envelope, LEVEL_SAMPLES, axis=1, mode="constant")
    places = at[:, None] - LEVEL_SAMPLES * np.arange(LEVELS)
    levels = np.where(places >= 0, highest[row[:, None], np.maximum(places, 0)], 0)
    height = envelope[row, at] / np.maximum(_usual(levels), MIN_ENVELOPE)
    stands_out = height > MIN_SHARE
    return row[stands_out], at[stands_out], height[stands_out].astype(np.float64)


def _usual(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (rows,) a quantile of the values over MIN_ENVELOPE."""
    is_known = levels > MIN_ENVELOPE
    ordered = np.sort(np.where(is_known, levels, np.float32(np.inf)), axis=1)
    rank = (np.maximum(is_known.sum(axis=1) - 1, 0) * LEVEL_SHARE).astype(np.intp)
    usual: NDArray[np.float32] = ordered[np.arange(len(ordered)), rank]
    return usual


@dataclass(frozen=True, eq=False)
class _Humps:
    """All humps, by row and time. Functions take and return indices of humps; -1 is none.

    row, at, peak, is_beat, slope  (humps,)
    """

    row: NDArray[np.intp]
    at: NDArray[np.intp]
    peak: Array
    is_beat: NDArray[np.bool_]
    slope: Array

    def neighbour(self, humps: NDArray[np.intp], step: int) -> NDArray[np.intp]:
        """Return the hump `step` places on."""
        return self._same_row(humps, humps + step)

    def beat_before(self, humps: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the last hump that is as high as a beat."""
        places = np.where(self.is_beat, np.arange(self.row.size), -1)
        until = np.concatenate([[-1], np.maximum.accumulate(places)])
        return self._same_row(humps, until[humps])

    def beat_after(self, humps: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the next hump that is as high as a beat."""
        places = np.where(self.is_beat, np.arange(self.row.size), self.row.size)
        from_here = np.append(np.minimum.accumulate(places[::-1])[::-1], self.row.size)
        return self._same_row(humps, from_here[humps + 1])

    def interval_s(self, humps: NDArray[np.intp], others: NDArray[np.intp], none_s: float) -> Array:
        """Return the time between humps in seconds, `none_s` at most."""
        interval = np.abs(self.at[humps] - self.at[others]) / WATCH_HZ
        return np.where(others >= 0, np.minimum(interval, none_s), none_s)

    def ratio(self, values: Array, humps: NDArray[np.intp], others: NDArray[np.intp]) -> Array:
        """Return a value of each hump over that of another; 1 where there is none."""
        ratio = values[humps] / np.maximum(values[others], MIN_ENVELOPE)
        return np.where(others >= 0, np.minimum(ratio, MAX_RATIO), 1.0)

    def usual_interval_s(self, humps: NDArray[np.intp]) -> Array:
        """Return the lower median of the last intervals between humps as high as beats."""
        beats = np.flatnonzero(self.is_beat)
        rank = np.searchsorted(beats, humps)[:, None] - 1 - np.arange(INTERVALS)
        if beats.size < 2:
            return np.full(humps.size, USUAL_INTERVAL_S)
        end, start = beats[np.maximum(rank, 0)], beats[np.maximum(rank - 1, 0)]
        same_row = (self.row[start] == self.row[humps][:, None]) & (rank >= 1)
        intervals = np.where(same_row, (self.at[end] - self.at[start]) / WATCH_HZ, np.inf)
        count = same_row.sum(axis=1)
        middle = np.sort(intervals, axis=1)[np.arange(humps.size), np.maximum(count - 1, 0) // 2]
        return np.where(count > 0, middle, USUAL_INTERVAL_S)

    def _same_row(self, humps: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.intp]:
        is_there = (others >= 0) & (others < self.row.size)
        safe = np.where(is_there, others, 0)
        return np.where(is_there & (self.row[safe] == self.row[humps]), safe, -1)


def _most(values: NDArray[np.float32], row: NDArray[np.intp], at: NDArray[np.intp]) -> Array:
    """Return (humps,) the largest value around each hump."""
    places = at[:, None] + np.arange(-COMPLEX_SAMPLES, COMPLEX_SAMPLES + 1)
    around = values[row[:, None], np.clip(places, 0, SAMPLES - 1)]
    most: Array = around.max(axis=1, initial=0).astype(np.float64)
    return most


def _surroundings(
    envelope: NDArray[np.float32], row: NDArray[np.intp], at: NDArray[np.intp], peak: Array
) -> tuple[Array, Array, Array, Array]:
    """Return quantiles of the envelope around each hump, over its height."""
    near = at[:, None] + np.arange(-NEAR_SAMPLES, NEAR_SAMPLES + 1)
    far = at[:, None] + np.arange(-FAR_SAMPLES, FAR_SAMPLES + 1, 3)
    newest = SAMPLES - ENVELOPE_DELAY - 1
    near_values = np.sort(envelope[row[:, None], np.minimum(near, newest)], axis=1)
    far_values = np.sort(envelope[row[:, None], np.minimum(far, newest)], axis=1)
    return (
        near_values[:, NEAR_SAMPLES] / peak,
        near_values[:, near.shape[1] // 5] / peak,
        far_values[:, far.shape[1] // 3] / peak,
        far_values[:, 2 * far.shape[1] // 3] / peak,
    )


def _second_lead(strips: Strips, row: NDArray[np.intp], at: NDArray[np.intp]) -> Array:
    """Return (humps,) how high the second lead is beside the first, each by its own height.

    An artefact is often seen by one lead only. 1 for streams of one lead.
    """
    if strips.signal.shape[1] == 1:
        return np.ones(row.size)
    half = COMPLEX_SAMPLES + CURVE_SAMPLES
    places = at[:, None] + np.arange(-half, half + 1)
    around = strips.signal[
        row[:, None, None],
        np.arange(strips.signal.shape[1])[:, None],
        np.minimum(places, SAMPLES - 1)[:, None],
    ]
    middle = around[:, :, CURVE_SAMPLES:-CURVE_SAMPLES]
    sides = around[:, :, : -2 * CURVE_SAMPLES] + around[:, :, 2 * CURVE_SAMPLES :]
    most = np.nan_to_num(np.abs(2 * middle - sides)).max(axis=2, initial=0)
    relative = np.sort(most / np.maximum(lead_heights(strips)[row], MIN_HEIGHT_MV), axis=1)
    share: Array = relative[:, -2] / np.maximum(relative[:, -1], MIN_ENVELOPE)
    return share.astype(np.float64)
