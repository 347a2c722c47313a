"""The measurements as rows of the report: value, unit, uncertainty, normal range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from analysis.answer_types import Measurements
from intervals.formulas import qtc_ms
from intervals.reference_ranges import Range, reference_range
from report.options import ByHand, Language
from report.words import number_text, word
from signals.record import Patient

Side = Literal["below", "above"]

MISSING: Final = "–"
MS_IN_A_MINUTE: Final = 60_000.0
# The measurements of the report, in its order; the axes of P and T share a row.
UNITS: Final[dict[str, str]] = {
    "heart_rate_bpm": "/min",
    "pr_ms": "ms",
    "qrs_ms": "ms",
    "qt_ms": "ms",
    "qtc_fridericia_ms": "ms",
    "qtc_bazett_ms": "ms",
    "qrs_axis_deg": "°",
}
PAIR: Final = ("p_axis_deg", "t_axis_deg")
PRINTED: Final = (*UNITS, *PAIR)


@dataclass(frozen=True)
class MeasurementRow:
    """One row.

    field    the measurement's name in /analyze; of two the first one's
    outside  on which side of the normal range the value is; None within it or without one
    """

    field: str
    name: str
    value: str
    unit: str
    uncertainty: str = ""
    normal: str = ""
    outside: Side | None = None
    by_hand: bool = False

    @property
    def is_missing(self) -> bool:
        return self.value == MISSING


def measurement_rows(
    measurements: Measurements | None, patient: Patient, by_hand: ByHand, lang: Language
) -> list[MeasurementRow]:
    """Return the rows; what was neither measured nor taken by hand is a dash."""
    values: dict[str, float | None] = {}
    uncertainties: Mapping[str, float | None] = {}
    if measurements is not None:
        values = {name: measurements[name] for name in PRINTED}  # type: ignore[literal-required]
        uncertainties = measurements["uncertainty_ms"]
    manual = _with_corrected_qt(by_hand.values, values)
    values |= manual
    rows = [
        _row(name, values.get(name), uncertainties.get(name), patient, name in manual, lang)
        for name in UNITS
    ]
    return [*rows, _pair_row(values, any(name in manual for name in PAIR), lang)]


def _with_corrected_qt(
    manual: Mapping[str, float], measured: Mapping[str, float | None]
) -> dict[str, float]:
    """Return the values by hand, with the corrected QT of a QT or heart rate by hand."""
    found = dict(manual)
    if "qt_ms" not in manual and "heart_rate_bpm" not in manual:
        return found
    qt = manual.get("qt_ms", measured.get("qt_ms"))
    rate = manual.get("heart_rate_bpm", measured.get("heart_rate_bpm"))
    if qt is None or rate is None:
        return found
    corrected = qtc_ms(qt, MS_IN_A_MINUTE / rate)
    return {name: corrected[name] for name in corrected if name in UNITS} | found


def _row(
    name: str,
    value: float | None,
    uncertainty: float | None,
    patient: Patient,
    by_hand: bool,
    lang: Language,
) -> MeasurementRow:
    title = word(name, lang)
    normal = reference_range(name, patient)
    shown_range = "" if normal is None else _range_text(normal, lang)
    if value is None:
        return MeasurementRow(name, title, MISSING, "", normal=shown_range)
    # The uncertainty is the machine's.
    plus_minus = ""
    if uncertainty is not None and not by_hand:
        plus_minus = f"±{number_text(uncertainty, 0, lang)}"
    outside = None if normal is None else _side(value, normal)
    # A tenth where the whole number would seem to be within the range.
    digits = 1 if outside is not None and normal is not None and _looks_normal(value, normal) else 0
    return MeasurementRow(
        name,
        title,
        number_text(value, digits, lang),
        UNITS[name],
        plus_minus,
        shown_range,
        outside,
        by_hand,
    )


def _side(value: float, normal: Range) -> Side | None:
    # A tenth is what the ranges and the flags of /analyze are about.
    value = round(value, 1)
    if normal.holds(value):
        return None
    return "below" if normal.low is not None and value < normal.low else "above"


def _looks_normal(value: float, normal: Range) -> bool:
    """Return whether a value is within the range when all are whole numbers, as printed."""
    ends = [None if end is None else float(round(end)) for end in (normal.low, normal.high)]
    return Range(ends[0], ends[1], normal.source).holds(round(value))


def _range_text(normal: Range, lang: Language) -> str:
    low = None if normal.low is None else number_text(normal.low, 0, lang)
    high = None if normal.high is None else number_text(normal.high, 0, lang)
    if low is None:
        return word("up_to", lang, high=high)
    if high is None:
        return word("from", lang, low=low)
    if low.startswith("−"):
        return word("range", lang, low=low, high=high)
    return f"{low}–{high}"


def _pair_row(values: Mapping[str, float | None], by_hand: bool, lang: Language) -> MeasurementRow:
    axes = [values.get(name) for name in PAIR]
    texts = [MISSING if axis is None else number_text(axis, 0, lang) for axis in axes]
    title = word("p_and_t_axis", lang)
    if all(axis is None for axis in axes):
        return MeasurementRow(PAIR[0], title, MISSING, "")
    return MeasurementRow(PAIR[0], title, " / ".join(texts), "°", by_hand=by_hand)
