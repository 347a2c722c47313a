"""HL7 annotated ECG (aECG): the rhythm of an AnnotatedECG document, never its representative beat.

Source: HL7 aECG Implementation Guide (Brown & Badilini 2005); HL7 V3 PORT_MT020001
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from errors import BadSamplingRate, CorruptFile, NoSamples, RaggedSignal
from formats import metadata
from formats.channels import Channel, DecodedFile, lead_seconds, record_from_channels, voltage_unit
from formats.hints import Hints
from formats.lead_codes import lead_from_mdc_code
from formats.parts import About, Format, Part
from formats.xml.tree import numbers, parse, root_name, text_of
from signals.leads import canonical_lead
from signals.record import EcgRecord, Reported

_SECONDS: Final = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "": 1.0}
_TIMES: Final = ("TIME_ABSOLUTE", "TIME_RELATIVE")
_AGE: Final = "21612-7"  # LOINC, reported age
_MEASURED: Final = {
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


@dataclass(frozen=True, eq=False)
class Strip:
    """One sequence set: channels over one time axis, and the series that it belongs to. `head` is where the time begins."""

    fs: float
    head: str
    channels: tuple[Channel, ...]
    series: Element
    sets: int = 1


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The longest rhythm with most leads. Raises UnsafeFile, CorruptFile, NoSamples, BadSamplingRate, RaggedSignal, UnknownLead, ..."""
    root = parse(head.data, "aECG")
    strips = [
        strip for series in root.iter("series") if not _is_beat(series) for strip in _strips(series)
    ]
    if not strips:
        raise NoSamples("the aECG file holds no rhythm waveform", loc=("signal",))
    best = max(_merged(strips), key=lambda strip: lead_seconds(strip.fs, strip.channels))
    others = len(strips) - best.sets
    said = (f"file: {others} other sequence sets in the aECG file, left out",) if others else ()
    date = _date(best.series) or _date(root)
    patient, patient_said = metadata.plausible_patient(
        _age(root, date),
        metadata.parse_sex(_attribute(root, ".//administrativeGenderCode", "code")),
    )
    device = metadata.device_name(
        text_of(best.series, ".//manufacturerOrganization/name"),
        text_of(best.series, ".//manufacturerModelName"),
    )
    reported = Reported(date, device, _measurements(root))
    return record_from_channels(
        DecodedFile("aECG", best.fs, best.channels, patient, reported, (*said, *patient_said)),
        hints,
    )


def _is_beat(series: Element) -> bool:
    return "BEAT" in (_attribute(series, "code", "code") or "").upper()


def _attribute(element: Element, path: str, name: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get(name)


def _strips(series: Element) -> Iterator[Strip]:
    for group in series.findall("component/sequenceSet"):
        sequences = [
            (_lead_code(sequence), sequence.find("value"))
            for sequence in group.findall("component/sequence")
        ]
        times = [value for code, value in sequences if code in _TIMES and value is not None]
        channels = tuple(
            _channel(code, value)
            for code, value in sequences
            if code not in _TIMES and value is not None
        )
        if not channels:
            continue
        if not times:
            raise CorruptFile("a sequence set of the aECG file has no time axis")
        fs = _rate(times[0])
        lengths = {len(channel.codes) for channel in channels}
        if len(lengths) > 1:
            raise RaggedSignal(
                f"the aECG file has leads of {min(lengths)} to {max(lengths)} samples in one sequence set",
                loc=("signal",),
            )
        yield Strip(fs, _attribute(times[0], "head", "value") or "", channels, series)


def _lead_code(sequence: Element) -> str:
    return _attribute(sequence, "code", "code") or ""


def _rate(value: Element) -> float:
    """Samples per second, of the increment of a generated list of times, or of the scale of a sampled one."""
    step = value.find("increment") if value.find("increment") is not None else value.find("scale")
    number = metadata.parse_number(step.get("value")) if step is not None else None
    seconds = _SECONDS.get((step.get("unit") or "").strip().lower()) if step is not None else None
    if number is None or seconds is None or number * seconds <= 0:
        raise BadSamplingRate(
            "fs: the aECG file's time increment is 0, no number or in an unknown unit", loc=("fs",)
        )
    return round(1.0 / (number * seconds), 6)


def _channel(code: str, value: Element) -> Channel:
    """SLIST_PQ (origin and scale with units) or SLIST_INT (without): value = origin + scale * digit."""
    name = lead_from_mdc_code(code) or code
    scale, unit = _quantity(value.find("scale"), 1.0, name)
    origin, origin_unit = _quantity(value.find("origin"), 0.0, name)
    if origin and origin_unit and unit and origin_unit != unit:
        one, other = voltage_unit(origin_unit), voltage_unit(unit)
        if one is None or other is None:
            raise CorruptFile(
                f"{name}: origin and scale of the aECG file are in units that do not fit together"
            )
        millivolt = {"mV": 1.0, "uV": 1e-3, "V": 1e3}
        origin *= one[1] * millivolt[one[0]] / (other[1] * millivolt[other[0]])
    return Channel(name, numbers(text_of(value, "digits"), name), unit, scale, origin)


def _quantity(element: Element | None, default: float, name: str) -> tuple[float, str | None]:
    if element is None or element.get("value") is None:
        return default, None
    number = metadata.parse_number(element.get("value"))
    if number is None:
        raise CorruptFile(f"{name}: origin or scale in the aECG file is no number")
    return number, element.get("unit") or None


def _merged(strips: list[Strip]) -> list[Strip]:
    """Sets of other leads over the same time become one."""
    joined: list[Strip] = []
    for strip in strips:
        for row, other in enumerate(joined):
            if _together(other, strip):
                joined[row] = Strip(
                    strip.fs,
                    strip.head,
                    other.channels + strip.channels,
                    other.series,
                    other.sets + 1,
                )
                break
        else:
            joined.append(strip)
    return joined


def _together(one: Strip, other: Strip) -> bool:
    leads = [{canonical_lead(channel.name) for channel in strip.channels} for strip in (one, other)]
    return (one.fs, one.head, len(one.channels[0].codes)) == (
        other.fs,
        other.head,
        len(other.channels[0].codes),
    ) and not leads[0] & leads[1]


def _date(element: Element) -> str | None:
    values = [
        _attribute(element, f"effectiveTime/{name}", "value") for name in ("low", "center", "high")
    ]
    values.append(_attribute(element, "effectiveTime", "value"))
    return next((date for value in values if (date := metadata.iso_datetime(value))), None)


def _age(root: Element, date: str | None) -> float | None:
    for stated in root.iter("relatedObservation"):
        if _attribute(stated, "code", "code") == _AGE:
            return metadata.age_in_years(
                _attribute(stated, "value", "value"), _attribute(stated, "value", "unit")
            )
    return metadata.age_at_recording(
        _attribute(root, ".//subjectDemographicPerson/birthTime", "value"), date
    )


def _measurements(root: Element) -> dict[str, float]:
    """Annotations that are numbers for the whole recording; of several beats the first."""
    found: dict[str, object] = {}
    for note in root.iter("annotation"):
        code = (_lead_code(note)).upper().removesuffix("_GL").removesuffix("_FRONT")
        value = note.find("value")
        if (
            code not in _MEASURED
            or value is None
            or any(
                _is_lead(place)
                for place in note.findall("support/supportingROI/component/boundary")
            )
        ):
            continue
        if metadata.parse_number(value.get("value")):
            found.setdefault(_MEASURED[code], value.get("value"))
    return metadata.parse_measurements(found)


def _is_lead(boundary: Element) -> bool:
    return "_LEAD_" in (_attribute(boundary, "code", "code") or "")


FORMAT = Format(
    name="HL7 aECG (XML)",
    detect=lambda part: root_name(part.data) == "AnnotatedECG",
    read=read,
    about=About(
        variants="series and sequence sets of rhythm, absolute or relative time, sampled lists with or without units, in V, mV, uV or nV",
        parser="defusedxml; our own, after the HL7 aECG Implementation Guide",
        metadata="time, age (or what birth date and time give), sex, device, global measurements",
        ignored="representative beats, annotations of single beats and leads, statements, shorter sequence sets",
        sample_files=(
            "hl7_aecg/ecgtoolkit_example.xml: the standard's example, a real Mortara recording",
            "hl7_aecg/mindray_100hz.xml: a real Mindray file with a drawn signal",
            "hl7_aecg/amps_3leads_1000hz.xml: a real file of three leads",
            "hl7_aecg/fda_minimum_lead_II_13_samples.xml: FDA's smallest example, 26 ms of one lead",
        ),
    ),
)
