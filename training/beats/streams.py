"""Recordings watched side by side as streams: candidates, beats, and what they truly are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import Candidates, find_candidates
from heads.beats.describe import describe
from heads.beats.detector import chosen
from heads.beats.history import empty_history
from heads.beats.strips import SAMPLES, empty_strips, extend
from signals.streams.watch_rate import WATCH_HZ
from training.beats.matching import in_flutter, matched
from training.beats.recordings import Recording

# The last beats are judged so long after the newest sample.
AFTER_S: Final = 3
NOT_MARKED: Final = -1  # a beat found where the experts marked none
UNSCORED: Final = -2  # one in ventricular flutter

Numbers = NDArray[np.float32]
Indices = NDArray[np.intp]
# (candidates,) probability that each is a beat.
Judge = Callable[[Candidates], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Found:
    """Candidates or beats of several streams.

    row      (found,) stream
    at       (found,) sample of the stream
    numbers  (found, numbers)
    """

    row: Indices
    at: Indices
    numbers: Numbers


def side_by_side(signals: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return (streams, leads, samples), NaN after the end of each, of signals (leads, samples)."""
    seconds = max(signal.shape[1] for signal in signals) // WATCH_HZ + AFTER_S
    shape = (len(signals), len(signals[0]), seconds * WATCH_HZ)
    rows = np.full(shape, np.nan, np.float32)
    for row, signal in zip(rows, signals, strict=True):
        row[:, : signal.shape[1]] = signal
    return rows


def watch(rows: NDArray[np.float32], judge: Judge) -> tuple[Found, Found]:
    """Return the final candidates of streams (streams, leads, samples), and the beats among them.

    `judge` gets the candidates of one second of all streams.
    """
    strips = empty_strips(len(rows), rows.shape[1])
    history = empty_history(len(rows), rows.shape[1])
    candidates, beats = [], []
    for start in range(0, rows.shape[2], WATCH_HZ):
        strips = extend(strips, rows[:, :, start : start + WATCH_HZ])
        zero = start + WATCH_HZ - SAMPLES
        found = find_candidates(strips)
        final = found.is_final
        candidates.append((found.row[final], found.at[final] + zero, found.features[final]))
        history, described = describe(history, strips, chosen(found, judge(found)))
        beats.append((described.row, described.r_peak + zero, described.numbers))
    return _joined(candidates), _joined(beats)


def _joined(parts: list[tuple[Indices, Indices, Numbers]]) -> Found:
    row, at, numbers = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Found(row, at, numbers)


def truth_of(found: Found, recordings: Sequence[Recording]) -> Indices:
    """Return (found,) the class of each, NOT_MARKED, or UNSCORED.

    recordings  of each stream
    """
    truth = np.full(found.row.size, NOT_MARKED, np.intp)
    for row, recording in enumerate(recordings):
        places = np.flatnonzero(found.row == row)
        time_s = found.at[places] / WATCH_HZ
        match = matched(time_s, recording.time_s)
        is_beat = match >= 0
        truth[places[is_beat]] = recording.label[match[is_beat]]
        truth[places[~is_beat & in_flutter(recording, time_s)]] = UNSCORED
    return truth


def missed_of(found: Found, row: int, recording: Recording) -> Indices:
    """Return (missed,) the classes of the marked beats of a stream that were not found."""
    time_s = found.at[found.row == row] / WATCH_HZ
    match = matched(time_s, recording.time_s)
    is_missed = np.ones(recording.time_s.size, np.bool_)
    is_missed[match[match >= 0]] = False
    is_missed &= ~in_flutter(recording, recording.time_s)
    return recording.label[is_missed]
