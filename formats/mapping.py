"""The JSON record (docs/api.md, "A record"), from JSON or msgpack alike: a mapping -> EcgRecord."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadOption, BadType, FieldError, MissingField
from formats import fields
from formats.fields import Loc, dotted, kind_of
from formats.hints import Hints, prefer, single_id
from formats.samples import Array, array_of
from signals.leads import parse_lead_names
from signals.record import EcgRecord, Patient, Units
from signals.units import to_millivolt

RECORD_FIELDS: Final = frozenset(
    {
        "signal",
        "fs",
        "lead_names",
        "units",
        "gain",
        "recording_duration",
        "patient",
        "recording_date",
        "id",
    },
)
PATIENT_FIELDS: Final = frozenset({"age", "sex"})
MAX_UNKNOWN_NAMED: Final = 10
MAX_NAME_CHARS: Final = 40


def record_from_mapping(
    mapping: object, *, loc: Loc = (), extra_fields: frozenset[str] = frozenset()
) -> EcgRecord:
    """A record as JSON or msgpack have it -> EcgRecord.

    loc           where the record lies in the body, e.g. ("records", 3); begins the place of every error
    extra_fields  names that stand beside the record's own and are somebody else's (the request's options)
    Unknown fields are ignored and named in `warnings`. Raises MissingField, BadType, BadShape, RaggedSignal, UnknownLead,
    DuplicateLead, BadSamplingRate, DurationMismatch, BadOption.
    """
    if not isinstance(mapping, Mapping):
        raise BadType(
            f"{dotted(loc) or 'body'}: {kind_of(mapping)} where a record (an object) is needed",
            loc=loc,
        )
    for name in ("signal", "fs"):
        if mapping.get(name) is None:
            raise MissingField(f"{dotted((*loc, name))}: missing", loc=(*loc, name))
    fs = fields.sampling_rate(mapping["fs"], (*loc, "fs"))
    names = mapping.get("lead_names")
    asked = None if names is None else parse_lead_names(names, loc=(*loc, "lead_names"))
    signal, leads = array_of(mapping["signal"], asked, (*loc, "signal"))
    stated_s = fields.positive(mapping.get("recording_duration"), (*loc, "recording_duration"))
    fields.check_duration(stated_s, signal.shape[1], fs, (*loc, "recording_duration"))
    gain = fields.positive(mapping.get("gain"), (*loc, "gain"))
    millivolt, units = scaled(
        signal, fields.text(mapping.get("units"), (*loc, "units"), 16), gain, loc
    )
    patient, warnings = _patient(mapping.get("patient"), (*loc, "patient"))
    return EcgRecord(
        signal=millivolt,
        fs=fs,
        lead_names=leads,
        units=units,
        patient=patient,
        recording_date=fields.text(
            mapping.get("recording_date"), (*loc, "recording_date"), fields.MAX_DATE_CHARS
        ),
        id=fields.text(mapping.get("id"), (*loc, "id"), fields.MAX_ID_CHARS),
        warnings=(*_unknown(mapping, RECORD_FIELDS, extra_fields, ""), *warnings),
    )


def with_hints(
    mapping: Mapping[object, object], hints: Hints
) -> tuple[dict[object, object], tuple[str, ...]]:
    """A record with what the request says beside it put in, and a warning for each contradiction (an uploaded JSON file)."""
    merged = dict(mapping)
    patient = mapping.get("patient")
    person = dict(patient) if isinstance(patient, Mapping) else {}
    hinted: dict[str, object] = {
        "fs": hints.fs,
        "lead_names": None if hints.lead_names is None else list(hints.lead_names),
        "units": hints.units,
        "gain": hints.gain,
        "recording_date": hints.recording_date,
        "recording_duration": hints.recording_duration,
        "id": single_id(hints),
    }
    warnings: tuple[str, ...] = ()
    for name, asked in hinted.items():
        merged[name], said = prefer(name, asked, mapping.get(name))
        warnings += said
    for name, asked in {"age": hints.age, "sex": hints.sex}.items():
        if asked is not None:
            person[name], said = prefer(f"patient.{name}", asked, person.get(name))
            warnings += said
            merged["patient"] = person
    return merged, warnings


def scaled(
    signal: Array, units: str | None, gain: float | None, loc: Loc = ()
) -> tuple[NDArray[np.float32], Units]:
    """Samples as sent -> float32 in mV (or "unknown"). Whole numbers from a raw array need `units` or `gain`: MissingField."""
    if signal.dtype.kind == "i" and units is None and gain is None:
        place = (*loc, "units")
        raise MissingField(
            f"{dotted(place)}: int16 samples need units (mV, uV, V, unknown) or gain (ADC units per mV)",
            loc=place,
        )
    try:
        with np.errstate(over="ignore"):  # infinite is refused by signals.checks
            return to_millivolt(signal, "mV" if units is None else units, gain)
    except BadOption as error:
        raise BadOption(
            error.detail,
            errors=[FieldError((*loc, *fault.loc), fault.msg) for fault in error.errors],
        ) from None


def _patient(value: object, loc: Loc) -> tuple[Patient, tuple[str, ...]]:
    if value is None:
        return Patient(), ()
    if not isinstance(value, Mapping):
        raise BadType(f"{dotted(loc)}: {kind_of(value)} where an object is needed", loc=loc)
    patient = Patient(
        age_years=fields.age_years(value.get("age"), (*loc, "age")),
        sex=fields.sex(value.get("sex"), (*loc, "sex")),
    )
    return patient, _unknown(value, PATIENT_FIELDS, frozenset(), "patient.")


def _unknown(
    found: Iterable[object], known: frozenset[str], extra: frozenset[str], prefix: str
) -> tuple[str, ...]:
    unknown = [
        str(name)[:MAX_NAME_CHARS] for name in found if name not in known and name not in extra
    ]
    named = tuple(
        _unknown_sentence(name, sorted(known | extra), prefix)
        for name in unknown[:MAX_UNKNOWN_NAMED]
    )
    rest = len(unknown) - len(named)
    return (*named, f"{prefix}fields: {rest} more unknown fields, ignored") if rest else named


def _unknown_sentence(name: str, known: list[str], prefix: str) -> str:
    close = get_close_matches(name.lower(), known, n=1)
    return f"{prefix}{name}: unknown field, ignored" + (
        f"; did you mean {close[0]}?" if close else ""
    )
