"""Streams for tests: signals at 125 Hz, watched second by second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heads.beats.classes import Classed, classify
from heads.beats.detector import detect
from heads.beats.history import empty_history
from heads.beats.strips import SAMPLES, empty_strips, extend
from signals.streams.watch_rate import WATCH_HZ, source_range, to_watch_rate


def at_watch_rate(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """Return (leads, whole seconds at WATCH_HZ) of a whole recording."""
    stop = int(signal.shape[1] / fs) * WATCH_HZ
    start, end = source_range(fs, 0, stop)
    pad = ((0, 0), (-start, max(end - signal.shape[1], 0)))
    padded = np.pad(signal[:, : max(end, 0)], pad, constant_values=np.nan)
    return to_watch_rate(padded, fs, 0, stop)


def beat_times_s(signals: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float64]]:
    """Return the times of the beats of streams that are watched together.

    signals  each (leads, samples at WATCH_HZ), of the same number of leads
    """
    rows = _side_by_side(signals)
    strips = empty_strips(len(signals), len(signals[0]))
    found: list[list[float]] = [[] for _ in signals]
    for start in range(0, rows.shape[2], WATCH_HZ):
        strips = extend(strips, rows[:, :, start : start + WATCH_HZ])
        beats = detect(strips)
        for row_index, at in zip(beats.row.tolist(), beats.at.tolist(), strict=True):
            found[row_index].append((start + WATCH_HZ - SAMPLES + at) / WATCH_HZ)
    return [np.array(times) for times in found]


def _side_by_side(signals: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return (streams, leads, samples) with three seconds more than the longest has."""
    seconds = max(signal.shape[1] for signal in signals) // WATCH_HZ
    rows = np.full((len(signals), len(signals[0]), (seconds + 3) * WATCH_HZ), np.nan, np.float32)
    for row, signal in zip(rows, signals, strict=True):
        row[:, : signal.shape[1]] = signal
    return rows


@dataclass(frozen=True, eq=False)
class ClassedStream:
    """All classed beats of one stream; times and intervals in s."""

    time_s: NDArray[np.float64]
    label: NDArray[np.intp]
    probability: NDArray[np.float64]
    interval_before_s: NDArray[np.float64]


def classed_beats(signals: Sequence[NDArray[np.float32]]) -> list[ClassedStream]:
    """Return the classed beats of streams that are watched together, as `beat_times_s` does."""
    rows = _side_by_side(signals)
    strips = empty_strips(len(signals), len(signals[0]))
    history = empty_history(len(signals), len(signals[0]))
    found: list[tuple[NDArray[np.float64], Classed]] = []
    for start in range(0, rows.shape[2], WATCH_HZ):
        strips = extend(strips, rows[:, :, start : start + WATCH_HZ])
        history, classed = classify(history, strips, detect(strips))
        found.append(((classed.at + start + WATCH_HZ - SAMPLES) / WATCH_HZ, classed))
    row = np.concatenate([classed.row for _, classed in found])
    return [
        ClassedStream(
            np.concatenate([time_s for time_s, _ in found])[row == number],
            np.concatenate([classed.label for _, classed in found])[row == number],
            np.concatenate([classed.probability for _, classed in found])[row == number],
            np.concatenate([classed.interval_before_s for _, classed in found])[row == number],
        )
        for number in range(len(signals))
    ]
