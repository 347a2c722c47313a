"""Streams for tests: signals at 125 Hz, watched second by second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heads.beats.detector import detect
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
    seconds = max(signal.shape[1] for signal in signals) // WATCH_HZ
    rows = np.full((len(signals), len(signals[0]), (seconds + 3) * WATCH_HZ), np.nan, np.float32)
    for row, signal in zip(rows, signals, strict=True):
        row[:, : signal.shape[1]] = signal
    strips = empty_strips(len(signals), len(signals[0]))
    found: list[list[float]] = [[] for _ in signals]
    for second in range(seconds + 3):
        strips = extend(strips, rows[:, :, second * WATCH_HZ : (second + 1) * WATCH_HZ])
        start = (second + 1) * WATCH_HZ - SAMPLES
        beats = detect(strips)
        for row_index, at in zip(beats.row.tolist(), beats.at.tolist(), strict=True):
            found[row_index].append((start + at) / WATCH_HZ)
    return [np.array(times) for times in found]
