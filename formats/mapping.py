"""Convert the record of docs/api.md ("A record") from a JSON or msgpack mapping to an EcgRecord."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadOption, BadType, FieldError, MissingField
from formats import fields
from formats.fields import Loc, dotted, type_name, wrong_type
from formats.heartbeats import check_no_heartbeat_message
from formats.hints import Hints, prefer_request, single_id
from formats.lead_names import LeadNames, channel_key, lead_names
from formats.metadata import parse_sex
from formats.samples import Array, signal_array
from signals.filler import INT16_LIMITS, without_extremes
from signals.leads import canonical_lead
from signals.record import EcgRecord, Patient, Units
from signals.units import to_millivolt, voltage_unit

_RECORD_FIELDS: Final = frozenset(
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
_PATIENT_FIELDS: Final = frozenset({"age", "sex"})
_MAX_UNKNOWN_NAMED: Final = 10
_MAX_NAME_CHARS: Final = 40
_MAX_UNIT_CHARS: Final = 16


def record_from_mapping(
    mapping: object, *, loc: Loc = (), extra_fields: frozenset[str] = frozenset()
) -> EcgRecord:
    """Convert a record as a JSON or msgpack parser returns it.

    loc           the record's path in the body, such as ("records", 3); prefixes every error's path
    extra_fields  names next to the record's own that other code reads (the request's options)

    Ignores unknown fields and names them in `warnings`. Raises MissingField, BadType, BadShape,
    RaggedSignal, UnknownLead, DuplicateLead, BadSamplingRate, DurationMismatch, BadOption.
    """
    if not isinstance(mapping, Mapping):
        place = dotted(loc) or "body"
        raise BadType(
            f"{place}: found {type_name(mapping)}; a record (an object) is required", loc=loc
        )
    check_no_heartbeat_message(mapping, loc)
    # null counts as missing.
    for name in ("signal", "fs"):
        if mapping.get(name) is None:
            raise MissingField(f"{dotted((*loc, name))}: missing", loc=(*loc, name))
    fs = fields.sampling_rate(mapping["fs"], (*loc, "fs"))
    names = mapping.get("lead_names")
    stated_leads = LeadNames() if names is None else lead_names(names, (*loc, "lead_names"))
    samples, leads = signal_array(mapping["signal"], stated_leads, (*loc, "signal"))
    duration_loc = (*loc, "recording_duration")
    stated_s = fields.positive(mapping.get("recording_duration"), duration_loc)
    fields.check_duration(stated_s, samples.shape[1], fs, duration_loc)
    gain = fields.positive(mapping.get("gain"), (*loc, "gain"))
    stated_units = fields.string(mapping.get("units"), (*loc, "units"), _MAX_UNIT_CHARS)
    signal, units = scale_to_millivolt(samples, stated_units, gain, loc)
    limits = [INT16_LIMITS] * len(leads)
    signal, extreme_warnings = without_extremes(signal, list(samples), limits, fs)
    patient, patient_warnings = _patient(mapping.get("patient"), (*loc, "patient"))
    return EcgRecord(
        signal=signal,
        fs=fs,
        lead_names=leads,
        units=units,
        patient=patient,
        recording_date=fields.string(
            mapping.get("recording_date"), (*loc, "recording_date"), fields.MAX_DATE_CHARS
        ),
        id=fields.string(mapping.get("id"), (*loc, "id"), fields.MAX_ID_CHARS),
        warnings=(
            *_unknown_fields(mapping, _RECORD_FIELDS, extra_fields, prefix=""),
            *patient_warnings,
            *extreme_warnings,
        ),
    )


def with_hints(
    mapping: Mapping[object, object], hints: Hints
) -> tuple[dict[object, object], tuple[str, ...]]:
    """Return a copy of an uploaded record with the request's values in it.

    The second item holds a warning for each value that contradicts the file.
    """
    # Copy, so that the caller's mapping does not change.
    merged = dict(mapping)
    patient = mapping.get("patient")
    person = dict(patient) if isinstance(patient, Mapping) else {}
    record_values: dict[str, object] = {
        "fs": hints.fs,
        "lead_names": hints.lead_names.listed(),
        "units": hints.units,
        "gain": hints.gain,
        "recording_date": hints.recording_date,
        "recording_duration": hints.recording_duration,
        "id": single_id(hints),
    }
    warnings: list[str] = []
    for name, value in record_values.items():
        stated = mapping.get(name)
        if value is not None and _spelled(name, stated) == _spelled(name, value):
            value = stated
        merged[name], contradiction = prefer_request(name, value, stated)
        warnings += contradiction
    for name, value in {"age": hints.age, "sex": hints.sex}.items():
        if value is not None:
            stated = person.get(name)
            if _spelled(name, stated) == value:
                value = stated
            person[name], contradiction = prefer_request(f"patient.{name}", value, stated)
            warnings += contradiction
            merged["patient"] = person
    return merged, tuple(warnings)


def _spelled(name: str, value: object) -> object:
    """Return a field's value in its canonical spelling, to compare two values."""
    if name == "units" and isinstance(value, str):
        return voltage_unit(value) or value.strip().casefold()
    if name == "sex" and isinstance(value, str):
        return parse_sex(value)
    if name == "lead_names" and isinstance(value, list):
        # An entry that is no lead is "-" or renames a channel.
        return [
            canonical_lead(entry) or channel_key(entry) if isinstance(entry, str) else entry
            for entry in value
        ]
    return value


def scale_to_millivolt(
    samples: Array, units: str | None, gain: float | None, loc: Loc = ()
) -> tuple[NDArray[np.float32], Units]:
    """Convert samples as sent to float32 in mV, or leave them in "unknown" units.

    Samples without `units` and `gain` are in mV. Integers (a binary array of int16) need one of
    them. Raises MissingField, BadOption.
    """
    if samples.dtype.kind == "i" and units is None and gain is None:
        units_loc = (*loc, "units")
        raise MissingField(
            f"{dotted(units_loc)}: missing; int16 samples need units (mV, uV, V, unknown) or gain "
            "(ADC units per mV)",
            loc=units_loc,
        )
    try:
        with np.errstate(over="ignore"):  # signals.checks rejects infinite values
            return to_millivolt(samples, "mV" if units is None else units, gain)
    except BadOption as error:
        # signals.units does not know where the record is in the body.
        located = [FieldError((*loc, *fault.loc), fault.msg) for fault in error.errors]
        raise BadOption(error.detail, errors=located) from None


def _patient(value: object, loc: Loc) -> tuple[Patient, tuple[str, ...]]:
    if value is None:
        return Patient(), ()
    if not isinstance(value, Mapping):
        raise wrong_type(value, loc, "an object")
    patient = Patient(
        age_years=fields.age_years(value.get("age"), (*loc, "age")),
        sex=fields.sex(value.get("sex"), (*loc, "sex")),
    )
    return patient, _unknown_fields(value, _PATIENT_FIELDS, frozenset(), prefix="patient.")


def _unknown_fields(
    names: Iterable[object], known: frozenset[str], extra: frozenset[str], *, prefix: str
) -> tuple[str, ...]:
    """Return a warning for each unknown field, at most ten, and one for the number of others."""
    allowed = known | extra
    unknown = [str(name)[:_MAX_NAME_CHARS] for name in names if name not in allowed]
    warnings: list[str] = []
    for name in unknown[:_MAX_UNKNOWN_NAMED]:
        warning = f"{prefix}{name}: unknown field, ignored"
        close = get_close_matches(name.lower(), sorted(allowed), n=1)
        if close:
            warning += f"; did you mean {close[0]}?"
        warnings.append(warning)
    if len(unknown) > _MAX_UNKNOWN_NAMED:
        others = len(unknown) - _MAX_UNKNOWN_NAMED
        warnings.append(f"{prefix}fields: {others} more unknown fields, ignored")
    return tuple(warnings)
