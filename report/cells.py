"""The traces on the grid, with their names, gaps, poor leads and pacemaker spikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from report.grid import FOOT, PULSE_MV, PULSE_S, TimeAxis
from report.options import Language
from report.paper import BLACK, QUIET_TEXT, TECHNICAL, TRACE_WIDTH, WASH
from report.pen import Pen, fitted, text_width
from report.plan import Cell
from report.rows import RowPlace
from report.trace import strokes, thinned
from report.words import seconds_text, word

LABEL_SIZE: Final = 3.5
LABEL_INDENT: Final = 1.2
# Of a name's baseline above the trace's level; less where rows are low.
LABEL_RAISE, MAX_LABEL_RAISE, LOW_LABEL_RAISE = 6.0, 9.5, 3.5
LOW_ROW: Final = 16.0
NOTE_SIZE: Final = 2.4
TICK: Final = 4.0  # between columns, and of a pacemaker spike
TICK_WIDTH: Final = 0.2
CAP_WIDTH: Final = 0.4
HATCH_DISTANCE: Final = 1.2
HATCH_WIDTH: Final = 0.12
HATCH_HEIGHT: Final = 8.0
SPIKE_WIDTH: Final = 0.4
SPIKE_CLEARANCE: Final = 0.8
SPIKE_NEAR_S: Final = 0.03  # around a spike, whose trace the tick must not touch


@dataclass(frozen=True)
class Scale:
    """What the cells share.

    mm_per_unit  mm of paper for one unit of the samples
    calibrated   whether the unit is mV, so that the pulse of 1 mV has a height
    poor         lead -> why it is poor, in words
    spikes_s     pacemaker spikes in seconds from the recording's start
    """

    axis: TimeAxis
    mm_per_unit: float
    calibrated: bool
    lang: Language
    poor: Mapping[str, str]
    spikes_s: NDArray[np.float64]

    def x(self, cell: Cell) -> float:
        """Return where a cell begins, in mm."""
        return self.axis.trace_x + cell.place_s * self.axis.mm_per_s

    def x_at(self, cell: Cell, time_s: float, start_s: float) -> float:
        """Return where a time of the recording is in a cell whose place begins at `start_s`."""
        return self.x(cell) + (time_s - start_s) * self.axis.mm_per_s


def draw_washes(
    pen: Pen, rows: Sequence[Sequence[Cell]], places: Sequence[RowPlace], scale: Scale
) -> None:
    """Shade the places of poor leads; the grid is drawn over it."""
    for row, place in zip(rows, places, strict=True):
        for cell in row:
            if cell.lead in scale.poor:
                width = cell.seconds * scale.axis.mm_per_s
                pen.area(scale.x(cell), place.top, width, place.height, WASH)


def draw_row(pen: Pen, row: Sequence[Cell], place: RowPlace, scale: Scale) -> None:
    """Draw the pulse and the traces."""
    if scale.calibrated:
        _pulse(pen, place, scale)
    for cell in row:
        _trace(pen, cell, place, scale)
    for _, cell in pairwise(row):
        x = scale.x(cell)
        ends = (x, place.baseline - TICK / 2, x, place.baseline + TICK / 2)
        pen.lines([ends], TICK_WIDTH, BLACK)


def draw_names(pen: Pen, row: Sequence[Cell], place: RowPlace, scale: Scale) -> None:
    """Write the names of the leads, over the traces of every row."""
    for cell in row:
        _name(pen, cell, place, scale)


def beyond(
    rows: Sequence[Sequence[Cell]],
    places: Sequence[RowPlace],
    scale: Scale,
    top: float,
    bottom: float,
) -> list[str]:
    """Return the names of the leads that leave the grid, each once."""
    found = []
    for row, place in zip(rows, places, strict=True):
        for cell in row:
            for points in _points(cell, place, scale):
                if points[:, 1].min() < top or points[:, 1].max() > bottom:
                    found.append(cell.label)
    return list(dict.fromkeys(found))


def _pulse(pen: Pen, place: RowPlace, scale: Scale) -> None:
    begin = scale.axis.pulse_x + FOOT
    end = begin + PULSE_S * scale.axis.mm_per_s
    level, upper = place.baseline, place.baseline - PULSE_MV * scale.mm_per_unit
    corners = [
        (begin - FOOT, level),
        (begin, level),
        (begin, upper),
        (end, upper),
        (end, level),
        (end + FOOT, level),
    ]
    pen.polyline(np.array(corners), TRACE_WIDTH, BLACK)


def _points(cell: Cell, place: RowPlace, scale: Scale) -> list[NDArray[np.float64]]:
    """Return the lines of a cell in mm of the page."""
    x = _first_x(cell, scale)
    level = cell.piece.level
    lines = []
    for stroke in strokes(cell.piece, scale.axis.mm_per_s):
        ys = place.baseline - (stroke[:, 1] - level) * scale.mm_per_unit
        lines.append(thinned(np.column_stack((x + stroke[:, 0], ys))))
    return lines


def _first_x(cell: Cell, scale: Scale) -> float:
    """Return where the first sample of a cell is; it may be a part of a sample after its start."""
    return scale.x(cell) + (cell.piece.from_s - cell.from_s) * scale.axis.mm_per_s


def _trace(pen: Pen, cell: Cell, place: RowPlace, scale: Scale) -> None:
    if not cell.recorded:
        return
    for gap in cell.piece.gaps_s():
        _gap(pen, cell, gap, place, scale)
    lines = _points(cell, place, scale)
    for points in lines:
        pen.polyline(points, TRACE_WIDTH, BLACK)
    is_inside = (scale.spikes_s >= cell.from_s) & (scale.spikes_s < cell.until_s)
    inside = scale.spikes_s[is_inside]
    for time_s in inside.tolist():
        _spike(pen, scale.x_at(cell, time_s, cell.from_s), lines, place, scale)


def _spike(
    pen: Pen, x: float, lines: list[NDArray[np.float64]], place: RowPlace, scale: Scale
) -> None:
    """Draw a tick over the trace."""
    near = SPIKE_NEAR_S * scale.axis.mm_per_s
    heights = [points[np.abs(points[:, 0] - x) <= near, 1] for points in lines]
    highest = min((float(part.min()) for part in heights if part.size), default=place.baseline)
    foot = highest - SPIKE_CLEARANCE
    pen.lines([(x, foot, x, foot - TICK)], SPIKE_WIDTH, BLACK)


def _gap(pen: Pen, cell: Cell, gap: tuple[float, float], place: RowPlace, scale: Scale) -> None:
    """Hatch a gap and write its length over it."""
    left = scale.x_at(cell, gap[0], cell.from_s)
    right = scale.x_at(cell, gap[1], cell.from_s)
    height = min(HATCH_HEIGHT, place.height - 2)
    top = place.baseline - height / 2
    pen.lines(_hatch(left, top, right, top + height), HATCH_WIDTH, QUIET_TEXT)
    seconds = gap[1] - gap[0]
    milliseconds = f"{1000 * seconds:.0f} ms"
    length = milliseconds if seconds < 1 else f"{seconds_text(round(seconds, 1), scale.lang)} s"
    width = text_width(length, NOTE_SIZE)
    middle = (left + right - width) / 2
    inside = right - left > width + 1
    y = place.baseline + 0.9 if inside else top - 1.0
    pen.text_with_halo(middle, y, length, NOTE_SIZE, "regular", QUIET_TEXT)


def _hatch(
    left: float, top: float, right: float, bottom: float
) -> list[tuple[float, float, float, float]]:
    """Return diagonal lines that fill a rectangle, each within it."""
    height = bottom - top
    lines = []
    for foot in np.arange(left - height + HATCH_DISTANCE / 2, right, HATCH_DISTANCE).tolist():
        begin = max(foot, left)
        end = min(foot + height, right)
        if end > begin:
            lines.append((begin, bottom - (begin - foot), end, bottom - (end - foot)))
    return lines


def _name(pen: Pen, cell: Cell, place: RowPlace, scale: Scale) -> None:
    """Write the lead's name, and why it is poor or empty."""
    left = scale.x(cell) + LABEL_INDENT
    width = text_width(cell.label, LABEL_SIZE, "semibold")
    y = place.baseline - _label_raise(cell, left + width, place, scale)
    end = pen.text_with_halo(left, y, cell.label, LABEL_SIZE, "semibold")
    if cell.has_times:
        times = [seconds_text(time_s, scale.lang) for time_s in (cell.from_s, cell.until_s)]
        shown = f"{times[0]}–{times[1]} s"
        end = pen.text_with_halo(end + LABEL_INDENT, y, shown, NOTE_SIZE, "regular", QUIET_TEXT)
    reason = scale.poor.get(cell.lead, "")
    if not cell.recorded:
        reason = word("not_recorded", scale.lang)
    right = scale.x(cell) + cell.seconds * scale.axis.mm_per_s
    if cell.lead in scale.poor:
        pen.lines([(scale.x(cell), place.top, right, place.top)], CAP_WIDTH, TECHNICAL)
    if reason:
        text = fitted(reason, right - end - 2 * LABEL_INDENT, NOTE_SIZE)
        pen.text_with_halo(end + LABEL_INDENT, y, text, NOTE_SIZE, "regular", TECHNICAL)


def _label_raise(cell: Cell, right: float, place: RowPlace, scale: Scale) -> float:
    """Return how far the name is above the level: further where the trace is in the way."""
    if place.height < LOW_ROW:
        return LOW_LABEL_RAISE
    near = [points[points[:, 0] <= right, 1] for points in _points(cell, place, scale)]
    highest = max((place.baseline - float(part.min()) for part in near if part.size), default=0.0)
    return min(MAX_LABEL_RAISE, max(LABEL_RAISE, highest + 1.0))
