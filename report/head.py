"""The upper part of the page: who and when, the measurements, the statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from analysis.answer_types import Analysis
from report.measurement_rows import MeasurementRow, measurement_rows
from report.missing import missing_reasons
from report.options import ReportOptions
from report.paper import QUIET_TEXT, RULE_WIDTH, TEXT, PaperSize
from report.pen import Pen, Weight, fitted, text_width
from report.quality_text import quality_text
from report.recorded import patient_text, recorded_text
from report.statements import Statement, other_statements, rhythm_statement
from report.words import seconds_text, word
from signals.record import EcgRecord

TOP: Final = 8.0
BOTTOM: Final = 48.0
TITLE_SIZE, RHYTHM_SIZE, SIZE, SMALL_SIZE = 4.4, 3.8, 3.1, 2.6
PITCH: Final = 4.0
FIRST_LINE: Final = TOP + 3.4  # the baseline of the first line of each block
# The blocks, in mm from the left edge of the grid.
VALUE_X: Final = 17.5
WHO_END: Final = 60.0
MEASURES_X: Final = 64.0
NUMBER_END: Final = 99.0
UNIT_X: Final = 100.0
UNCERTAINTY_END: Final = 117.5
BY_HAND_X: Final = 105.5
RANGE_END: Final = 138.0
DIVIDER_X: Final = 142.0
STATEMENTS_X: Final = 146.0
MAX_REASONS: Final = 2
# What the statements may fill; the box below them has a fixed height.
BOX_HEIGHT: Final = 4.6
LAST_LINE: Final = BOTTOM - BOX_HEIGHT - 2.6
MIN_PITCH: Final = 3.1
TRIANGLE: Final = 2.2  # mm, its width
INDENT: Final = 3.0  # mm, of a statement that is more specific than the one above it


@dataclass(frozen=True)
class HeadText:
    """What the head says."""

    title: str
    who: Sequence[tuple[str, str]]
    measurements: Sequence[MeasurementRow]
    missing_reasons: Sequence[str]
    rhythm: Statement
    statements: Sequence[Statement]


def head_text(
    record: EcgRecord, answer: Analysis, lead_count: int, options: ReportOptions
) -> HeadText:
    """Return the texts of the head.

    lead_count  leads that the file has
    """
    lang = options.lang
    rows = measurement_rows(answer.get("measurements"), record.patient, options.by_hand, lang)
    statements = other_statements(answer, lang)
    if answer.get("labels") is None and answer.get("findings") is not None:
        statements.append(Statement("", "", word("no_model_answer", lang), "technical"))
    return HeadText(
        word("title", lang, leads=lead_count),
        _who(record, answer, lead_count, options),
        rows,
        missing_reasons(rows, answer, lang),
        rhythm_statement(answer, lang),
        statements,
    )


def _who(
    record: EcgRecord, answer: Analysis, lead_count: int, options: ReportOptions
) -> list[tuple[str, str]]:
    lang = options.lang
    device = record.reported.device if record.reported else None
    recording = f"{record.fs:g} Hz, {seconds_text(round(record.duration_s, 1), lang)} s"
    return [
        (word("identifier", lang), record.id or "–"),
        (word("patient", lang), patient_text(record.patient, lang) or "–"),
        (word("recorded", lang), recorded_text(record, lang) or "–"),
        (word("device", lang), f"{device}, {recording}" if device else recording),
        (word("quality", lang), quality_text(answer, lead_count, lang) or "–"),
    ]


def draw_head(pen: Pen, paper: PaperSize, text: HeadText, options: ReportOptions) -> None:
    """Draw the head above the grid."""
    _draw_who(pen, paper.left, text, options)
    _draw_measurements(pen, paper.left, text, options)
    x = paper.left + DIVIDER_X
    pen.lines([(x, TOP, x, BOTTOM)], RULE_WIDTH, TEXT)
    _draw_statements(pen, paper, text, options)


def _draw_who(pen: Pen, left: float, text: HeadText, options: ReportOptions) -> None:
    pen.text(left, FIRST_LINE, text.title, TITLE_SIZE, "semibold")
    y = FIRST_LINE + 0.9
    for number, (name, value) in enumerate(text.who):
        y += PITCH
        pen.text(left, y, name, SIZE, colour=QUIET_TEXT)
        weight: Weight = "semibold" if number == 0 else "regular"
        shown = fitted(value, WHO_END - VALUE_X, SIZE, weight)
        pen.text(left + VALUE_X, y, shown, SIZE, weight)
    y += 1.0
    for key in ("read_by", "date"):
        y += PITCH + 0.8
        pen.text(left, y, word(key, options.lang), SIZE, colour=QUIET_TEXT)
        pen.lines([(left + VALUE_X, y + 0.6, left + WHO_END, y + 0.6)], RULE_WIDTH, TEXT)


def _draw_measurements(pen: Pen, left: float, text: HeadText, options: ReportOptions) -> None:
    y = FIRST_LINE
    for row in text.measurements:
        _draw_measurement(pen, left, y, row, options)
        y += PITCH
    for reason in text.missing_reasons[:MAX_REASONS]:
        shown = fitted(reason, RANGE_END - MEASURES_X, SMALL_SIZE)
        pen.text(left + MEASURES_X, y, shown, SMALL_SIZE, colour=QUIET_TEXT)
        y += SMALL_SIZE + 0.6


def _draw_measurement(
    pen: Pen, left: float, y: float, row: MeasurementRow, options: ReportOptions
) -> None:
    pen.text(left + MEASURES_X, y, row.name, SIZE)
    number_left = pen.text(left + NUMBER_END, y, row.value, SIZE, "semibold", align="right")
    unit_end = pen.text(left + UNIT_X, y, row.unit, SIZE, colour=QUIET_TEXT)
    if row.outside is not None:
        _draw_triangle(pen, number_left - 1.0 - TRIANGLE, y, points_up=row.outside == "above")
    if row.by_hand:
        mark = word("by_hand", options.lang, initials=options.by_hand.initials)
        begin = max(left + BY_HAND_X, unit_end + 0.8)
        room = left + RANGE_END - begin - text_width(row.normal, SIZE) - 0.8
        pen.text(begin, y, fitted(mark, room, SMALL_SIZE), SMALL_SIZE, "medium")
    else:
        pen.text(left + UNCERTAINTY_END, y, row.uncertainty, SIZE, "regular", QUIET_TEXT, "right")
    pen.text(left + RANGE_END, y, row.normal, SIZE, "regular", QUIET_TEXT, "right")


def _draw_triangle(pen: Pen, x: float, y: float, *, points_up: bool) -> None:
    """Draw a triangle of the height of a digit on the baseline y."""
    foot, tip = (y, y - 2.1) if points_up else (y - 2.1, y)
    pen.shape([(x, foot), (x + TRIANGLE, foot), (x + TRIANGLE / 2, tip)], TEXT)


def _draw_statements(pen: Pen, paper: PaperSize, text: HeadText, options: ReportOptions) -> None:
    x = paper.left + STATEMENTS_X
    width = paper.right - x
    _draw_statement(pen, x, FIRST_LINE, width, text.rhythm, RHYTHM_SIZE)
    shown = list(text.statements)
    room = LAST_LINE - FIRST_LINE
    most = int(room / MIN_PITCH)
    left_out = len(shown) - most
    if left_out > 0:
        shown = shown[: most - 1]
        more = word("more", options.lang, count=left_out + 1)
        shown.append(Statement("", "", more, "normal"))
    pitch = min(PITCH, room / max(1, len(shown)))
    size = min(SIZE, SIZE * pitch / PITCH + 0.2)
    y = FIRST_LINE + 0.5
    for statement in shown:
        y += pitch
        _draw_statement(pen, x, y, width, statement, size)
    _draw_unconfirmed(pen, x, min(y + 2.2, BOTTOM - BOX_HEIGHT), width, options)


def _draw_statement(
    pen: Pen, x: float, y: float, width: float, statement: Statement, size: float
) -> None:
    """Draw a statement: critical ones with a triangle, abnormal and critical ones bold."""
    begin = x + INDENT if statement.is_specific else x
    if statement.severity == "critical":
        _draw_triangle(pen, begin, y, points_up=True)
        begin += TRIANGLE + 1.0
    note_x = begin
    is_rhythm = size == RHYTHM_SIZE
    is_bold = is_rhythm or statement.severity in ("abnormal", "critical")
    weight: Weight = "semibold" if is_bold else "medium"
    note_size = min(size, SIZE)
    note_width = text_width(statement.note, note_size) + 1.5 if statement.note else 0.0
    shown = fitted(statement.text, max(width - (begin - x) - note_width, width / 2), size, weight)
    if shown:
        note_x = pen.text(begin, y, shown, size, weight) + 1.2
    note = fitted(statement.note, x + width - note_x, note_size)
    pen.text(note_x, y, note, note_size, colour=QUIET_TEXT)


def _draw_unconfirmed(pen: Pen, x: float, y: float, width: float, options: ReportOptions) -> None:
    label = word("unconfirmed", options.lang)
    box_width = text_width(label, SIZE, "semibold") + 3.2
    pen.box(x, y, box_width, BOX_HEIGHT, 0.3)
    baseline = y + BOX_HEIGHT / 2 + 1.1
    pen.text(x + 1.6, baseline, label, SIZE, "semibold")
    note = fitted(word("computed", options.lang), width - box_width - 1.5, SIZE)
    pen.text(x + box_width + 1.5, baseline, note, SIZE, colour=QUIET_TEXT)
