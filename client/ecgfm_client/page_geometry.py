"""Where the rows of traces lie on the page. Positions are in mm from its left and bottom edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgfm_client.layouts import Panel, Sheet

MM_PER_S, MM_PER_MV = 25.0, 10.0
PAGE_WIDTH_MM, PAGE_HEIGHT_MM = 297.0, 210.0  # A4, landscape; a page may be higher
GRID_LEFT_MM, GRID_RIGHT_MM = 5.0, 290.0
TRACE_LEFT_MM = 20.0  # left end of the rows
SQUARE_MM = 5.0  # of the coarse grid; baselines are on its lines
TOP_MM = 12.0  # of the title, above the header's other lines
HEADER_LINE_MM, NOTE_LINE_MM = 3.9, 3.5
MARGIN_MM = 3.0  # below the header, above and below the notes
MIN_ROW_MM = 20.0  # the calibration pulse and a lead's name are 17 mm high
LABEL_MM = 6.0  # free above the highest trace of a row
TICKS_MM = 10.0  # below a row: the boundaries of the waves, with their letters
# Traces of more than 6 mV above or below the baseline may overlap their neighbours: an artefact
# must not make the page a metre high.
MAX_EXTENT_MM = 60.0
EXTREME_PERCENTILES = (0.1, 99.9)  # beyond are single samples, such as pacing spikes


@dataclass(frozen=True)
class Geometry:
    """The page.

    levels      (rows,) height of each row's baseline, from the uppermost on
    ups, downs  (rows,) how far each row's traces reach above and below its baseline
    """

    height: float
    grid_bottom: float
    grid_top: float
    levels: tuple[float, ...]
    ups: tuple[float, ...]
    downs: tuple[float, ...]


def geometry(sheet: Sheet, placed: Sequence[Panel], header_lines: int, note_lines: int) -> Geometry:
    """Return a page with room for the traces and for the lines of text above and below them."""
    ups, downs = _extents(sheet, placed)
    has_ticks = [
        bool(sheet.fiducials) and any(panel.is_strip for panel in placed if panel.row == row)
        for row in range(len(ups))
    ]
    below = [
        down + (TICKS_MM if ticks else 0.0) for down, ticks in zip(downs, has_ticks, strict=True)
    ]
    gaps = [_squares(max(MIN_ROW_MM - SQUARE_MM, ups[0] + LABEL_MM))]
    gaps += [
        _squares(max(MIN_ROW_MM, down + up + LABEL_MM))
        for down, up in zip(below[:-1], ups[1:], strict=True)
    ]
    gaps.append(_squares(max(SQUARE_MM, below[-1] + 1.0)))
    header = TOP_MM + header_lines * HEADER_LINE_MM + MARGIN_MM
    notes = 2 * MARGIN_MM + note_lines * NOTE_LINE_MM
    gaps = _widened(gaps, PAGE_HEIGHT_MM - header - notes)
    grid_top = notes + sum(gaps)
    levels = tuple(float(grid_top - depth) for depth in np.cumsum(gaps)[:-1])
    return Geometry(grid_top + header, notes, grid_top, levels, tuple(ups), tuple(downs))


def trace(
    sheet: Sheet, panel: Panel, level_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions (x, y) of a panel's samples; the lead's median is on the baseline."""
    shown = sheet.shown(panel)
    left = TRACE_LEFT_MM + panel.column_s * MM_PER_S
    x = left + np.arange(shown.size) / sheet.fs * MM_PER_S
    if not np.isfinite(shown).any():
        return x, np.full(shown.size, np.nan)
    return x, level_mm + (shown - np.nanmedian(sheet.leads[panel.lead])) * MM_PER_MV


def _extents(sheet: Sheet, placed: Sequence[Panel]) -> tuple[list[float], list[float]]:
    """Return how far each row's traces reach above and below its baseline, at most 6 mV."""
    rows = 1 + max(panel.row for panel in placed)
    ups, downs = [0.0] * rows, [0.0] * rows
    for panel in placed:
        _, y = trace(sheet, panel, 0.0)
        y = y[np.isfinite(y)]
        if y.size:
            low, high = np.percentile(y, EXTREME_PERCENTILES)
            ups[panel.row] = max(ups[panel.row], min(float(high), MAX_EXTENT_MM))
            downs[panel.row] = max(downs[panel.row], min(-float(low), MAX_EXTENT_MM))
    return ups, downs


def _squares(mm: float) -> float:
    """Return the length in whole squares of the coarse grid, rounded up."""
    return SQUARE_MM * math.ceil(mm / SQUARE_MM)


def _widened(gaps: Sequence[float], height: float) -> list[float]:
    """Return the gaps, the narrowest ones widened by whole squares until they fill the height."""
    widened = list(gaps)
    while sum(widened) + SQUARE_MM <= height:
        narrowest = min(range(len(widened)), key=widened.__getitem__)
        widened[narrowest] += SQUARE_MM
    return widened
