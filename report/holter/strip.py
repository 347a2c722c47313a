"""Strips of a long recording on millimetre paper: 25 mm/s, 10 mm/mV, with the beats' classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from analysis.holter.report import Recording
from analysis.holter.strips import STRIP_S, Strip
from report.holter.surface import Surface
from report.holter.times import clock_text, start_of
from report.holter.words import holter_word as word
from report.options import Language
from report.paper import (
    BLACK,
    LARGE_LINE,
    LARGE_LINE_WIDTH,
    QUIET_TEXT,
    SMALL_LINE,
    SMALL_LINE_WIDTH,
    TRACE_WIDTH,
)
from report.trace import Piece, strokes, thinned

MM_PER_S: Final = 25.0
MM_PER_MV: Final = 10.0
WIDTH: Final = STRIP_S * MM_PER_S
HEAD: Final = 5.0  # for the title
CLASS_ROW: Final = 5.0  # for the beats' classes, on the paper
# Of all leads together, and of one at most.
LEADS_HEIGHT, MAX_ROW = 45.0, 23.0
MAX_LEADS: Final = 3
# Of a recording with more leads these are shown, where it has them.
PREFERRED: Final = ("II", "MLII", "V1", "V5")
TITLE_SIZE, LABEL_SIZE = 3.1, 2.6


def strip_height(recording: Recording) -> float:
    """Return the height of a strip in mm, its title included."""
    rows = len(shown_leads(recording.leads))
    return HEAD + CLASS_ROW + rows * _row_height(rows)


def _row_height(rows: int) -> float:
    """Return the height of a lead: a whole number of mm, so that the paper ends with a line."""
    return min(MAX_ROW, LEADS_HEIGHT // rows)


def shown_leads(leads: Sequence[str]) -> tuple[int, ...]:
    """Return the rows of the leads that are shown, in the recording's order."""
    if len(leads) <= MAX_LEADS:
        return tuple(range(len(leads)))
    preferred = [leads.index(lead) for lead in PREFERRED if lead in leads]
    others = [row for row in range(len(leads)) if row not in preferred]
    return tuple(sorted([*preferred, *others][:MAX_LEADS]))


def draw_strip(
    surface: Surface, x: float, y: float, strip: Strip, recording: Recording, lang: Language
) -> None:
    """Draw a strip whose title's top left corner is at (x, y)."""
    rows = shown_leads(recording.leads)
    title = word(strip.moment.kind, lang)
    surface.text(x, y + 3.4, title, TITLE_SIZE, "semibold", BLACK)
    clock = clock_text(strip.start_s, start_of(recording.start))
    right = f"{clock}   {word('strip_scale', lang)}"
    surface.text(x + WIDTH, y + 3.4, right, LABEL_SIZE, "regular", QUIET_TEXT, "right")
    row_height = _row_height(len(rows))
    top, height = y + HEAD, CLASS_ROW + row_height * len(rows)
    _draw_paper(surface, x, top, height)
    for at_s, label in strip.labels:
        place = x + (at_s - strip.start_s) * MM_PER_S
        if x + 1 <= place <= x + WIDTH - 1:
            weight, colour = ("regular", QUIET_TEXT) if label == "N" else ("semibold", BLACK)
            surface.text(place - 0.8, top + 3.6, label, LABEL_SIZE, weight, colour)  # type: ignore[arg-type]
    # The traces leave the row of the classes free.
    surface.clip(x, top + CLASS_ROW, WIDTH, height - CLASS_ROW)
    for place, row in enumerate(rows):
        middle = top + CLASS_ROW + row_height * (place + 0.5)
        piece = Piece(strip.signal[row], strip.fs, strip.start_s)
        for stroke in strokes(piece, MM_PER_S):
            ys = middle - (stroke[:, 1] - piece.level) * MM_PER_MV
            points = thinned(np.column_stack((x + stroke[:, 0], ys)))
            surface.polyline(points, TRACE_WIDTH, BLACK)
        surface.text(
            x + 1.0,
            middle - row_height / 2 + 3.0,
            recording.leads[row],
            LABEL_SIZE,
            "semibold",
            BLACK,
        )
    surface.unclip()


def _draw_paper(surface: Surface, x: float, y: float, height: float) -> None:
    for square, width, colour in (
        (1, SMALL_LINE_WIDTH, SMALL_LINE),
        (5, LARGE_LINE_WIDTH, LARGE_LINE),
    ):
        columns = range(0, round(WIDTH) + 1, square)
        rows = range(0, round(height) + 1, square)
        surface.lines(((x + at, y, x + at, y + height) for at in columns), width, colour)
        surface.lines(((x, y + at, x + WIDTH, y + at) for at in rows), width, colour)
