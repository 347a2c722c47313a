"""Read DICOM waveform objects: 12-lead, general, 32-bit, ambulatory and hemodynamic ECG.

Source: DICOM PS3.3 C.10.9 (Waveform Module),
https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.10.9.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from errors import BadSamplingRate, CorruptFile, EcgError, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.dicom.elements import DataSet, parse
from formats.dicom.waveform import (
    INTERPRETATION,
    NO_INTERPRETATION,
    is_original,
    parse_group,
)
from formats.hints import Hints
from formats.pages import Group, best_recording
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.reported.statements import clean_statements
from signals.record import EcgRecord, Reported

MAX_GROUPS: Final = 64  # real files: 4 and less
_PREAMBLE_BYTES: Final = 128
# A data set without preamble begins with the length of group 2 or 8, or with a character set, a
# type or a class.
_BARE_STARTS: Final = (
    b"\x02\x00\x00\x00UL\x04\x00",
    b"\x08\x00\x05\x00",
    b"\x08\x00\x16\x00",
    b"\x08\x00\x00\x00",
)
_AGE: Final = re.compile(r"(\d{1,3})([DWMY])")
# Annotations by the meaning of their concept, without "global": writers agree on the meaning more
# than on the code.
_MEASUREMENTS: Final = {
    "heart rate": "heart_rate_bpm",
    "ventricular heart rate": "heart_rate_bpm",
    "ventricular rate": "heart_rate_bpm",
    "rr interval": "rr_ms",
    "pr interval": "pr_ms",
    "p duration": "p_duration_ms",
    "p wave duration": "p_duration_ms",
    "qrs duration": "qrs_ms",
    "qt interval": "qt_ms",
    "qtc interval": "qtc_ms",
    "p axis": "p_axis_deg",
    "qrs axis": "qrs_axis_deg",
    "t axis": "t_axis_deg",
}
# By the code of the concept, as Mortara (SCP-ECG's clauses), GE (MDC) and others (LOINC) write it,
# for meanings in other languages.
_MEASUREMENTS_BY_CODE: Final = {
    "5.10.2.1-3": "rr_ms",
    "5.13.5-7": "pr_ms",
    "5.13.5-9": "qrs_ms",
    "5.13.5-11": "qt_ms",
    "5.10.2.5-5": "qtc_ms",
    "5.10.3-11": "p_axis_deg",
    "5.10.3-13": "qrs_axis_deg",
    "5.10.3-15": "t_axis_deg",
    "2:16016": "heart_rate_bpm",
    "2:15872": "pr_ms",
    "2:16156": "qrs_ms",
    "2:16160": "qt_ms",
    "2:15876": "qtc_ms",
    "2:16128": "p_axis_deg",
    "2:16132": "qrs_axis_deg",
    "2:16136": "t_axis_deg",
    "8867-4": "heart_rate_bpm",
    "8625-6": "pr_ms",
    "8633-0": "qrs_ms",
    "8634-8": "qt_ms",
    "8636-3": "qtc_ms",
}
# Names and identifiers, which no statement may have.
_PERSONS: Final = (
    "PatientName",
    "PatientID",
    "ReferringPhysicianName",
    "PhysiciansOfRecord",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
)
# Date and time elements, the best first.
_DATES: Final = (
    ("AcquisitionDateTime", None),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("StudyDate", "StudyTime"),
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the rhythm of a DICOM file.

    Raises CorruptFile, UnsafeFile for too many elements, UnknownFormat for the deflated transfer
    syntax and for types of samples that are not supported, NoSamples, BadSamplingRate, and the
    errors of `record_from_channels`.
    """
    return record_from_channels(_decode(parse(head.data)), hints)


def _decode(dataset: DataSet) -> DecodedFile:
    items = dataset.items("WaveformSequence")
    if len(items) > MAX_GROUPS:
        raise CorruptFile(
            f"the DICOM file has {len(items)} waveforms; at most {MAX_GROUPS} are allowed"
        )
    rhythms = [item for item in items if not _is_average_beat(item)]
    if not rhythms:
        content = "only an average beat" if items else "no waveform at all"
        raise NoSamples(f"the DICOM file has no rhythm waveform, {content}")
    fs, channels, group_warnings = _recording(rhythms)
    date = _recording_date(dataset)
    age_years = _age_years(dataset, date)
    sex = metadata.parse_sex(dataset.text("PatientSex"))
    patient, patient_warnings = metadata.plausible_patient(age_years, sex)
    manufacturer = dataset.text("Manufacturer")
    device = metadata.device_name(manufacturer, dataset.text("ManufacturerModelName"))
    return DecodedFile(
        "DICOM",
        fs,
        channels,
        patient,
        Reported(date, device, _measurements(dataset), _statements(dataset)),
        (*_surplus_warnings(dataset), *group_warnings, *patient_warnings),
    )


def _surplus_warnings(dataset: DataSet) -> tuple[str, ...]:
    if not dataset.surplus_bytes:
        return ()
    return (
        f"file: {dataset.surplus_bytes} bytes at the end of the DICOM file are no complete "
        "element, left out",
    )


def _is_average_beat(item: DataSet) -> bool:
    label = item.text("MultiplexGroupLabel").upper()
    if "RHYTHM" in label:
        return False
    return any(word in label for word in ("MEDIAN", "AVERAGE", "BEAT"))


def _recording(rhythms: Sequence[DataSet]) -> tuple[float, Sequence[Channel], tuple[str, ...]]:
    """Return the sampling rate and the channels of the recording with most lead-seconds.

    Also returns warnings, for groups of channels that are not in it. Original groups take
    precedence over derived ones.
    """
    originals = [item for item in rhythms if is_original(item)]
    groups: list[Group] = []
    faults: list[EcgError] = []
    messages: list[str] = []
    for item in originals or rhythms:
        try:
            groups.append(parse_group(item))
        except (CorruptFile, UnknownFormat, BadSamplingRate) as error:
            faults.append(error)
            messages.append(f"file: a group of channels is left out: {error.detail}")
            continue
        if not item.has(INTERPRETATION) and NO_INTERPRETATION not in messages:
            messages.append(NO_INTERPRETATION)
    if not groups:
        raise faults[0]
    best = best_recording(groups)
    messages += best.warnings
    others = len(rhythms) - len(best.members) - len(faults)
    if others:
        messages.append(f"file: {others} other groups of channels in the DICOM file, left out")
    if not originals:
        messages.append("signal: derived, as the DICOM file states; it has no original waveform")
    return groups[best.members[0]].fs, best.channels, tuple(messages)


def _recording_date(dataset: DataSet) -> str | None:
    for date, time in _DATES:
        text = dataset.text(date)
        if time is not None:
            text += dataset.text(time)
        moment = metadata.iso_datetime(text)
        if moment is not None:
            return moment
    return None


def _age_years(dataset: DataSet, date: str | None) -> float | None:
    """Return the age as stated, else as the birth date gives it at `date`."""
    stated = _AGE.fullmatch(dataset.text("PatientAge"))
    if stated:
        return metadata.age_in_years(stated[1], stated[2])
    return metadata.age_at_recording(dataset.text("PatientBirthDate"), date)


def _measurements(dataset: DataSet) -> dict[str, float]:
    """Return the annotations that are numbers of a whole group."""
    stated = []
    for annotation in dataset.items("WaveformAnnotationSequence"):
        concept = annotation.items("ConceptNameCodeSequence")
        value = annotation.text("NumericValue")
        if not concept or not value or _is_of_one_lead(annotation):
            continue
        meaning = concept[0].text("CodeMeaning").lower().replace("global", "")
        name = _MEASUREMENTS.get(" ".join(meaning.split()))
        if name is None:
            name = _MEASUREMENTS_BY_CODE.get(concept[0].text("CodeValue"))
        if name is not None:
            stated.append((name, value))
    return parse_measurements(stated)


def _statements(dataset: DataSet) -> tuple[str, ...]:
    """Return the annotations that are text about a whole group."""
    lines = []
    for annotation in dataset.items("WaveformAnnotationSequence"):
        if not _is_of_one_lead(annotation):
            lines.append(annotation.text("UnformattedTextValue"))
    return clean_statements(lines, [dataset.text(keyword) for keyword in _PERSONS])


def _is_of_one_lead(annotation: DataSet) -> bool:
    """Return whether the annotation refers to single channels: pairs of (group, channel).

    Channel 0 is the whole group.
    """
    return any(annotation.numbers("ReferencedWaveformChannels")[1::2])


def _detect(part: Part) -> bool:
    magic = part.data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4]
    return magic == b"DICM" or part.data.startswith(_BARE_STARTS)


FORMAT = Format(
    name="DICOM waveform",
    detect=_detect,
    read=read,
    about=About(
        variants=(
            "12-lead, general, 32-bit, ambulatory and hemodynamic objects with ECG leads; "
            "8 to 64 bit; any number of groups, at one time or one after another"
        ),
        parser="our own, after PS3.5 and PS3.3 C.10.9; pydicom for character sets",
        metadata="time, age, sex, device, annotations that are global measurements or text",
        ignored=(
            "average beats and derived groups (if there is an original one); refused: "
            "µ-law and A-law, deflated data sets"
        ),
        sample_files=(
            "dicom/mortara_el250_2groups.dcm: a real Mortara file",
            "dicom/ecgtoolkit_example.dcm: real, written by ECGToolkit",
            "dicom/ge_macp_general_ecg_mdc.dcm: converted from a real MUSE file",
            "dicom/made_general32bit.dcm: made from a real recording",
        ),
    ),
)
