"""The lower part of the page: scale, filter, what the columns show, models, research use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.answer_types import Analysis
from report.options import ReportOptions
from report.paper import QUIET_TEXT, PaperSize
from report.pen import Pen, fitted, text_width
from report.plan import Plan
from report.words import seconds_text, word
from signals.record import EcgRecord

SIZE: Final = 2.6
FIRST_LINE: Final = 5.6  # mm below the grid
SECOND_LINE: Final = 9.6
DISTANCE: Final = 6.0  # between parts of a line
PAGE: Final = "1/1"
MODEL_NAME_CHARS: Final = 60


def foot_notes(
    record: EcgRecord, plan: Plan, options: ReportOptions, beyond: Sequence[str], spikes: bool
) -> list[str]:
    """Return the notes of the second line, the most important first."""
    lang = options.lang
    notes = []
    if plan.end_s - plan.start_s < record.duration_s - 0.05:
        texts = [
            seconds_text(round(seconds, 2), lang)
            for seconds in (plan.start_s, plan.end_s, record.duration_s)
        ]
        start, end, whole = texts
        notes.append(word("shown", lang, start=start, end=end, whole=whole))
    if plan.rhythm_lead is not None and plan.rhythm_lead != options.rhythm_lead:
        instead = word("no_rhythm_lead", lang, lead=options.rhythm_lead, other=plan.rhythm_lead)
        notes.append(instead[0].upper() + instead[1:])
    if beyond:
        notes.append(word("beyond", lang, leads=", ".join(beyond)))
    if any(cell.label.endswith("*") for row in plan.rows for cell in row):
        notes.append(word("derived", lang))
    if spikes:
        notes.append(word("spike", lang))
    return notes


def _column_rule(plan: Plan, options: ReportOptions) -> str:
    """Return what the columns or rows show."""
    seconds = seconds_text(plan.seconds, options.lang)
    text = word(plan.rule, options.lang, seconds=seconds)
    if plan.rhythm_lead is not None:
        text += f"; {word('runs_through', options.lang, lead=plan.rhythm_lead)}"
    return text


def models_text(answer: Analysis, version: str, options: ReportOptions) -> str:
    """Return which model and which rules the statements are from."""
    model = answer["model"]["labels"] or word("no_model", options.lang)
    rules = word("rules", options.lang, version=version)
    return f"{model[:MODEL_NAME_CHARS]} · {rules}"


def draw_foot(
    pen: Pen,
    paper: PaperSize,
    plan: Plan,
    options: ReportOptions,
    *,
    models: str,
    notes: Sequence[str],
    calibrated: bool,
) -> None:
    """Draw the two lines below the grid."""
    lang = options.lang
    y = paper.grid_bottom + FIRST_LINE
    x = pen.text(paper.left, y, word("speed", lang, value=options.speed), SIZE, "semibold")
    gain = word("gain", lang, value=options.gain) if calibrated else word("no_gain", lang)
    x = pen.text(x + DISTANCE / 3, y, gain, SIZE, "semibold")
    x = pen.text(x + DISTANCE, y, word("filter", lang), SIZE, colour=QUIET_TEXT)
    pen.text(x + DISTANCE, y, _column_rule(plan, options), SIZE, colour=QUIET_TEXT)
    right = pen.text(paper.right, y, PAGE, SIZE, align="right")
    pen.text(right - DISTANCE, y, word("research", lang), SIZE, "semibold", align="right")
    y = paper.grid_bottom + SECOND_LINE
    shown = fitted(models, paper.grid_width / 3, SIZE)
    pen.text(paper.right, y, shown, SIZE, "regular", QUIET_TEXT, "right")
    room = paper.grid_width - text_width(shown, SIZE) - DISTANCE
    pen.text(paper.left, y, fitted("   ·   ".join(notes), room, SIZE), SIZE, colour=QUIET_TEXT)
