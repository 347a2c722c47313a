"""Read DICOM waveform objects: 12-lead, general, 32-bit, ambulatory and hemodynamic ECG.

pydicom reads the data set; the samples are decoded here.

Source: DICOM PS3.3 C.10.9 (Waveform Module),
https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.10.9.html
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Sequence
from typing import Final

import pydicom
from pydicom import config as pydicom_config
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from errors import CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import DecodedFile, record_from_channels
from formats.dicom.waveform import Group, merge_groups, parse_group
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Reported

pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE

# pydicom parses no other elements: the patient's name and number stay unread.
_ELEMENTS: Final = [
    "SpecificCharacterSet",
    "WaveformSequence",
    "WaveformAnnotationSequence",
    "AcquisitionDateTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "StudyDate",
    "StudyTime",
    "Manufacturer",
    "ManufacturerModelName",
    "PatientAge",
    "PatientBirthDate",
    "PatientSex",
]
_DEFLATED_SYNTAX: Final = b"1.2.840.10008.1.2.1.99"
_META_BYTES: Final = 2048  # the file's first bytes, which hold the transfer syntax
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
# What pydicom raises on damaged files, found by fuzzing.
_DAMAGED: Final = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    NotImplementedError,
    ValueError,
    TypeError,
    LookupError,
    OSError,
    EOFError,
    struct.error,
    OverflowError,
    RecursionError,
    zlib.error,
)
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
# Date and time elements, the best first.
_DATES: Final = (
    ("AcquisitionDateTime", None),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("StudyDate", "StudyTime"),
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the rhythm of a DICOM file.

    Raises CorruptFile, UnknownFormat for the deflated transfer syntax and for types of samples
    that are not supported, NoSamples, BadSamplingRate, and the errors of `record_from_channels`.
    """
    if _DEFLATED_SYNTAX in head.data[:_META_BYTES]:
        raise UnknownFormat(
            "DICOM in the deflated transfer syntax is not supported; the uncompressed ones are"
        )
    try:
        with warnings.catch_warnings():
            # pydicom's warnings quote the file, so they must not reach a log.
            warnings.simplefilter("ignore")
            return record_from_channels(_decode(_parse(head.data)), hints)
    except _DAMAGED:
        raise CorruptFile("the DICOM file is damaged") from None


def _parse(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data), force=True, specific_tags=_ELEMENTS)


def _decode(dataset: Dataset) -> DecodedFile:
    little_endian = dataset.original_encoding[1] is not False
    items = dataset.get("WaveformSequence") or ()
    groups = [parse_group(item, little_endian) for item in items if not _is_average_beat(item)]
    if not groups:
        content = "only an average beat" if items else "no waveform at all"
        raise NoSamples(f"the DICOM file has no rhythm waveform, {content}")
    best, group_warnings = _best_group(groups)
    date = _recording_date(dataset)
    age_years = _age_years(dataset, date)
    sex = metadata.parse_sex(_string(dataset, "PatientSex"))
    patient, patient_warnings = metadata.plausible_patient(age_years, sex)
    manufacturer = _string(dataset, "Manufacturer")
    device = metadata.device_name(manufacturer, _string(dataset, "ManufacturerModelName"))
    return DecodedFile(
        "DICOM",
        best.fs,
        best.channels,
        patient,
        Reported(date, device, _measurements(dataset)),
        (*group_warnings, *patient_warnings),
    )


def _is_average_beat(item: Dataset) -> bool:
    label = (_string(item, "MultiplexGroupLabel") or "").upper()
    if "RHYTHM" in label:
        return False
    return any(word in label for word in ("MEDIAN", "AVERAGE", "BEAT"))


def _best_group(groups: list[Group]) -> tuple[Group, tuple[str, ...]]:
    """Return the group with most lead-seconds, and warnings for the others.

    Original groups take precedence over derived ones; groups recorded together count as one.
    """
    originals = [group for group in groups if group.original]
    best = max(merge_groups(originals or groups), key=lambda group: group.lead_seconds)
    messages: list[str] = []
    others = len(groups) - best.groups
    if others:
        messages.append(f"file: {others} other groups of channels in the DICOM file, left out")
    if not best.original:
        messages.append("signal: derived, as the DICOM file states; it has no original waveform")
    return best, tuple(messages)


def _string(dataset: Dataset, keyword: str) -> str | None:
    """Return the stripped value of an element; None if it is absent or empty."""
    value = dataset.get(keyword)
    if value is None:
        return None
    return str(value).strip() or None


def _recording_date(dataset: Dataset) -> str | None:
    for date, time in _DATES:
        text = _string(dataset, date) or ""
        if time is not None:
            text += _string(dataset, time) or ""
        moment = metadata.iso_datetime(text)
        if moment is not None:
            return moment
    return None


def _age_years(dataset: Dataset, date: str | None) -> float | None:
    """Return the age as stated, else as the birth date gives it at `date`."""
    stated = _AGE.fullmatch(_string(dataset, "PatientAge") or "")
    if stated:
        return metadata.age_in_years(stated[1], stated[2])
    return metadata.age_at_recording(_string(dataset, "PatientBirthDate"), date)


def _measurements(dataset: Dataset) -> dict[str, float]:
    """Return the annotations that are numbers of a whole group; the first of each name counts."""
    measurements: dict[str, object] = {}
    for annotation in dataset.get("WaveformAnnotationSequence") or ():
        concept = annotation.get("ConceptNameCodeSequence")
        value = _string(annotation, "NumericValue")
        if not concept or value is None or _is_of_one_lead(annotation):
            continue
        meaning = (_string(concept[0], "CodeMeaning") or "").lower().replace("global", "")
        name = _MEASUREMENTS.get(" ".join(meaning.split()))
        if name is not None:
            measurements.setdefault(name, value)
    return metadata.parse_measurements(measurements)


def _is_of_one_lead(annotation: Dataset) -> bool:
    """Return whether the annotation refers to single channels: pairs of (group, channel).

    Channel 0 is the whole group.
    """
    channels = annotation.get("ReferencedWaveformChannels")
    if not isinstance(channels, Sequence) or isinstance(channels, str):
        return False
    return any(int(channel) for channel in list(channels)[1::2])


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
            "8 to 64 bit; any number of groups"
        ),
        parser="pydicom for the data set; samples after PS3.3 C.10.9",
        metadata="time, age, sex, device, annotations that are global measurements",
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
