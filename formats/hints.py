"""Query and form fields that describe an uploaded file: sampling rate, lead names, units, patient.

If such a field contradicts the file, the request's value is used and a warning is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from errors import BadOption, BadType
from formats import fields
from formats.lead_names import LeadNames, lead_names
from formats.numbers import number_of_text
from signals.record import Sex

T = TypeVar("T")

MAX_SHOWN_CHARS = 64  # of a value in an error message


@dataclass(frozen=True)
class Hints:
    """The values that a request gives for a file; all are optional.

    fs            samples per second
    lead_names    the leads of the channels
    units         mV, uV, V or unknown
    gain          ADC units per mV
    id            one string for each record
    """

    fs: float | None = None
    lead_names: LeadNames = field(default_factory=LeadNames)
    units: str | None = None
    gain: float | None = None
    age: float | None = None
    sex: Sex | None = None
    recording_date: str | None = None
    recording_duration: float | None = None
    id: tuple[str, ...] = ()


# The names of the fields and the alias "leads". The server removes them from a query before it
# parses the options.
HINT_NAMES = frozenset({*Hints.__dataclass_fields__, "leads"})


def hints_from_params(params: Mapping[str, Sequence[str]]) -> Hints:
    """Parse query or form strings. Ignores other names; an empty string means absent.

    Raises BadType, BadOption, BadSamplingRate, UnknownLead, DuplicateLead; each names its field.
    """
    fs = _number(params, "fs")
    return Hints(
        fs=None if fs is None else fields.sampling_rate(fs, ("fs",)),
        lead_names=_lead_names(params),
        units=_single(params, "units"),
        gain=fields.positive(_number(params, "gain"), ("gain",)),
        age=fields.age_years(_number(params, "age"), ("age",)),
        sex=fields.sex(_single(params, "sex"), ("sex",)),
        recording_date=fields.string(
            _single(params, "recording_date"), ("recording_date",), fields.MAX_DATE_CHARS
        ),
        recording_duration=fields.positive(
            _number(params, "recording_duration"), ("recording_duration",)
        ),
        id=_ids(params.get("id", ())),
    )


def single_id(hints: Hints) -> str | None:
    """Return the id of a request with one record. Raises BadOption if several were sent."""
    if len(hints.id) > 1:
        raise BadOption(f"id: {len(hints.id)} given for one record; 1 is allowed", loc=("id",))
    return hints.id[0] if hints.id else None


def prefer_request(
    field_name: str, request_value: T | None, file_value: T | None
) -> tuple[T | None, tuple[str, ...]]:
    """Return the request's value, or the file's if the request has none.

    The second item is a warning if both are given and differ.
    """
    if request_value is None:
        return file_value, ()
    if file_value is None or request_value == file_value:
        return request_value, ()
    warning = f"{field_name}: the request contradicts the file; the request's value is used"
    return request_value, (warning,)


def _single(params: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = {value.strip() for value in params.get(name, ())} - {""}
    if len(values) > 1:
        raise BadOption(
            f"{name}: given with {len(values)} different values; one is allowed", loc=(name,)
        )
    return values.pop() if values else None


def _number(params: Mapping[str, Sequence[str]], name: str) -> float | None:
    text = _single(params, name)
    if text is None:
        return None
    value = number_of_text(text)
    if value is None:
        # An age identifies a patient.
        found = "a text" if name == "age" else ascii(text[:MAX_SHOWN_CHARS])
        raise BadType(f"{name}: found {found}; a finite number is required", loc=(name,))
    return value


def _lead_names(params: Mapping[str, Sequence[str]]) -> LeadNames:
    """Parse `lead_names` or its alias `leads`, separated by commas."""
    name, text = "lead_names", _single(params, "lead_names")
    alias = _single(params, "leads")
    if text is not None and alias is not None and text != alias:
        raise BadOption(
            "leads: differs from lead_names, of which it is an alias; send one of them",
            loc=("leads",),
        )
    if text is None:
        name, text = "leads", alias
    if text is None:
        return LeadNames()
    return lead_names([entry.strip() for entry in text.split(",")], loc=(name,))


def _ids(values: Sequence[str]) -> tuple[str, ...]:
    """Return the ids; none at all if all are empty, as the fields of a form may be."""
    if not any(values):
        return ()
    return tuple(_id(value, index) for index, value in enumerate(values))


def _id(value: str, index: int) -> str:
    return fields.string(value, ("id", index), fields.MAX_ID_CHARS) or ""
