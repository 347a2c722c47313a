"""The options of a report on /analyze, from the values of a query, a form or a body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar, get_args

from analysis.options import AnalyzeOptions, describe
from errors import BadOption, SeveralRecordings
from formats.numbers import number_of_text
from report.measurement_rows import PRINTED
from report.options import (
    ByHand,
    Gain,
    Language,
    Layout,
    Paper,
    ReportFormat,
    ReportOptions,
    Speed,
)
from report.parts import PARTS
from server.recording_routes import Route
from server.stages.option_values import choose
from server.stages.parsed_request import ParsedRequest, with_warnings
from signals.leads import LEADS
from signals.record import EcgRecord

Number = TypeVar("Number", bound=int)

FORMATS: Final[tuple[ReportFormat, ...]] = get_args(ReportFormat)
LAYOUTS: Final[tuple[Layout, ...]] = get_args(Layout)
PAPERS: Final[tuple[Paper, ...]] = get_args(Paper)
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
SPEEDS: Final[tuple[Speed, ...]] = get_args(Speed)
GAINS: Final[tuple[Gain, ...]] = get_args(Gain)
INITIALS: Final = "initials"
MAX_INITIALS: Final = 4
MAX_BY_HAND_CHARS: Final = 1000
MAX_NUMBER: Final = 1e9  # of any option
# What a person can have measured: name's end -> lowest and highest value.
BY_HAND_LIMITS: Final = {"_bpm": (10.0, 400.0), "_ms": (1.0, 2000.0), "_deg": (-180.0, 180.0)}


def report_options(values: Mapping[str, object], route: Route) -> ReportOptions | None:
    """Return what a report looks like; None on a route without reports. Raises BadOption."""
    if route != "analyze":
        return None
    return ReportOptions(
        layout=choose("layout", values.get("layout"), LAYOUTS) or "3x4",
        speed=_choose_number("speed", values.get("speed"), SPEEDS) or 25,
        gain=_choose_number("mm_per_mv", values.get("mm_per_mv"), GAINS) or 10,
        paper=choose("paper", values.get("paper"), PAPERS) or "a4",
        lang=choose("lang", values.get("lang"), LANGUAGES) or "en",
        rhythm_lead=choose("rhythm_lead", values.get("rhythm_lead"), LEADS) or "II",
        start_s=_start_s(values.get("start_s")),
        by_hand=_by_hand(values.get("by_hand")),
    )


def for_report(request: ParsedRequest, report_format: ReportFormat) -> ParsedRequest:
    """Return the request with what a report shows, whatever `include` says.

    Raises SeveralRecordings where there are many records.
    """
    if request.many:
        raise SeveralRecordings(
            f"a list of {len(request.records)} records; a report ({report_format}) is of one "
            "recording: send one record in a request",
            loc=("records",),
        )
    assert isinstance(request.options, AnalyzeOptions), "only /analyze has reports. This is a bug."
    options = replace(request.options, include=PARTS, keeps_record=True, features_role=None)
    return replace(request, options=options)


def without_report(request: ParsedRequest) -> ParsedRequest:
    """Return the request with a warning for each report's option that is not the default one."""
    if request.report is None:
        return request
    default = ReportOptions()
    warnings = tuple(
        f"{'mm_per_mv' if name == 'gain' else name}: has an effect on a report only (Accept: "
        "application/pdf, image/png or application/dicom)"
        for name, value in vars(request.report).items()
        if value != getattr(default, name)
    )
    return replace(request, options=with_warnings(request.options, warnings))


def check_start(record: EcgRecord, report: ReportOptions) -> None:
    """Raises BadOption for a start that is not before the recording's end."""
    if report.start_s >= record.duration_s:
        raise BadOption(
            f"start_s is {report.start_s:g}; the recording has {record.duration_s:g} s",
            loc=("start_s",),
        )


def _choose_number(name: str, value: object, allowed: tuple[Number, ...]) -> Number | None:
    """Return one of the allowed whole numbers, also from a string; None if it is not given."""
    if value is None:
        return None
    number = _number(value)
    for choice in allowed:
        if number == choice:
            return choice
    shown = ", ".join(map(str, allowed))
    raise BadOption(f"{name} is {describe(value)}; allowed are {shown}", loc=(name,))


def _number(value: object) -> float | None:
    """Return a number up to MAX_NUMBER, also from a string; None for anything else."""
    if isinstance(value, str):
        value = number_of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN is not within the bounds, and neither is a whole number that no float can hold.
    return float(value) if abs(value) <= MAX_NUMBER else None


def _start_s(value: object) -> float:
    if value is None:
        return 0.0
    seconds = _number(value)
    if seconds is None or seconds < 0:
        raise BadOption(
            f"start_s is {describe(value)}; it must be a number of seconds from 0 on",
            loc=("start_s",),
        )
    return seconds


def _by_hand(value: object) -> ByHand:
    if value is None:
        return ByHand({}, "")
    if isinstance(value, str):
        value = _json_of(value)
    if not isinstance(value, Mapping):
        raise BadOption(
            f"by_hand is {describe(value)}; it must be an object: "
            '{"qt_ms": 412, "initials": "XY"}',
            loc=("by_hand",),
        )
    values = {name: _measured(name, taken) for name, taken in value.items() if name != INITIALS}
    return ByHand(values, _initials(value.get(INITIALS)) if values else "")


def _json_of(text: str) -> object:
    try:
        return json.loads(text[: MAX_BY_HAND_CHARS + 1])
    # A deeply nested text exhausts the parser's recursion.
    except (ValueError, RecursionError):
        raise BadOption(
            f"by_hand is {describe(text)}; it must be a JSON object of at most "
            f"{MAX_BY_HAND_CHARS} characters",
            loc=("by_hand",),
        ) from None


def _measured(name: object, value: object) -> float:
    """Return a value by hand. Raises BadOption for a name or a value that is not printed."""
    if not isinstance(name, str) or name not in PRINTED:
        raise BadOption(
            f"by_hand names {describe(name)}; the report has {', '.join(PRINTED)}",
            loc=("by_hand",),
        )
    low, high = next(limits for end, limits in BY_HAND_LIMITS.items() if name.endswith(end))
    number = _number(value)
    if number is None or not low <= number <= high:
        raise BadOption(
            f"by_hand: {name} is {describe(value)}; it must be a number from {low:g} to {high:g}",
            loc=("by_hand", name),
        )
    return number


def _initials(value: object) -> str:
    if isinstance(value, str) and 1 <= len(value.strip()) <= MAX_INITIALS and value.isprintable():
        return value.strip()
    raise BadOption(
        f"by_hand: {INITIALS} is {describe(value)}; values by hand need the initials of who "
        f"measured, 1 to {MAX_INITIALS} characters",
        loc=("by_hand", INITIALS),
    )
