"""The report as a PDF: the numbers, the trends, the hours, and the strips. A4, landscape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from analysis.holter.report import HolterReport
from report.holter.charts import (
    Box,
    draw_beats,
    draw_episodes,
    draw_rates,
    draw_st,
    draw_variability,
)
from report.holter.strip import WIDTH, draw_strip, shown_leads, strip_height
from report.holter.summary import Group, groups_of, hour_columns, hour_rows, notes_of
from report.holter.words import holter_word as word
from report.options import Language
from report.paper import BLACK, QUIET_TEXT, RULE_WIDTH, SIZES, TEXT
from report.pen import Pen, fitted, printable

Draw: TypeAlias = Callable[[Pen, HolterReport, range, Language], None]

PAPER: Final = SIZES["a4"]
TOP: Final = 12.0
FIRST: Final = 20.0  # below the title
BOTTOM: Final = 198.0
FOOT: Final = 203.0
TITLE_SIZE, HEAD_SIZE, SIZE, SMALL_SIZE = 5.0, 3.3, 2.9, 2.5
PITCH: Final = 4.2
GROUP_GAP: Final = 3.0
COLUMNS: Final = 3
COLUMN_GAP: Final = 6.0
# Which groups each column has: recording, rates, beats | ventricular, supraventricular | the rest.
COLUMN_GROUPS: Final = ((0, 1, 2), (3, 4), (5, 6, 7))
LABEL_SHARE: Final = 0.42
CHART_GAP: Final = 3.0
STRIP_GAP: Final = 4.0
HOURS_A_PAGE: Final = 40
MAX_NOTES: Final = 3


def holter_pdf(report: HolterReport, lang: Language) -> bytes:
    """Return the document."""
    pages = _pages(report)
    pen = Pen(PAPER.width, PAPER.height, word("title", lang), lang)
    for number, (draw, share) in enumerate(pages, 1):
        if number > 1:
            pen.next_page()
        _frame(pen, lang, number, len(pages))
        draw(pen, report, share, lang)
    return pen.pdf()


def _pages(report: HolterReport) -> list[tuple[Draw, range]]:
    """Return what draws each page, and the rows or strips of it."""
    pages: list[tuple[Draw, range]] = [(_draw_summary, range(0))]
    pages += [(_draw_trends, part) for part in _parts(len(report.st), 6)]
    pages += [(_draw_hours, part) for part in _parts(len(report.rates.hours), HOURS_A_PAGE)]
    room = BOTTOM - FIRST + STRIP_GAP
    strips = max(1, int(room / (strip_height(report.recording) + STRIP_GAP)))
    pages += [(_draw_strips, part) for part in _parts(len(report.strips), strips)]
    return pages


def _parts(count: int, size: int) -> list[range]:
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _frame(pen: Pen, lang: Language, number: int, count: int) -> None:
    pen.text(PAPER.left, TOP, word("title", lang), TITLE_SIZE, "semibold", BLACK)
    pen.text(PAPER.right, TOP, word("unconfirmed", lang), SIZE, "medium", BLACK, "right")
    pen.lines([(PAPER.left, TOP + 2.5, PAPER.right, TOP + 2.5)], RULE_WIDTH, TEXT)
    pen.text(PAPER.left, FOOT, word("research", lang), SMALL_SIZE, "medium", QUIET_TEXT)
    page = word("page", lang, number=number, count=count)
    pen.text(PAPER.right, FOOT, page, SMALL_SIZE, "regular", QUIET_TEXT, "right")


def _draw_summary(pen: Pen, report: HolterReport, share: range, lang: Language) -> None:
    groups = groups_of(report, lang)
    width = (PAPER.grid_width - COLUMN_GAP * (COLUMNS - 1)) / COLUMNS
    lowest = FIRST
    for column, places in enumerate(COLUMN_GROUPS):
        y = FIRST
        for place in places:
            x = PAPER.left + column * (width + COLUMN_GAP)
            y = _draw_group(pen, groups[place], x, y, width) + GROUP_GAP
        lowest = max(lowest, y)
    lowest += GROUP_GAP
    for note in notes_of(report, lang)[:MAX_NOTES]:
        text = fitted(note, PAPER.grid_width, SMALL_SIZE)
        pen.text(PAPER.left, lowest, text, SMALL_SIZE, "regular", QUIET_TEXT)
        lowest += PITCH
    height = (BOTTOM - lowest - CHART_GAP) / 2
    top = Box(PAPER.left, lowest, PAPER.grid_width, height)
    draw_rates(pen, top, report, lang)
    half = (PAPER.grid_width - COLUMN_GAP) / 2
    below = lowest + height + CHART_GAP
    for place, label in enumerate(("V", "S")):
        x = PAPER.left + place * (half + COLUMN_GAP)
        draw_beats(pen, Box(x, below, half, height), report, label, lang)


def _draw_group(pen: Pen, group: Group, x: float, y: float, width: float) -> float:
    """Draw a group; return where it ends."""
    pen.text(x, y + 3.0, fitted(group.title, width, HEAD_SIZE), HEAD_SIZE, "semibold", BLACK)
    pen.lines([(x, y + 4.2, x + width, y + 4.2)], RULE_WIDTH, QUIET_TEXT)
    y += 4.2
    label_width = width * LABEL_SHARE
    for label, value in group.rows:
        y += PITCH
        shown = fitted(label, label_width - 1, SIZE)
        pen.text(x, y, shown, SIZE, "regular", QUIET_TEXT)
        value = fitted(value, width - label_width, SIZE)
        pen.text(x + label_width, y, value, SIZE, "medium", BLACK)
    return y


def _draw_trends(pen: Pen, report: HolterReport, share: range, lang: Language) -> None:
    """Draw fibrillation, RMSSD and up to six leads' ST below each other in two columns."""
    first = Box(PAPER.left, FIRST, PAPER.grid_width, 16.0)
    draw_episodes(pen, first, report, report.fibrillation.episodes, lang)
    second = Box(PAPER.left, FIRST + 16 + CHART_GAP, PAPER.grid_width, 38.0)
    draw_variability(pen, second, report, lang)
    top = second.y + second.height + CHART_GAP
    columns = 1 if len(share) <= 3 else 2
    rows = -(-len(share) // columns)
    width = (PAPER.grid_width - COLUMN_GAP * (columns - 1)) / columns
    height = (BOTTOM - top - CHART_GAP * (rows - 1)) / rows
    for place, row in enumerate(share):
        x = PAPER.left + place % columns * (width + COLUMN_GAP)
        y = top + place // columns * (height + CHART_GAP)
        draw_st(pen, Box(x, y, width, min(height, 40.0)), report, row, lang)


def _draw_hours(pen: Pen, report: HolterReport, share: range, lang: Language) -> None:
    heads = hour_columns(lang)
    width = PAPER.grid_width / len(heads)
    y = FIRST + 3.0
    _draw_cells(pen, heads, y, width, is_head=True)
    pen.lines([(PAPER.left, y + 1.4, PAPER.right, y + 1.4)], RULE_WIDTH, QUIET_TEXT)
    rows = hour_rows(report, lang)
    y += 1.5
    for row in share:
        y += PITCH
        _draw_cells(pen, rows[row], y, width, is_head=False)


def _draw_cells(pen: Pen, cells: Sequence[str], y: float, width: float, *, is_head: bool) -> None:
    for column, cell in enumerate(cells):
        text = fitted(cell, width - 2, SIZE)
        colour = QUIET_TEXT if is_head else BLACK
        if column == 0:
            pen.text(PAPER.left, y, text, SIZE, "medium", colour)
        else:
            right = PAPER.left + (column + 1) * width
            pen.text(right, y, text, SIZE, "medium" if is_head else "regular", colour, "right")


def _draw_strips(pen: Pen, report: HolterReport, share: range, lang: Language) -> None:
    x = PAPER.left + (PAPER.grid_width - WIDTH) / 2
    y = FIRST
    for number in share:
        draw_strip(pen, x, y, report.strips[number], report.recording, lang)
        y += strip_height(report.recording) + STRIP_GAP
    leads = report.recording.leads
    rows = shown_leads(leads)
    if len(rows) < len(leads):
        shown = word("strip_leads", lang, leads=", ".join(leads[row] for row in rows))
        pen.text(PAPER.left, FOOT - 4, printable(shown), SMALL_SIZE, "regular", QUIET_TEXT)
