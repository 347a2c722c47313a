"""Parse the header of an EDF or BDF file: its records and signals.

Sources: https://www.edfplus.info/specs/edf.html and edfplus.html; for BDF
https://www.biosemi.com/faq/file_format.htm
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from errors import BadSamplingRate, CorruptFile, NoSamples
from formats import numbers

BLOCK_BYTES: Final = 256  # of the file's header, and of each signal's header
MAX_SIGNALS: Final = 512
MAX_SAMPLES: Final = 5_000_000  # of a channel, gaps included
_UNKNOWN_RECORDS: Final = -1
EDF: Final = b"0       "
BDF: Final = b"\xffBIOSEMI"
_DISCONTINUOUS: Final = (b"EDF+D", b"BDF+D")
# Where the fields of the file's header are, in bytes.
HEADER_BYTES: Final = slice(184, 192)
RESERVED: Final = slice(192, 197)
_RECORDS: Final = slice(236, 244)
_RECORD_DURATION: Final = slice(244, 252)
_SIGNALS: Final = slice(252, 256)
# The fields of a signal's header, in bytes: label, transducer, unit, physical minimum and maximum,
# digital minimum and maximum, filters, samples per record, reserved.
_WIDTHS: Final = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
# "ECG I-Ref": measured against the recorder's reference.
_REFERENCE: Final = re.compile(r"[- ]ref\.?$", re.IGNORECASE)


@dataclass(frozen=True)
class Signal:
    """The header of one signal.

    filters  as the file describes them: "HP:0.05Hz LP:100Hz"
    samples  per data record
    offset   of the signal's bytes in a data record
    """

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    filters: str
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


def parse_header(data: bytes, file_bytes: int) -> Header:
    """Parse the header. Raises CorruptFile, NoSamples, BadSamplingRate.

    data        the file, or its beginning with the whole header
    file_bytes  size of the file
    """
    count = _signal_count(data)
    start = BLOCK_BYTES * (count + 1)
    record_s = numbers.parse_number(text_field(data[_RECORD_DURATION]))
    if record_s is None or record_s < 0:
        shown = numbers.shown_number(text_field(data[_RECORD_DURATION]))
        raise CorruptFile(
            f"the EDF header's record duration is {shown}; a number of seconds from 0 on is "
            "required"
        )
    sample_bytes = 3 if data.startswith(BDF) else 2
    signals = _parse_signals(data[BLOCK_BYTES:start], count, sample_bytes)
    if all(signal.is_annotation for signal in signals):
        raise NoSamples("the EDF file holds only annotations, no signal", loc=("signal",))
    # EDF+ allows a record duration of 0 only where there are only annotations (EDF+, 2.2.1).
    if record_s == 0:
        raise BadSamplingRate(
            "fs: the EDF header's record duration is 0, which gives no sampling rate", loc=("fs",)
        )
    records, warnings = _count_records(
        data, file_bytes - start, record_bytes(signals, sample_bytes)
    )
    discontinuous = data[RESERVED] in _DISCONTINUOUS
    return Header(signals, records, record_s, sample_bytes, discontinuous, warnings)


def _signal_count(data: bytes) -> int:
    """Return the number of signals. Raises CorruptFile unless the file has as long a header."""
    count = _integer(data[_SIGNALS], "number of signals")
    if not 1 <= count <= MAX_SIGNALS:
        raise CorruptFile(
            f"the EDF header states {count} signals; 1 to {MAX_SIGNALS} signals are allowed"
        )
    needed = BLOCK_BYTES * (count + 1)
    stated = _integer(data[HEADER_BYTES], "header size")
    if stated != needed:
        raise CorruptFile(
            f"the EDF header states {stated} bytes for itself; its {count} signals need {needed}"
        )
    if needed > len(data):
        raise CorruptFile(
            f"the EDF header of {count} signals needs {needed} bytes; the file has {len(data)}"
        )
    return count


def _count_records(data: bytes, data_bytes: int, size: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of data records, with a warning about surplus bytes.

    data_bytes  of the file after its header
    size        bytes of a data record

    Raises CorruptFile if the file has fewer records than the header states.
    """
    stated = _integer(data[_RECORDS], "number of records")
    available = data_bytes // size if size else 0
    # A recorder writes -1 while it records; a file that it did not close keeps it.
    if stated == _UNKNOWN_RECORDS:
        stated = available
    if not 0 < stated <= available:
        raise CorruptFile(
            f"the EDF header states {stated} records; the file has {available} complete ones"
        )
    surplus = data_bytes - stated * size
    if not surplus:
        return stated, ()
    return stated, (f"file: {surplus} bytes after the last record of the EDF file, ignored",)


def _parse_signals(fields: bytes, count: int, sample_bytes: int) -> tuple[Signal, ...]:
    """Parse the signals' headers, which list each field for all signals before the next field."""
    columns: list[list[str]] = []
    at = 0
    for width in _WIDTHS:
        starts = range(at, at + count * width, width)
        columns.append([text_field(fields[start : start + width]) for start in starts])
        at += width * count
    labels, _, units, *ranges, filters, sizes, _ = columns
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
            Signal(
                label,
                units[row],
                (low, high),
                (digital_low, digital_high),
                filters[row],
                samples,
                offset,
            )
        )
        offset += samples * sample_bytes
    return tuple(signals)


def _sample_count(text: str, row: int) -> int:
    """Return the samples per data record of signal `row`. Raises CorruptFile."""
    samples = numbers.parse_number(text)
    if samples is None or not 0 <= samples <= MAX_SAMPLES or samples != int(samples):
        raise CorruptFile(
            f"signal {row} of the EDF header: {numbers.shown_number(text)} samples per record; "
            f"a whole number from 0 to {MAX_SAMPLES} is required"
        )
    return int(samples)


def record_bytes(signals: Sequence[Signal], sample_bytes: int) -> int:
    """Return the size of a data record."""
    return sum(signal.samples for signal in signals) * sample_bytes


def text_field(field: bytes) -> str:
    """Return the text of a header field."""
    return field.decode("latin-1").strip("\0 ")


def _integer(field: bytes, name: str) -> int:
    """Return the integer in a header field. Raises CorruptFile, which names the field."""
    value = numbers.parse_number(text_field(field))
    if value is None or value != int(value):
        shown = numbers.shown_number(text_field(field))
        raise CorruptFile(f"the EDF header's {name} is {shown}; a whole number is required")
    return int(value)
