"""The windows of recordings: their numbers, second by second, and which the model is fitted to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.fibrillation.features import NUMBERS, features
from heads.fibrillation.model import BLOCK_ROWS
from heads.fibrillation.signal_input import (
    WATCH_HZ,
    WINDOW_S,
    WINDOW_SAMPLES,
    Rows,
    filtered,
    whole_windows,
)
from training.fibrillation.recordings import ALARMS, CUDB, VT_ALARM, Recording

# Borders of episodes are marked to about half a second.
BORDER_S: Final = 0.5
# Before an episode there may be flutter that is not marked, and after it what a shock leaves.
BEFORE_S: Final = 5.0
AFTER_S: Final = 10.0
# The last seconds of a true alarm of ventricular tachycardia are not fitted to: some tachycardias
# are polymorphic or as fast as flutter.
UNFITTED_S: Final = 20
# Windows that are fitted to are so far apart, where there are many.
APART_S: Final = {CUDB: 1, ALARMS: 3}
USUAL_APART_S: Final = 5
FIBRILLATION: Final = 1
OTHER: Final = 0
UNFITTED: Final = -1

Truth = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Examined:
    """A recording's windows; row n ends n + 1 seconds after the start.

    numbers  (leads, seconds, numbers), NaN where a lead cannot be judged
    truth    (seconds,) FIBRILLATION, OTHER or UNFITTED
    """

    recording: Recording
    numbers: Rows
    truth: Truth


@dataclass(frozen=True, eq=False)
class Examples:
    """The windows that a model is fitted to.

    numbers    (rows, numbers)
    truth      (rows,) FIBRILLATION or OTHER
    recording  (rows,) index of the recording
    """

    numbers: Rows
    truth: Truth
    recording: NDArray[np.intp]

    def without(self, held: NDArray[np.intp]) -> Examples:
        """Return the rows of all recordings but those with these indices."""
        kept = ~np.isin(self.recording, held)
        return Examples(self.numbers[kept], self.truth[kept], self.recording[kept])

    def weights(self) -> NDArray[np.float64]:
        """Return (rows,) weights: both classes weigh the same, and sum up to the number of rows.

        Within a class a recording weighs as the root of its number of rows, so that no long one
        outweighs the others.
        """
        weights = np.zeros(len(self.truth))
        for kind in (FIBRILLATION, OTHER):
            chosen = self.truth == kind
            counts = np.bincount(self.recording[chosen])
            each = counts[self.recording[chosen]] ** -0.5
            weights[chosen] = each / each.sum()
        return weights * len(self.truth) / 2


def examine(recordings: Iterable[Recording]) -> list[Examined]:
    """Return the recordings with the numbers and the truth of their windows."""
    return [
        Examined(each, np.stack([_numbers(lead) for lead in each.leads]), truth_of(each))
        for each in recordings
    ]


def _numbers(lead: Rows) -> Rows:
    """Return (seconds, numbers) of a lead (samples,)."""
    seconds = int(lead.size / WATCH_HZ)
    first = round(WINDOW_S) - 1  # the first window is whole when it ends
    whole = lead[: round(seconds * WATCH_HZ)]
    result = np.full((seconds, NUMBERS), np.nan, np.float32)
    if seconds <= first:
        return result
    windows = np.lib.stride_tricks.sliding_window_view(whole, WINDOW_SAMPLES)[:: round(WATCH_HZ)]
    for start in range(0, len(windows), BLOCK_ROWS):
        chosen, rows = whole_windows(windows[start : start + BLOCK_ROWS])
        if rows.size:
            result[first + start + rows] = features(filtered(chosen))
    return result


def truth_of(recording: Recording) -> Truth:
    """Return (seconds,) what the window that ends after each second is."""
    ends = np.arange(1, recording.seconds + 1)
    truth = np.full(ends.size, OTHER, np.int8)
    for start, stop in recording.episodes:
        truth[(ends > start - BEFORE_S) & (ends - WINDOW_S < stop + AFTER_S)] = UNFITTED
    for start, stop in recording.episodes:
        inside = (ends - WINDOW_S >= start - BORDER_S) & (ends <= stop + BORDER_S)
        truth[inside] = FIBRILLATION
    if not recording.has_marks:
        truth[:] = UNFITTED
    elif recording.alarm == VT_ALARM and recording.is_true:
        truth[-UNFITTED_S:] = UNFITTED
    return truth


def examples_of(examined: Sequence[Examined]) -> Examples:
    """Return the windows that a model is fitted to."""
    numbers, truth, recording = [], [], []
    for index, each in enumerate(examined):
        apart = APART_S.get(each.recording.source, USUAL_APART_S)
        seconds = np.arange(each.truth.size)
        chosen = (each.truth == FIBRILLATION) | ((each.truth == OTHER) & (seconds % apart == 0))
        for lead in each.numbers:
            rows = chosen & ~np.isnan(lead[:, 0])
            numbers.append(lead[rows])
            truth.append(each.truth[rows])
            recording.append(np.full(np.count_nonzero(rows), index, np.intp))
    return Examples(np.concatenate(numbers), np.concatenate(truth), np.concatenate(recording))
