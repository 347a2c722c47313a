"""What a request says beside a file: query or form fields. Where they contradict the file the request wins, with a warning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from errors import BadOption, BadType
from formats import fields
from signals.leads import parse_lead_names
from signals.record import Sex

T = TypeVar("T")


@dataclass(frozen=True)
class Hints:
    """All optional. `gain` is ADC units per mV; `id` holds one name a record; `lead_names` are canonical."""

    fs: float | None = None
    lead_names: tuple[str, ...] | None = None
    units: str | None = None
    gain: float | None = None
    age: float | None = None
    sex: Sex | None = None
    recording_date: str | None = None
    recording_duration: float | None = None
    id: tuple[str, ...] = ()


# The names of the fields, with the alias: what a server takes out of a query before it looks for options.
HINT_NAMES = frozenset({*Hints.__dataclass_fields__, "leads"})


def hints_from_params(params: Mapping[str, Sequence[str]]) -> Hints:
    """Query or form strings -> Hints; other names are left to others, an empty field is an absent one.

    Raises BadType, BadOption, BadSamplingRate, UnknownLead, DuplicateLead, each naming its field.
    """
    fs = _number(params, "fs")
    return Hints(
        fs=None if fs is None else fields.sampling_rate(fs, ("fs",)),
        lead_names=_lead_names(params),
        units=_single(params, "units"),
        gain=fields.positive(_number(params, "gain"), ("gain",)),
        age=fields.age_years(_number(params, "age"), ("age",)),
        sex=fields.sex(_single(params, "sex"), ("sex",)),
        recording_date=fields.text(
            _single(params, "recording_date"), ("recording_date",), fields.MAX_DATE_CHARS
        ),
        recording_duration=fields.positive(
            _number(params, "recording_duration"), ("recording_duration",)
        ),
        id=tuple(_id(value, index) for index, value in enumerate(params.get("id", ()))),
    )


def single_id(hints: Hints) -> str | None:
    """The id of the one record of a request. Raises BadOption where there are several."""
    if len(hints.id) > 1:
        raise BadOption(f"id: {len(hints.id)} given for one record", loc=("id",))
    return hints.id[0] if hints.id else None


def prefer(field: str, asked: T | None, found: T | None) -> tuple[T | None, tuple[str, ...]]:
    """The request's value where it has one, else the file's; with a warning where both are there and differ."""
    if asked is None:
        return found, ()
    if found is None or asked == found:
        return asked, ()
    return asked, (f"{field}: the request contradicts the file; the request's value is used",)


def _single(params: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = {value.strip() for value in params.get(name, ())} - {""}
    if len(values) > 1:
        raise BadOption(f"{name}: given {len(values)} times with different values", loc=(name,))
    return values.pop() if values else None


def _number(params: Mapping[str, Sequence[str]], name: str) -> float | None:
    text = _single(params, name)
    if text is None:
        return None
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadType(f"{name}: a finite number is needed", loc=(name,))
    return value


def _lead_names(params: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    texts = {name: _single(params, name) for name in ("lead_names", "leads")}
    given = {name: text for name, text in texts.items() if text is not None}
    if len(set(given.values())) > 1:
        raise BadOption("leads: another list than lead_names, which it stands for", loc=("leads",))
    for name, text in given.items():
        return parse_lead_names([part.strip() for part in text.split(",")], loc=(name,))
    return None


def _id(value: str, index: int) -> str:
    return fields.text(value, ("id", index), fields.MAX_ID_CHARS) or ""
