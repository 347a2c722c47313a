"""GE CardioSoft XML (CardiologyXML): the strip, not the medians before it nor the full disclosure behind it.

The layout is GE's, as the files themselves have it; there is no public specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from errors import BadSamplingRate, CorruptFile, NoSamples
from formats import metadata
from formats.channels import Channel, DecodedFile, lead_seconds, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.xml.tree import numbers, parse, root_name, text_of
from signals.record import EcgRecord, Reported

_MEASURED: Final = {
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
_RESOLUTIONS: Final = {"uvperlsb": "uV", "mvperlsb": "mV", "nvperlsb": "nV"}


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The longest strip. Raises UnsafeFile, CorruptFile, NoSamples, BadSamplingRate, RaggedSignal, ..."""
    root = parse(head.data, "CardioSoft")
    strips = [
        _strip(element)
        for element in root.iter("StripData")
        if element.find("WaveformData") is not None
    ]
    if not strips:
        raise NoSamples("the CardioSoft file holds no strip", loc=("signal",))
    fs, channels = max(strips, key=lambda strip: lead_seconds(*strip))
    said = (
        (f"file: {len(strips) - 1} other strips in the CardioSoft file, left out",)
        if len(strips) > 1
        else ()
    )
    when = root.find("ObservationDateTime")
    date = metadata.iso_datetime_from_parts(
        *(text_of(when, name) or 0 for name in ("Year", "Month", "Day", "Hour", "Minute", "Second"))
    )
    patient, patient_said = metadata.plausible_patient(
        _age(root, date), metadata.parse_sex(text_of(root, "PatientInfo/Gender"))
    )
    measured = next(root.iter("RestingECGMeasurements"), None)
    reported = Reported(
        date,
        metadata.device_name(
            text_of(root, "ClinicalInfo/DeviceInfo/Desc"),
            text_of(root, "ClinicalInfo/DeviceInfo/SoftwareVer"),
        ),
        metadata.parse_measurements(
            {name: text_of(measured, tag) for name, tag in _MEASURED.items()}
        ),
    )
    return record_from_channels(
        DecodedFile("CardioSoft", fs, channels, patient, reported, (*said, *patient_said)), hints
    )


def _strip(element: Element) -> tuple[float, list[Channel]]:
    fs, scale = (
        metadata.parse_number(text_of(element, "SampleRate")),
        metadata.parse_number(text_of(element, "Resolution")),
    )
    if not fs or fs < 0:
        raise BadSamplingRate("fs: the CardioSoft file's SampleRate is 0 or no number", loc=("fs",))
    if not scale:
        raise CorruptFile("the CardioSoft file's Resolution is 0 or no number")
    resolution = element.find("Resolution")
    unit = (
        _RESOLUTIONS.get((resolution.get("units") or "").lower())
        if resolution is not None
        else None
    )
    stated = metadata.parse_number(text_of(element, "ChannelSampleCountTotal"))
    channels = []
    for wave in element.findall("WaveformData"):
        name = wave.get("lead") or ""
        codes = numbers(wave.text, name)
        if stated is not None and len(codes) != stated:
            raise CorruptFile(
                f"{name}: the CardioSoft file states {stated:g} samples; {len(codes)} are there"
            )
        channels.append(Channel(name, codes, unit, scale))
    return fs, channels


def _age(root: Element, date: str | None) -> float | None:
    age = root.find("PatientInfo/Age")
    if age is not None and age.text:
        return metadata.age_in_years(age.text, age.get("units"))
    born = root.find("PatientInfo/BirthDateTime")
    return metadata.age_at_recording(
        metadata.iso_datetime_from_parts(
            *(text_of(born, name) for name in ("Year", "Month", "Day"))
        ),
        date,
    )


FORMAT = Format(
    name="GE CardioSoft (XML)",
    detect=lambda part: root_name(part.data) == "CardiologyXML",
    read=read,
    about=About(
        variants="StripData, any number of leads",
        parser="defusedxml; our own, after the files themselves",
        metadata="time, age, sex, software, its measurements",
        ignored="medians, vector loops, full disclosure, shorter strips",
        sample_files=("cardiosoft/deepecg_dummy.xml: a real file",),
    ),
)
