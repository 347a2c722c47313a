"""DICOM waveform objects (12-lead, general, 32-bit, ambulatory, hemodynamic ECG): pydicom reads the data set, the samples are ours.

Source: DICOM PS3.3 C.10.9 (Waveform Module), https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.10.9.html
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
from formats.dicom.waveform import Group, group_of, merged
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Reported

pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE

# Nothing else of a file is looked at: the patient's name and number never leave the parser's bytes.
_WANTED: Final = [
    "SpecificCharacterSet", "WaveformSequence", "WaveformAnnotationSequence", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime",
    "ContentDate", "ContentTime", "StudyDate", "StudyTime", "Manufacturer", "ManufacturerModelName", "PatientAge", "PatientBirthDate",
    "PatientSex",
]  # fmt: skip
_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_META_BYTES: Final = 2048  # the transfer syntax stands within
_PREAMBLE: Final = 128
# A data set without preamble begins with the length of group 2 or 8, or with a character set, a type or a class.
_BARE: Final = (
    b"\x02\x00\x00\x00UL\x04\x00",
    b"\x08\x00\x05\x00",
    b"\x08\x00\x16\x00",
    b"\x08\x00\x00\x00",
)
_AGE: Final = re.compile(r"(\d{1,3})([DWMY])")
# What pydicom raises on damaged files, found by fuzzing.
_DAMAGED: Final = (
    InvalidDicomError, BytesLengthException, AttributeError, NotImplementedError, ValueError, TypeError, LookupError, OSError, EOFError,
    struct.error, OverflowError, RecursionError, zlib.error,
)  # fmt: skip
# Annotations by the meaning of their concept, without "global": writers agree on it more than on codes.
_MEASURED: Final = {
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


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The recording of a DICOM file. Raises CorruptFile, UnknownFormat (a kind of samples that is not read), NoSamples, ..."""
    if _DEFLATED in head.data[:_META_BYTES]:
        raise UnknownFormat(
            "a DICOM file in the deflated transfer syntax; the uncompressed ones are read"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the file
            return record_from_channels(_recording(_dataset(head.data)), hints)
    except _DAMAGED:
        raise CorruptFile("the DICOM file is damaged") from None


def _dataset(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data), force=True, specific_tags=_WANTED)


def _recording(dataset: Dataset) -> DecodedFile:
    little = dataset.original_encoding[1] is not False
    items = dataset.get("WaveformSequence") or ()
    groups = [group_of(item, little) for item in items if not _is_beat(item)]
    if not groups:
        raise NoSamples(
            "the DICOM file holds no rhythm waveform, "
            + ("only an average beat" if items else "no waveform at all")
        )
    chosen, said = _chosen(groups)
    date = _moment(dataset)
    patient, patient_said = metadata.plausible_patient(
        _age(dataset, date), metadata.parse_sex(_text(dataset, "PatientSex"))
    )
    device = metadata.device_name(
        _text(dataset, "Manufacturer"), _text(dataset, "ManufacturerModelName")
    )
    reported = Reported(date, device, _measurements(dataset))
    return DecodedFile(
        "DICOM", chosen.fs, chosen.channels, patient, reported, (*said, *patient_said)
    )


def _is_beat(item: Dataset) -> bool:
    label = (_text(item, "MultiplexGroupLabel") or "").upper()
    return "RHYTHM" not in label and any(word in label for word in ("MEDIAN", "AVERAGE", "BEAT"))


def _chosen(groups: list[Group]) -> tuple[Group, tuple[str, ...]]:
    """Of the original groups, joined where they were recorded together, the one with most seconds of leads."""
    best = max(
        merged([group for group in groups if group.original] or groups),
        key=lambda group: group.lead_seconds,
    )
    others = len(groups) - best.groups
    said: tuple[str, ...] = (
        (f"file: {others} other groups of channels in the DICOM file, left out",) if others else ()
    )
    if not best.original:
        said += ("signal: the DICOM file calls its waveform derived; it has no original one",)
    return best, said


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = dataset.get(keyword)
    return str(value).strip() or None if value is not None else None


def _moment(dataset: Dataset) -> str | None:
    for date, time in (
        ("AcquisitionDateTime", ""),
        ("AcquisitionDate", "AcquisitionTime"),
        ("ContentDate", "ContentTime"),
        ("StudyDate", "StudyTime"),
    ):
        found = metadata.iso_datetime(
            (_text(dataset, date) or "") + ((_text(dataset, time) or "") if time else "")
        )
        if found is not None:
            return found
    return None


def _age(dataset: Dataset, recorded: str | None) -> float | None:
    stated = _AGE.fullmatch(_text(dataset, "PatientAge") or "")
    return (
        metadata.age_in_years(stated[1], stated[2])
        if stated
        else metadata.age_at_recording(_text(dataset, "PatientBirthDate"), recorded)
    )


def _measurements(dataset: Dataset) -> dict[str, float]:
    """Numbers that hold for a whole group of channels; of several with one name the first. 0 is "none"."""
    found: dict[str, object] = {}
    for note in dataset.get("WaveformAnnotationSequence") or ():
        concept, value = note.get("ConceptNameCodeSequence"), _text(note, "NumericValue")
        if not concept or value is None:
            continue
        channels = note.get("ReferencedWaveformChannels")
        if (
            isinstance(channels, Sequence)
            and not isinstance(channels, str)
            and any(int(one) for one in list(channels)[1::2])
        ):
            continue  # of one lead
        meaning = " ".join(
            (_text(concept[0], "CodeMeaning") or "").lower().replace("global", "").split()
        )
        if meaning in _MEASURED:
            found.setdefault(_MEASURED[meaning], value)
    return metadata.parse_measurements(found)


def _detect(part: Part) -> bool:
    return part.data[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or part.data.startswith(_BARE)


FORMAT = Format(
    name="DICOM waveform",
    detect=_detect,
    read=read,
    about=About(
        variants="12-lead, general, 32-bit, ambulatory and hemodynamic objects with ECG leads; 8 to 64 bit; any number of groups",
        parser="pydicom for the data set; samples after PS3.3 C.10.9",
        metadata="time, age, sex, device, annotations that are global measurements",
        ignored="average beats and derived groups (where an original one is there); µ-law and A-law, deflated data sets refused",
        sample_files=(
            "dicom/mortara_el250_2groups.dcm: a real Mortara file",
            "dicom/ecgtoolkit_example.dcm: real, written by ECGToolkit",
            "dicom/ge_macp_general_ecg_mdc.dcm: converted from a real MUSE file",
            "dicom/made_general32bit.dcm: made from a real recording",
        ),
    ),
)
