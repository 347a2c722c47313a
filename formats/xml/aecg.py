"""Read HL7 annotated ECG (aECG): the rhythm recording in an AnnotatedECG document.

Representative beats in the document are not read.

Source: HL7 aECG Implementation Guide (Brown & Badilini 2005); HL7 V3 PORT_MT020001
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, RaggedSignal
from formats import metadata, numbers
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile, channel_or_fault, faulty_channel, short_name
from formats.hints import Hints
from formats.lead_codes import lead_from_mdc_code
from formats.pages import Group, best_recording
from formats.parts import About, Format, Part
from formats.reported.measurements import in_usual_unit, parse_measurements
from formats.reported.statements import clean_statements
from formats.xml.tree import attribute_of, parse_numbers, parse_xml, root_name, text_of
from signals.record import EcgRecord, Reported
from signals.units import millivolt_per_unit

MAX_SEQUENCE_SETS: Final = 256  # each is compared with the others; real files have 20 and less
_SECONDS_PER_UNIT: Final = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "": 1.0}
_TIME_CODES: Final = ("TIME_ABSOLUTE", "TIME_RELATIVE")
# A time with a fraction of a second; a time zone, if any, is that of all times.
_MOMENT: Final = re.compile(r"(\d{14})(\.\d{1,9})?(?:[+-]\d{4})?", re.ASCII)
_STATEMENT_CODES: Final = (
    "MDC_ECG_INTERPRETATION",
    "MDC_ECG_INTERPRETATION_STATEMENT",
    "MDC_ECG_INTERPRETATION_SUMMARY",
)
_AGE_CODE: Final = "21612-7"  # LOINC: the age as reported
# Code of an annotation, without its suffix -> name of the measurement.
_MEASUREMENTS: Final = {
    "MDC_ECG_HEART_RATE": "heart_rate_bpm",
    "MDC_ECG_TIME_PD_RR": "rr_ms",
    "MDC_ECG_TIME_PD_P": "p_duration_ms",
    "MDC_ECG_TIME_PD_PR": "pr_ms",
    "MDC_ECG_TIME_PD_QRS": "qrs_ms",
    "MDC_ECG_TIME_PD_QT": "qt_ms",
    "MDC_ECG_TIME_PD_QTC": "qtc_ms",
    "MDC_ECG_TIME_PD_QTCB": "qtc_bazett_ms",
    "MDC_ECG_TIME_PD_QTCF": "qtc_fridericia_ms",
    "MINDRAY_ECG_TIME_PD_QTCH": "qtc_hodges_ms",
    "MDC_ECG_ANGLE_P": "p_axis_deg",
    "MDC_ECG_ANGLE_QRS": "qrs_axis_deg",
    "MDC_ECG_ANGLE_T": "t_axis_deg",
    "MINDRAY_ECG_P_AXIS": "p_axis_deg",
    "MINDRAY_ECG_QRS_AXIS": "qrs_axis_deg",
    "MINDRAY_ECG_T_AXIS": "t_axis_deg",
}


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the rhythm recording with most lead-seconds (`formats.pages`).

    Raises UnsafeFile, CorruptFile, NoSamples, BadSamplingRate, RaggedSignal, and the errors of
    `record_from_channels`.
    """
    root = parse_xml(head.data, "aECG")
    sets: list[Group] = []
    series_of_sets: list[Element] = []
    for series in root.iter("series"):
        if not _is_representative_beat(series):
            sets += _sequence_sets(series)
            series_of_sets += [series] * (len(sets) - len(series_of_sets))
    if len(sets) > MAX_SEQUENCE_SETS:
        raise CorruptFile(
            f"the aECG file has {len(sets)} sequence sets; at most {MAX_SEQUENCE_SETS} are allowed"
        )
    if not sets:
        raise NoSamples("the aECG file has no rhythm waveform", loc=("signal",))
    best = best_recording(sets)
    series = series_of_sets[best.members[0]]
    others = len(sets) - len(best.members)
    warnings = list(best.warnings)
    if others:
        warnings.append(f"file: {others} other sequence sets in the aECG file, left out")
    date = _effective_date(series) or _effective_date(root)
    sex = metadata.parse_sex(_attribute(root, ".//administrativeGenderCode", "code"))
    patient, patient_warnings = metadata.plausible_patient(_age_years(root, date), sex)
    decoded = DecodedFile(
        "aECG",
        sets[best.members[0]].fs,
        best.channels,
        patient,
        Reported(date, _device(series), _measurements(root), _statements(root)),
        (*warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _attribute(element: Element, path: str, name: str) -> str | None:
    """Return an attribute of the first element at `path`; None without the element or attribute."""
    return attribute_of(element.find(path), name)


def _code(element: Element) -> str:
    return _attribute(element, "code", "code") or ""


def _is_representative_beat(series: Element) -> bool:
    return "BEAT" in _code(series).upper()


def _sequence_sets(series: Element) -> list[Group]:
    """Return those sequence sets of one series that have channels."""
    sets = []
    for element in series.findall("component/sequenceSet"):
        times = []
        channels = []
        for sequence in element.findall("component/sequence"):
            code = _code(sequence)
            value = sequence.find("value")
            name = lead_from_mdc_code(code) or short_name(code)
            if code not in _TIME_CODES and value is None:
                channels.append(faulty_channel(name, "it has no samples"))
            elif code not in _TIME_CODES and value is not None:
                codes = parse_numbers(text_of(value, "digits"), name)
                channels.append(channel_or_fault(name, _channel, name, value, codes))
            elif value is not None:
                times.append(value)
        if channels:
            sets.append(_sequence_set(times, channels))
    return sets


def _sequence_set(times: Sequence[Element], channels: Sequence[Channel]) -> Group:
    if not times:
        raise CorruptFile("a sequence set of the aECG file has no time axis")
    fs = _sampling_rate(times[0])
    # A lead without samples is left out and named.
    lengths = {len(channel.codes) for channel in channels} - {0}
    if len(lengths) > 1:
        raise RaggedSignal(
            f"aECG file: leads of {min(lengths)} to {max(lengths)} samples in one sequence set",
            loc=("signal",),
        )
    return Group(fs, _start_s(times[0]), tuple(channels))


def _start_s(time: Element) -> float | None:
    """Return the first time of a generated list in seconds, on a time axis of the document.

    None if it cannot be read: neither YYYYMMDDhhmmss with a fraction nor a number with a unit.
    """
    head = time.find("head")
    value = attribute_of(head, "value")
    moment = _MOMENT.fullmatch(value or "")
    if moment is not None:
        try:
            start = datetime.strptime(moment[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None
        return start.timestamp() + float(moment[2] or 0)
    number = numbers.parse_number(value)
    unit_s = _SECONDS_PER_UNIT.get((attribute_of(head, "unit") or "").strip().lower())
    return None if number is None or unit_s is None else number * unit_s


def _sampling_rate(time: Element) -> float:
    """Return samples per second, from the interval between two times.

    It is the `increment` of a generated list of times (GLIST), or the `scale` of a sampled list
    (SLIST).
    """
    step = time.find("increment")
    if step is None:
        step = time.find("scale")
    number = numbers.parse_number(attribute_of(step, "value"))
    unit = (attribute_of(step, "unit") or "").strip().lower()
    unit_s = _SECONDS_PER_UNIT.get(unit)
    if number is None or unit_s is None or number * unit_s <= 0:
        raise BadSamplingRate(
            "fs: the aECG file's time increment is not a number above 0 in s, ms or us",
            loc=("fs",),
        )
    # An increment is a rounded decimal: 3.333333333 ms would give 300.00000003 Hz.
    return round(1.0 / (number * unit_s), 6)


def _channel(name: str, value: Element, codes: NDArray[np.float64]) -> Channel:
    """Return the channel of a sampled list, whose values are origin + scale * digit.

    A list of type SLIST_PQ states the units of origin and scale; SLIST_INT has none.
    """
    scale, unit = _quantity(value.find("scale"), 1.0, name)
    origin, origin_unit = _quantity(value.find("origin"), 0.0, name)
    if origin and origin_unit and unit and origin_unit != unit:
        origin *= _unit_ratio(origin_unit, unit, name)
    return Channel(name, codes, unit, scale, origin)


def _unit_ratio(unit: str, target: str, name: str) -> float:
    """Return the size of one `unit` in `target` units."""
    unit_mv = millivolt_per_unit(unit)
    target_mv = millivolt_per_unit(target)
    if unit_mv is None or target_mv is None:
        raise CorruptFile(f"{name}: origin and scale of the aECG file have incompatible units")
    return unit_mv / target_mv


def _quantity(element: Element | None, default: float, name: str) -> tuple[float, str | None]:
    """Return an element's value, or `default` without it, and the unit, or None without it."""
    value = attribute_of(element, "value")
    if value is None:
        return default, None
    number = numbers.parse_number(value)
    if number is None:
        raise CorruptFile(f"{name}: origin or scale in the aECG file is not a number")
    return number, attribute_of(element, "unit") or None


def _effective_date(element: Element) -> str | None:
    """Return the effective time of a series or of the document: its start, centre, end or value."""
    for path in ("low", "center", "high"):
        date = metadata.iso_datetime(_attribute(element, f"effectiveTime/{path}", "value"))
        if date is not None:
            return date
    return metadata.iso_datetime(_attribute(element, "effectiveTime", "value"))


def _age_years(root: Element, date: str | None) -> float | None:
    """Return the age that the file states, else the age at `date` by the birth date."""
    for observation in root.iter("relatedObservation"):
        if _code(observation) == _AGE_CODE:
            age = _attribute(observation, "value", "value")
            return metadata.age_in_years(age, _attribute(observation, "value", "unit"))
    birth_date = _attribute(root, ".//subjectDemographicPerson/birthTime", "value")
    return metadata.age_at_recording(birth_date, date)


def _device(series: Element) -> str | None:
    manufacturer = text_of(series, ".//manufacturerOrganization/name")
    return metadata.device_name(manufacturer, text_of(series, ".//manufacturerModelName"))


def _measurements(root: Element) -> dict[str, float]:
    """Return the numeric annotations that concern all leads, by the name of the measurement."""
    stated = []
    for annotation in root.iter("annotation"):
        code = _code(annotation).upper().removesuffix("_GL").removesuffix("_FRONT")
        name = _MEASUREMENTS.get(code)
        if name is not None and not _is_of_single_lead(annotation):
            value = _attribute(annotation, "value", "value")
            unit = _attribute(annotation, "value", "unit")
            stated.append((name, in_usual_unit(name, value, unit)))
    return parse_measurements(stated)


def _is_of_single_lead(annotation: Element) -> bool:
    boundaries = annotation.findall("support/supportingROI/component/boundary")
    return any("_LEAD_" in _code(boundary) for boundary in boundaries)


def _statements(root: Element) -> tuple[str, ...]:
    """Return the interpretation: statements and summary, not the comment, which a person writes."""
    lines = []
    for annotation in root.iter("annotation"):
        if _code(annotation).upper() in _STATEMENT_CODES:
            text = text_of(annotation, "value")
            lines.append(text or _attribute(annotation, "value", "displayName"))
    return clean_statements(lines, _persons(root))


def _persons(root: Element) -> Iterator[str | None]:
    """Yield names and identifiers, which no statement may have."""
    for element in root.iter():
        if element.tag.endswith("Person"):
            for name in element.iterfind("name"):
                yield " ".join(name.itertext())
    for element in root.iter("trialSubject"):
        yield _attribute(element, "id", "extension")


FORMAT = Format(
    name="HL7 aECG (XML)",
    detect=lambda part: root_name(part.data) == "AnnotatedECG",
    read=read,
    about=About(
        variants=(
            "series and sequence sets of rhythm, absolute or relative time, sampled lists with "
            "or without units, in V, mV, uV or nV"
        ),
        parser="defusedxml; our own, after the HL7 aECG Implementation Guide",
        metadata=(
            "time, age (or computed from birth date and time), sex, device, global measurements, "
            "statements and summary of the interpretation"
        ),
        ignored=(
            "representative beats, annotations of single beats and leads, comments, shorter "
            "sequence sets"
        ),
        sample_files=(
            "hl7_aecg/ecgtoolkit_example.xml: the standard's example, a real Mortara recording",
            "hl7_aecg/mindray_100hz.xml: a real Mindray file with an artificial signal",
            "hl7_aecg/amps_3leads_1000hz.xml: a real file of three leads",
            "hl7_aecg/fda_minimum_lead_II_13_samples.xml: FDA's smallest example, 26 ms",
        ),
    ),
)
