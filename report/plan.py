"""Which stretch of which lead is in which place of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from report.options import Layout, ReportOptions
from report.trace import Piece, piece_of
from signals.leads import LEADS, TwelveLeads
from signals.record import EcgRecord

PAGE_S: Final = 10.0
STANDARD: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# Neighbours in the frontal plane stand together; aVR is inverted.
CABRERA: Final = ("aVL", "I", "-aVR", "II", "aVF", "III", "V1", "V2", "V3", "V4", "V5", "V6")
# Layout -> rows, order of the leads (column by column), whether a rhythm strip follows.
FORMS: Final[dict[Layout, tuple[int, tuple[str, ...], bool]]] = {
    "3x4": (3, STANDARD, True),
    "6x2": (6, STANDARD, False),
    "12x1": (12, STANDARD, False),
    "cabrera": (3, CABRERA, True),
}
# Fewer leads than this stand below each other, whatever the layout.
MIN_COLUMN_LEADS: Final = 7
MAX_ROWS_OF_ONE_LEAD: Final = 6
# A recording that is a little shorter than the page leaves its last column a little shorter.
MIN_PAGE_SHARE: Final = 0.95

ColumnRule = Literal["consecutive", "simultaneous", "rows_consecutive", "rows_simultaneous"]


@dataclass(frozen=True)
class Cell:
    """One stretch of one lead.

    label     the lead's name as it is printed
    from_s    where the stretch begins in the recording
    place_s   where the stretch begins in the row, in seconds from the row's start
    seconds   the width of its place
    recorded  whether the lead was sent or derived at all
    has_times  whether the times of the stretch are written at the name
    """

    lead: str
    label: str
    piece: Piece
    from_s: float
    place_s: float
    seconds: float
    recorded: bool
    has_times: bool = False

    @property
    def until_s(self) -> float:
        """Return where the stretch ends in the recording."""
        return self.from_s + self.seconds


@dataclass(frozen=True)
class Plan:
    """What the grid shows.

    start_s, end_s  the stretch of the recording that is shown
    seconds         of a column, or of a row where there are no columns
    rhythm_lead     the lead that runs through below the columns; None without such a strip
    """

    rows: tuple[tuple[Cell, ...], ...]
    rule: ColumnRule
    start_s: float
    end_s: float
    seconds: float
    rhythm_lead: str | None = None


@dataclass(frozen=True)
class _Source:
    """The leads of a recording, for cells of it."""

    record: EcgRecord
    leads: TwelveLeads

    def shown(self) -> list[str]:
        """Return the leads that are sent or derived, in the order of LEADS."""
        rows = zip(LEADS, self.leads.present, strict=True)
        return [lead for lead, present in rows if present or lead in self.record.lead_names]

    def cell(self, lead: str, from_s: float, place_s: float, seconds: float) -> Cell:
        """Return a cell of a lead; `-aVR` is aVR upside down."""
        name = lead.removeprefix("-")
        is_present = bool(self.leads.present[LEADS.index(name)])
        if is_present or name not in self.record.lead_names:
            row = self.leads.signal[LEADS.index(name)]
        else:
            # As sent: mostly missing, or one value throughout.
            row = self.record.signal[self.record.lead_names.index(name)]
        label = lead.replace("-", "−") + ("*" if name in self.leads.derived else "")
        row = -row if lead.startswith("-") else row
        piece = piece_of(row, self.record.fs, from_s, from_s + seconds)
        recorded = is_present or name in self.record.lead_names
        return Cell(name, label, piece, from_s, place_s, seconds, recorded)


def plan_page(
    record: EcgRecord, leads: TwelveLeads, options: ReportOptions, capacity_s: float
) -> Plan:
    """Return the cells of the page.

    leads       of the same recording
    capacity_s  the longest row that the paper holds
    """
    source = _Source(record, leads)
    shown = source.shown()
    page_s = min(PAGE_S, _rounded_down(capacity_s))
    if len(shown) == 1:
        return _one_lead(source, shown[0], options.start_s, page_s)
    if len(shown) < MIN_COLUMN_LEADS:
        return _below_each_other(source, shown, options.start_s, page_s)
    return _columns(source, shown, options, capacity_s)


def _rounded_down(seconds: float) -> float:
    """Return seconds in steps of 0.05, one and a quarter mm at the usual speed."""
    return math.floor(seconds * 20 + 1e-6) / 20


def _end_s(record: EcgRecord, start_s: float, seconds: float) -> float:
    return min(record.duration_s, start_s + seconds)


def _one_lead(source: _Source, lead: str, start_s: float, page_s: float) -> Plan:
    left_s = max(source.record.duration_s - start_s, 0.0)
    count = min(MAX_ROWS_OF_ONE_LEAD, max(1, math.ceil(left_s / page_s - 1e-6)))
    cells = [source.cell(lead, start_s + number * page_s, 0.0, page_s) for number in range(count)]
    rows = tuple((replace(cell, has_times=count > 1),) for cell in cells)
    end_s = _end_s(source.record, start_s, count * page_s)
    rule: ColumnRule = "rows_consecutive" if count > 1 else "rows_simultaneous"
    return Plan(rows, rule, start_s, end_s, page_s)


def _below_each_other(source: _Source, shown: list[str], start_s: float, page_s: float) -> Plan:
    rows = tuple((source.cell(lead, start_s, 0.0, page_s),) for lead in shown)
    end_s = _end_s(source.record, start_s, page_s)
    return Plan(rows, "rows_simultaneous", start_s, end_s, page_s)


def _columns(source: _Source, shown: list[str], options: ReportOptions, capacity_s: float) -> Plan:
    row_count, order, has_strip = FORMS[options.layout]
    column_count = len(order) // row_count
    column_s = min(PAGE_S / column_count, _rounded_down(capacity_s / column_count))
    page_s = column_count * column_s
    start_s = options.start_s
    consecutive = source.record.duration_s - start_s >= MIN_PAGE_SHARE * page_s
    rows: list[tuple[Cell, ...]] = []
    for row in range(row_count):
        cells = []
        for column in range(column_count):
            place_s = column * column_s
            from_s = start_s + (place_s if consecutive else 0.0)
            lead = order[column * row_count + row]
            cells.append(source.cell(lead, from_s, place_s, column_s))
        rows.append(tuple(cells))
    rhythm_lead = None
    if has_strip:
        rhythm_lead = options.rhythm_lead if options.rhythm_lead in shown else shown[0]
        rows.append((source.cell(rhythm_lead, start_s, 0.0, page_s),))
    rule: ColumnRule = "consecutive" if consecutive else "simultaneous"
    if column_count == 1:
        rule = "rows_simultaneous"
    shown_s = page_s if consecutive or has_strip else column_s
    end_s = _end_s(source.record, start_s, shown_s)
    return Plan(tuple(rows), rule, start_s, end_s, column_s, rhythm_lead)
