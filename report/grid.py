"""The paper: its grid, and where seconds and millivolts are on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from report.options import ReportOptions
from report.paper import (
    GRID_HEIGHT,
    GRID_TOP,
    LARGE_LINE,
    LARGE_LINE_WIDTH,
    LARGE_SQUARE,
    SMALL_LINE,
    SMALL_LINE_WIDTH,
    PaperSize,
)
from report.pen import Pen

PULSE_S: Final = 0.2
PULSE_MV: Final = 1.0
FOOT: Final = 1.0  # mm, of the calibration pulse on either side
FULL_PAGE: Final = 250.0  # mm: 10 s at 25 mm/s


@dataclass(frozen=True)
class TimeAxis:
    """Where the rows begin, in mm from the page's left edge.

    pulse_x     of the calibration pulse's first foot
    trace_x     of the traces' first sample
    capacity_s  the longest row that fits
    """

    pulse_x: float
    trace_x: float
    mm_per_s: float
    capacity_s: float


def time_axis(paper: PaperSize, options: ReportOptions) -> TimeAxis:
    """Return the axis: the pulse first, then the traces, with the space that 250 mm leave."""
    pulse = PULSE_S * options.speed + 2 * FOOT
    spare = max(0.0, paper.grid_width - FULL_PAGE - pulse)
    indent = min(3.5, max(1.0, 0.27 * spare))
    distance = min(2.0, max(1.5, spare / 6))
    trace_x = paper.left + indent + pulse + distance
    capacity_s = (paper.right - trace_x) / options.speed
    return TimeAxis(paper.left + indent, trace_x, options.speed, capacity_s)


def draw_grid(pen: Pen, paper: PaperSize) -> None:
    """Draw the lines of 1 mm, and those of 5 mm over them."""
    left, right, bottom = paper.left, paper.right, paper.grid_bottom
    for square, width, colour in (
        (1, SMALL_LINE_WIDTH, SMALL_LINE),
        (int(LARGE_SQUARE), LARGE_LINE_WIDTH, LARGE_LINE),
    ):
        columns = range(0, round(paper.grid_width) + 1, square)
        rows = range(0, round(GRID_HEIGHT) + 1, square)
        pen.lines(((left + x, GRID_TOP, left + x, bottom) for x in columns), width, colour)
        pen.lines(((left, GRID_TOP + y, right, GRID_TOP + y) for y in rows), width, colour)
