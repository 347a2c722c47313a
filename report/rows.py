"""Where the rows are: the grid's height is shared by what their traces need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from report.plan import Cell

MIN_DISTANCE: Final = 20.0  # mm from one row's level to the next, where as many rows fit
MIN_SHARE: Final = 0.8  # of an equal share of the height, where rows are too many for that
CLEARANCE: Final = 2.0  # mm above and below a trace
LABEL_HEIGHT: Final = 9.0  # mm above the level that a lead's name takes
MAX_NEED: Final = 60.0  # mm: an artefact does not take the other rows' room


@dataclass(frozen=True)
class RowPlace:
    """One row in mm from the page's top; `baseline` is where its traces have their level."""

    top: float
    bottom: float
    baseline: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


def place_rows(
    rows: Sequence[Sequence[Cell]], mm_per_unit: float, top: float, height: float
) -> list[RowPlace]:
    """Return the places of the rows within `height` mm from `top`.

    Where the traces need more than there is, the rows move together: deep waves then reach into
    the next row, as on paper, rather than leave the grid.
    """
    needs = [_need(row, mm_per_unit) for row in rows]
    ups, downs = [up for up, _ in needs], [down for _, down in needs]
    inner = [down + up for down, up in zip(downs[:-1], ups[1:], strict=True)]
    first, distances, last = _shared(ups[0], inner, downs[-1], height)
    baselines = [top + first]
    for distance in distances:
        baselines.append(baselines[-1] + distance)
    edges = [top]
    for number, distance in enumerate(distances):
        share = downs[number] / inner[number]
        edges.append(baselines[number] + share * distance)
    edges.append(baselines[-1] + last)
    return [
        RowPlace(edges[number], edges[number + 1], baseline)
        for number, baseline in enumerate(baselines)
    ]


def _need(row: Sequence[Cell], mm_per_unit: float) -> tuple[float, float]:
    """Return the mm that a row's traces need above and below their level."""
    up, down = LABEL_HEIGHT, 0.0
    for cell in row:
        samples = cell.piece.samples
        if not np.isnan(samples).all():
            up = max(up, (float(np.nanmax(samples)) - cell.piece.level) * mm_per_unit)
            down = max(down, (cell.piece.level - float(np.nanmin(samples))) * mm_per_unit)
    return min(up, MAX_NEED) + CLEARANCE, min(down, MAX_NEED) + CLEARANCE


def _shared(
    first: float, inner: Sequence[float], last: float, height: float
) -> tuple[float, list[float], float]:
    """Return the room above the first level, between the levels and below the last one."""
    count = len(inner) + 1
    smallest = min(MIN_DISTANCE, MIN_SHARE * height / count)
    inner = [max(each, smallest) for each in inner]
    spare = height - first - last - sum(inner)
    if spare >= 0:
        each = spare / count
        return first + each / 2, [distance + each for distance in inner], last + each / 2
    # What is above the smallest distance shrinks first, then the room at the edges.
    needed = sum(inner) - smallest * len(inner)
    share = min(1.0, -spare / needed) if needed > 0 else 0.0
    inner = [distance - share * (distance - smallest) for distance in inner]
    edge_share = min(1.0, (height - sum(inner)) / (first + last))
    return first * edge_share, inner, last * edge_share
