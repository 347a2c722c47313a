"""A lead's samples as lines on paper: gaps stay open, dense samples become lowest and highest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Finer detail than this does not show: it is a sixth of the trace's width.
COLUMN_MM: Final = 0.05
STRAIGHT_MM: Final = 0.005  # a point as near to its neighbours' line is not drawn
PASSES: Final = 3  # each may leave out every other point
MIN_GAP_S: Final = 0.02  # shorter gaps are narrower than a line and get no hatch


@dataclass(frozen=True)
class Piece:
    """A stretch of one lead.

    samples  (samples,) in the unit of the recording; NaN for gaps
    from_s   time of the first sample, in seconds from the recording's start
    """

    samples: NDArray[np.float32]
    fs: float
    from_s: float

    @property
    def level(self) -> float:
        """Return the median, which the trace is centred on; 0 without a sample."""
        known = self.samples[~np.isnan(self.samples)]
        return float(np.median(known)) if known.size else 0.0

    def gaps_s(self) -> list[tuple[float, float]]:
        """Return begin and end of each gap between samples, in seconds from the recording's start.

        Where the stretch itself begins or ends with a gap, so does the recording's gap.
        """
        return [
            (self.from_s + begin / self.fs, self.from_s + end / self.fs)
            for begin, end in _runs(np.isnan(self.samples))
            if (end - begin) / self.fs >= MIN_GAP_S
        ]


def piece_of(row: NDArray[np.float32], fs: float, start_s: float, end_s: float) -> Piece:
    """Return the samples of a lead from `start_s` to `end_s`, both included."""
    first = max(0, math.ceil(start_s * fs - 1e-6))
    last = min(row.size - 1, math.floor(end_s * fs + 1e-6))
    return Piece(row[first : last + 1], fs, first / fs)


def strokes(piece: Piece, mm_per_s: float) -> list[NDArray[np.float64]]:
    """Return the lines of a stretch, each (points, 2): mm from its first sample, and its value.

    Of more than one sample in COLUMN_MM the lowest and the highest are drawn, in their order.
    """
    step_mm = mm_per_s / piece.fs
    per_column = max(1, math.floor(COLUMN_MM / step_mm + 1e-9))
    lines = []
    for begin, end in _runs(~np.isnan(piece.samples)):
        values = piece.samples[begin:end].astype(np.float64)
        places = np.arange(begin, end) if per_column == 1 else _extremes(values, per_column) + begin
        lines.append(np.column_stack((places * step_mm, piece.samples[places])))
    return lines


def thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (points, 2) in mm without those that their neighbours' straight line replaces.

    What is left is within PASSES * STRAIGHT_MM of every point.
    """
    for _ in range(PASSES):
        middle = np.arange(1, len(points) - 1, 2)
        before, at, after = points[middle - 1], points[middle], points[middle + 1]
        along, across = (after - before).T, (at - before).T
        length = np.hypot(along[0], along[1])
        area = np.abs(along[0] * across[1] - along[1] * across[0])
        keep = np.ones(len(points), np.bool_)
        # The x of points only grows, so none is outside of its neighbours' line.
        keep[middle[area <= STRAIGHT_MM * length]] = False
        points = points[keep]
    return points


def _extremes(values: NDArray[np.float64], width: int) -> NDArray[np.intp]:
    """Return the indices of the lowest and highest of each `width` values, and of both ends."""
    columns = values.size // width
    table = values[: columns * width].reshape(columns, width)
    offsets = np.arange(columns) * width
    found = [offsets + table.argmin(axis=1), offsets + table.argmax(axis=1)]
    rest = values[columns * width :]
    if rest.size:
        found.append(columns * width + np.array([rest.argmin(), rest.argmax()]))
    found.append(np.array([0, values.size - 1]))
    return np.unique(np.concatenate(found))


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end (excluded) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]
