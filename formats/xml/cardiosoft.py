"""Read GE CardioSoft XML (CardiologyXML): the strip, not the medians or the full disclosure.

The layout follows files written by GE; there is no public specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from errors import BadSamplingRate, CorruptFile, NoSamples
from formats import metadata, numbers
from formats.channels import Waveform, longest_waveform, record_from_channels
from formats.decoded import Channel, DecodedFile, short_name
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.reported.statements import clean_statements
from formats.xml.tree import check_sample_count, parse_numbers, parse_xml, root_name, text_of
from signals.record import EcgRecord, Reported

_MEASUREMENTS: Final = {
    "heart_rate_bpm": "VentricularRate",
    "rr_ms": "RRInterval",
    "pr_ms": "PQInterval",
    "p_duration_ms": "PDuration",
    "qrs_ms": "QRSDuration",
    "qt_ms": "QTInterval",
    "qtc_ms": "QTCInterval",
    "p_axis_deg": "PAxis",
    "qrs_axis_deg": "RAxis",
    "t_axis_deg": "TAxis",
}
_UNITS: Final = {"uvperlsb": "uV", "mvperlsb": "mV", "nvperlsb": "nV"}
_PERSON_TAGS: Final = ("FamilyName", "GivenName", "PersonID", "PID")
_DATE_TAGS: Final = ("Year", "Month", "Day")
_TIME_TAGS: Final = ("Hour", "Minute", "Second")


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the strip with most lead-seconds.

    Raises UnsafeFile, CorruptFile, NoSamples, BadSamplingRate, and the errors of
    `record_from_channels`.
    """
    root = parse_xml(head.data, "CardioSoft")
    strips = []
    for element in root.iter("StripData"):
        if element.find("WaveformData") is not None:
            strips.append(_strip(element))
    if not strips:
        raise NoSamples("the CardioSoft file has no strip", loc=("signal",))
    fs, channels, warnings = longest_waveform(strips, "strips in the CardioSoft file")
    date = _date(root.find("ObservationDateTime"), (*_DATE_TAGS, *_TIME_TAGS))
    sex = metadata.parse_sex(text_of(root, "PatientInfo/Gender"))
    patient, patient_warnings = metadata.plausible_patient(_age_years(root, date), sex)
    decoded = DecodedFile(
        "CardioSoft",
        fs,
        channels,
        patient,
        Reported(date, _device(root), _measurements(root), _statements(root)),
        (*warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _strip(element: Element) -> Waveform:
    """Return the sampling rate and the channels of one strip."""
    fs = numbers.parse_number(text_of(element, "SampleRate"))
    scale = numbers.parse_number(text_of(element, "Resolution"))
    if not fs or fs < 0:
        raise BadSamplingRate(
            "fs: the CardioSoft file's SampleRate is not a number above 0", loc=("fs",)
        )
    if not scale:
        raise CorruptFile("the CardioSoft file's Resolution is 0 or not a number")
    unit = _unit(element.find("Resolution"))
    stated = numbers.parse_number(text_of(element, "ChannelSampleCountTotal"))
    channels = []
    for waveform in element.findall("WaveformData"):
        name = short_name(waveform.get("lead"))
        codes = parse_numbers(waveform.text, name)
        check_sample_count(name, len(codes), stated, "CardioSoft")
        channels.append(Channel(name, codes, unit, scale))
    return fs, channels


def _unit(resolution: Element | None) -> str | None:
    if resolution is None:
        return None
    stated = resolution.get("units") or ""
    return _UNITS.get(stated.lower()) or stated or None


def _date(element: Element | None, tags: Sequence[str]) -> str | None:
    """Return ISO 8601 from an element for each of year, month, day, hour, minute, second.

    An absent element is 0, which is no valid year, month or day.
    """
    return metadata.iso_datetime_from_parts(*(text_of(element, tag) or 0 for tag in tags))


def _age_years(root: Element, date: str | None) -> float | None:
    """Return the age as stated, else as the birth date gives it at `date`."""
    age = root.find("PatientInfo/Age")
    if age is not None and age.text:
        return metadata.age_in_years(age.text, age.get("units"))
    birth_date = _date(root.find("PatientInfo/BirthDateTime"), _DATE_TAGS)
    return metadata.age_at_recording(birth_date, date)


def _device(root: Element) -> str | None:
    description = text_of(root, "ClinicalInfo/DeviceInfo/Desc")
    return metadata.device_name(description, text_of(root, "ClinicalInfo/DeviceInfo/SoftwareVer"))


def _measurements(root: Element) -> dict[str, float]:
    element = next(root.iter("RestingECGMeasurements"), None)
    return parse_measurements((name, text_of(element, tag)) for name, tag in _MEASUREMENTS.items())


def _statements(root: Element) -> tuple[str, ...]:
    """Return the diagnosis, one statement an element."""
    lines = [element.text for element in root.iterfind("Interpretation/Diagnosis/DiagnosisText")]
    persons = [element.text for tag in _PERSON_TAGS for element in root.iter(tag)]
    return clean_statements(lines, persons)


FORMAT = Format(
    name="GE CardioSoft (XML)",
    detect=lambda part: root_name(part.data) == "CardiologyXML",
    read=read,
    about=About(
        variants="StripData, any number of leads",
        parser="defusedxml; our own, after files written by GE",
        metadata="time, age, sex, software, its measurements and diagnosis",
        ignored="medians, vector loops, full disclosure, shorter strips",
        sample_files=("cardiosoft/deepecg_dummy.xml: a real file",),
    ),
)
