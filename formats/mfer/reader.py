"""Read MFER (ISO 22077), resting and monitoring ECGs.

A file has frames; a frame has sequences; a sequence has one block of samples for each channel.

Source: ISO 22077-1:2015 (MFER part 1), ISO 22077-2 (12-lead ECG),
https://www.mfer.org/en/document.htm
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import lead_seconds, record_from_channels
from formats.decoded import Channel, DecodedFile, channel_or_fault, limits_of
from formats.hints import Hints
from formats.lead_codes import lead_from_scp_number
from formats.mfer import tags
from formats.mfer.definitions import Definitions, Values
from formats.mfer.fields import Field, parse_fields
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Patient, Reported, Sex

MAX_BLOCKS: Final = 50_000  # channels of all frames; ten minutes of 16 in frames of 0.2 s
_TYPES: Final = {0: "i2", 1: "u2", 2: "i4", 3: "u1", 4: "u2", 5: "i1", 6: "u4", 7: "f4", 8: "f8"}
_STATUS_TYPE: Final = 4  # bit fields, not samples
_AVERAGE_BEAT: Final = 9  # a type of waveform
_VOLT: Final = 0  # unit of the resolution; 1 is mmHg, and so on
_HERTZ: Final = 0  # unit of the sampling interval
_SECONDS: Final = 1
_DEFAULT_GAP: Final = -(1 << 15)
_MAX_EXPONENT: Final = 12
_SEXES: Final[dict[int, Sex]] = {1: "male", 2: "female", 3: "other"}
_MARK: Final = b"MFR"
_MAX_DETECTED_FIELDS: Final = 1000  # that precede the data in a file without the mark
_MARK_BYTES: Final = 12  # the file's first bytes, which hold the mark

# The channels of DATA fields that follow each other.
_Frame = list[Channel]


@dataclass(frozen=True, eq=False)
class _Block:
    """What the definitions say of a channel's block in each sequence of a frame.

    channel  without its samples
    size     bytes
    offset   to be added to a code
    gap      the code that stands for a missing sample
    """

    channel: Channel
    dtype: np.dtype[Any]
    size: int
    offset: float
    gap: float


@dataclass(frozen=True, eq=False)
class _Sequences:
    """What the definitions say of a frame: its blocks, and the number of sequences if stated."""

    blocks: list[_Block]
    count: int | None


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the longest waveform, joined from the frames that continue each other.

    Raises CorruptFile, UnknownFormat for compressed files and unknown data types, NoSamples,
    BadSamplingRate, and the errors of `record_from_channels`.
    """
    frames, file_fields, surplus_bytes = _parse(head.data)
    if not frames:
        raise NoSamples("the MFER file has no waveform", loc=("signal",))
    waveforms = _joined(frames)
    longest = max(waveforms, key=_value)
    warnings: list[str] = []
    if surplus_bytes:
        warnings.append(
            f"file: {surplus_bytes} bytes beyond the samples that the MFER file states, left out"
        )
    if len(waveforms) > 1:
        warnings.append(f"file: {len(waveforms) - 1} other waveforms in the MFER file, left out")
    patient, reported, patient_warnings = _reported(file_fields)
    decoded = DecodedFile("MFER", None, longest, patient, reported, (*warnings, *patient_warnings))
    return record_from_channels(decoded, hints)


def _parse(data: bytes) -> tuple[list[_Frame], list[tuple[Field, str]], int]:
    """Return the frames, and the other fields of the whole file with their byte order.

    Also returns the number of bytes that frames have beyond the stated samples, or that follow the
    end of the file other than zeros that fill it.
    """
    definitions = Definitions()
    blocks = 0
    surplus_bytes = 0
    file_fields = []
    # The frames between two definitions are decoded together.
    stretches: list[tuple[_Sequences, list[NDArray[np.uint8]]]] = []
    stated: _Sequences | None = None  # of the definitions in force, once a frame needs them
    for field in parse_fields(data):
        if field.tag != tags.DATA:
            definitions.update(field)
            stated = None
        if field.tag == tags.DATA:
            blocks += definitions.channels
            if blocks > MAX_BLOCKS:
                raise CorruptFile(
                    f"the MFER file has more than {MAX_BLOCKS} blocks: channels of all frames"
                )
            if not _is_average_beat(definitions):
                if stated is None:
                    stated = _sequences(definitions)
                    stretches.append((stated, []))
                sequences, frame_surplus = _split(field.value, stated)
                stretches[-1][1].append(sequences)
                surplus_bytes += frame_surplus
        elif field.tag == tags.END:
            surplus_bytes += len(field.value.strip(b"\0"))
        elif field.tag == tags.COMPRESSION and any(field.value[:2]):
            raise UnknownFormat("compressed MFER files are not supported")
        elif field.channel is None:
            file_fields.append((field, definitions.byte_order))
    frames = [_frame(stated.blocks, pieces) for stated, pieces in stretches]
    return frames, file_fields, surplus_bytes


def _is_average_beat(definitions: Definitions) -> bool:
    waveform = definitions.common.get(tags.WAVEFORM, b"\0")
    kind = definitions.integer(waveform[:2])
    return kind == _AVERAGE_BEAT


def _sequences(definitions: Definitions) -> _Sequences:
    """Return what the definitions in force say of a frame. Raises UnknownFormat, CorruptFile."""
    channels = [definitions.of_channel(channel) for channel in range(definitions.channels)]
    types = [_data_type(values, definitions) for values in channels]
    blocks = [
        _block(values, dtype, definitions) for values, dtype in zip(channels, types, strict=True)
    ]
    count = None
    if tags.SEQUENCES in channels[0]:
        count = definitions.integer(channels[0][tags.SEQUENCES])
    return _Sequences(blocks, count)


def _block(values: Values, dtype: np.dtype[Any], definitions: Definitions) -> _Block:
    samples = definitions.integer(values[tags.BLOCK]) if tags.BLOCK in values else 1
    if samples < 1:
        raise CorruptFile("MFER file: a block of 0 samples stated; at least 1 is required")
    offset = _sample_value(values.get(tags.OFFSET), dtype, default=0)
    gap = _sample_value(values.get(tags.NULL), dtype, default=_DEFAULT_GAP)
    name = _lead_name(values, definitions)
    channel = channel_or_fault(name, _channel, name, values, limits_of(dtype, offset), definitions)
    return _Block(channel, dtype, samples * dtype.itemsize, offset, gap)


def _split(data: bytes, stated: _Sequences) -> tuple[NDArray[np.uint8], int]:
    """Return the sequences of one DATA field, and how many bytes follow the stated samples.

    The sequences are (sequences, bytes of one).
    """
    sequence_bytes = sum(block.size for block in stated.blocks)
    if sequence_bytes > len(data):
        raise CorruptFile(
            f"MFER file: a sequence of {sequence_bytes} bytes stated, "
            f"its frame has {len(data)} bytes"
        )
    count = len(data) // sequence_bytes if stated.count is None else stated.count
    if count < 1:
        raise CorruptFile("MFER file: 0 sequences stated; at least 1 is required")
    if count * sequence_bytes > len(data):
        raise CorruptFile(
            f"MFER file: {count} sequences of {sequence_bytes} bytes stated, "
            f"their frame has {len(data)} bytes"
        )
    sequences = np.frombuffer(data, np.uint8, count * sequence_bytes).reshape(count, sequence_bytes)
    return sequences, len(data) - count * sequence_bytes


def _frame(blocks: list[_Block], pieces: list[NDArray[np.uint8]]) -> _Frame:
    """Return the channels of sequences that follow each other."""
    sequences = np.concatenate(pieces)
    frame = []
    start = 0
    for block in blocks:
        frame.append(_with_samples(block, sequences[:, start : start + block.size]))
        start += block.size
    return frame


def _with_samples(block: _Block, columns: NDArray[np.uint8]) -> Channel:
    """Return a channel of value = (code + offset) x resolution, NaN for gaps."""
    if block.channel.fault is not None:
        return block.channel
    codes = np.ascontiguousarray(columns).view(block.dtype).ravel()
    samples = codes.astype(np.float64)
    samples[codes == block.gap] = np.nan
    samples += block.offset
    return replace(block.channel, codes=samples)


def _data_type(values: Values, definitions: Definitions) -> np.dtype[Any]:
    number = _data_type_number(values)
    if number not in _TYPES:
        raise UnknownFormat(f"MFER data of type {number}; 0 to {max(_TYPES)} are supported")
    return np.dtype(definitions.byte_order + _TYPES[number])


def _data_type_number(values: Values) -> int:
    value = values.get(tags.DATA_TYPE, b"\0")
    return value[0]


def _lead_name(values: Values, definitions: Definitions) -> str:
    if tags.LEAD not in values:
        return ""
    return lead_from_scp_number(definitions.integer(values[tags.LEAD][:2]))


def _channel(
    name: str, values: Values, limits: tuple[float, float], definitions: Definitions
) -> Channel:
    """Return a channel without its samples. Raises CorruptFile, BadSamplingRate."""
    scale, unit = _resolution(values, definitions)
    if _data_type_number(values) == _STATUS_TYPE:
        unit = "status"
    fs = _sampling_rate(values, definitions)
    return Channel(name, np.zeros(0), unit, scale, fs=fs, limits=limits)


def _sample_value(value: bytes | None, dtype: np.dtype[Any], *, default: float) -> float:
    """Return an offset or gap, which has the samples' type.

    A value of another length means nothing; it is read as 0.
    """
    if value is None:
        return default
    if len(value) != dtype.itemsize:
        return 0.0
    sample = np.frombuffer(value, dtype)[0]
    return float(sample)


def _decimal(value: bytes, definitions: Definitions) -> float:
    """Return a number from unit, exponent of ten (one byte each) and mantissa."""
    exponent = int.from_bytes(value[1:2], "big", signed=True)
    if len(value) < 3 or abs(exponent) > _MAX_EXPONENT:
        raise CorruptFile("a sampling interval or resolution of the MFER file cannot be read")
    mantissa = definitions.integer(value[2:], signed=True)
    # 10^n is exact where 10^-n is not, so the division is rounded only once.
    if exponent >= 0:
        return mantissa * 10.0**exponent
    return mantissa / 10.0**-exponent


def _sampling_rate(values: Values, definitions: Definitions) -> float | None:
    if tags.INTERVAL not in values:
        return None
    interval = values[tags.INTERVAL]
    number = _decimal(interval, definitions)
    unit = interval[0]
    if unit not in (_HERTZ, _SECONDS) or number <= 0:
        raise BadSamplingRate(
            "fs: the MFER file's sampling interval is 0, or in a unit other than Hz and seconds",
            loc=("fs",),
        )
    if unit == _HERTZ:
        return number
    # An interval is a rounded decimal: 3.333333333 ms would give 300.00000003 Hz.
    return round(1.0 / number, 6)


def _resolution(values: Values, definitions: Definitions) -> tuple[float, str | None]:
    """Return the size of one step and its unit."""
    if tags.RESOLUTION not in values:
        return 1.0, None
    resolution = values[tags.RESOLUTION]
    unit = resolution[0]
    unit_name = "V" if unit == _VOLT else f"unit {unit}"
    return _decimal(resolution, definitions), unit_name


def _joined(frames: list[_Frame]) -> list[_Frame]:
    """Join consecutive frames with the same channels, rates and scales: they follow in time."""
    groups: list[list[_Frame]] = []
    for frame in frames:
        if groups and _layout(groups[-1][0]) == _layout(frame):
            groups[-1].append(frame)
        else:
            groups.append([frame])
    return [_concatenated(group) for group in groups]


def _layout(frame: _Frame) -> list[tuple[object, ...]]:
    """Return what two frames must have in common to continue each other."""
    layout: list[tuple[object, ...]] = []
    for channel in frame:
        layout.append((channel.name, channel.unit, channel.scale, channel.fs, channel.fault))
    return layout


def _concatenated(frames: list[_Frame]) -> _Frame:
    """Return one frame with all samples; each is copied once."""
    joined = []
    for pieces in zip(*frames, strict=True):
        codes = np.concatenate([piece.codes for piece in pieces])
        joined.append(replace(pieces[0], codes=codes))
    return joined


def _value(frame: _Frame) -> float:
    """Return the value of a waveform: its channels times the lead-seconds of the longest lead."""
    longest = 0.0
    for channel in frame:
        if channel.fs:
            longest = max(longest, lead_seconds(channel.fs, [channel]))
    return longest * len(frame)


def _reported(file_fields: list[tuple[Field, str]]) -> tuple[Patient, Reported, tuple[str, ...]]:
    """Return sex and age, recording date and device, and a warning for an odd age.

    Names and numbers of persons are other tags and stay unread.
    """
    date = age_years = birth_date = sex = device = None
    for field, order in file_fields:
        value = field.value
        if field.tag == tags.TIME and len(value) >= 7:
            date = metadata.iso_datetime_from_parts(*struct.unpack_from(order + "H5B", value))
        elif field.tag == tags.AGE and len(value) >= 7:
            age_years, birth_date = _age(value, order)
        elif field.tag == tags.SEX and value:
            sex = _SEXES.get(value[0])
        elif field.tag == tags.MAKER:
            names = value.strip(b"\0").decode("latin-1").split("^")
            device = metadata.device_name(*names[:2])
    if age_years is None:
        age_years = metadata.age_at_recording(birth_date, date)
    patient, warnings = metadata.plausible_patient(age_years, sex)
    return patient, Reported(date, device), warnings


def _age(value: bytes, order: str) -> tuple[float | None, str | None]:
    """Return the age in years, None if it is not stated, and the date of birth."""
    years, _, year, month, day = struct.unpack_from(order + "BHHBB", value)
    birth_date = metadata.iso_datetime_from_parts(year, month, day)
    # 0 and 255 are read as "not stated".
    if years in (0, 255):
        return None, birth_date
    return float(years), birth_date


def _detect(part: Part) -> bool:
    """Return whether the file begins with MFER's preamble, or reads as tags down to the data.

    The preamble may be left out; then the file begins with the byte order.
    """
    data = part.data
    if data[:1] == bytes([tags.PREAMBLE]):
        return _MARK in data[:_MARK_BYTES]
    if data[:2] != bytes([tags.BYTE_ORDER, 1]) or data[2:3] not in (b"\0", b"\x01"):
        return False
    try:
        fields = islice(parse_fields(data), _MAX_DETECTED_FIELDS)
        return any(field.tag == tags.DATA for field in fields)
    except CorruptFile:
        return False


FORMAT = Format(
    name="MFER",
    detect=_detect,
    read=read,
    about=About(
        variants=(
            "all data types except AHA compression, either byte order, blocks and sequences, "
            "several frames, channels of several rates"
        ),
        parser="our own, after ISO 22077-1",
        metadata="time, age (or computed from the date of birth), sex, maker and model",
        ignored=(
            "average beats, status and pressure channels, events, values, notes; refused: "
            "compressed files"
        ),
        sample_files=(
            "mfer/nihon_kohden_cns6000_seq1.mwf: a real file of a bedside monitor with a simulator",
        ),
    ),
)
