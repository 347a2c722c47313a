"""Why measurements are missing, as lines below their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.answer_types import Analysis
from report.measurement_rows import MeasurementRow
from report.options import Language
from report.words import REASONS, word

NAME_END: Final = ": "


def missing_reasons(rows: Sequence[MeasurementRow], answer: Analysis, lang: Language) -> list[str]:
    """Return what the dashes mean; nothing without a dash."""
    missing = [row for row in rows if row.is_missing]
    if not missing:
        return []
    if answer.get("signal_quality") == "Unreadable":
        return [word("not_measured", lang, reason=word("unreadable_reason", lang))]
    if answer.get("findings") is None:
        return [word("not_measured", lang, reason=word("no_beats_reason", lang))]
    reasons = [_reason(row, answer["warnings"], lang) for row in missing]
    known = list(dict.fromkeys(reason for reason in reasons if reason))
    return known or [word("not_measurable", lang)]


def _reason(row: MeasurementRow, warnings: Sequence[str], lang: Language) -> str:
    """Return the answer's own reason for a missing value; empty where the language lacks it."""
    for warning in warnings:
        fields, _, reason = warning.partition(NAME_END)
        if row.field in fields.split(", "):
            shown = reason if lang == "en" else REASONS.get(reason, "")
            return f"– {row.name}: {shown}" if shown else ""
    return ""
