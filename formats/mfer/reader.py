"""MFER (ISO 22077), resting and monitoring ECGs: frames of sequences of blocks, one block a channel.

Source: ISO 22077-1:2015 (MFER part 1), ISO 22077-2 (12-lead ECG), https://www.mfer.org/en/document.htm
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import Channel, DecodedFile, lead_seconds, record_from_channels
from formats.hints import Hints
from formats.lead_codes import lead_from_scp_number
from formats.mfer import tags as tags
from formats.mfer.tags import Definitions, Field, fields_of
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Patient, Reported, Sex

_TYPES: Final = {0: "i2", 1: "u2", 2: "i4", 3: "u1", 4: "u2", 5: "i1", 6: "u4", 7: "f4", 8: "f8"}
_STATUS: Final = 4  # a data type that is bits, no samples
_AVERAGE_BEAT: Final = 9  # a type of waveform
_UNITS: Final = {0: "V"}  # of the resolution; 1 is mmHg, and so on
_HERTZ, _SECONDS = 0, 1
_DEFAULT_NULL: Final = -(1 << 15)
_MAX_EXPONENT: Final = 12
_SEXES: Final[dict[int, Sex]] = {1: "male", 2: "female", 3: "other"}
_MARK: Final = b"MFR"
_MARK_WITHIN: Final = 12

Frame = list[Channel]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The frames of an MFER file, joined where one goes on with the other. Raises CorruptFile, UnknownFormat, NoSamples, ..."""
    definitions, frames, beside = Definitions(), [], []
    for found in fields_of(head.data):
        definitions.take(found)
        if found.tag == tags.DATA:
            frames += [] if _is_beat(definitions) else [_frame(found.value, definitions)]
        elif found.tag == tags.COMPRESSION and any(found.value[:2]):
            raise UnknownFormat("compressed MFER files are not read")
        elif found.channel is None:
            beside.append((found, definitions.little))
    if not frames:
        raise NoSamples("the MFER file holds no waveform", loc=("signal",))
    strips = _joined(frames)
    best = max(strips, key=_worth)
    said = (
        (f"file: {len(strips) - 1} other waveforms in the MFER file, left out",)
        if len(strips) > 1
        else ()
    )
    patient, reported, told_said = _told(beside)
    return record_from_channels(
        DecodedFile("MFER", None, best, patient, reported, (*said, *told_said)), hints
    )


def _is_beat(definitions: Definitions) -> bool:
    return definitions.whole(definitions.common.get(tags.WAVEFORM, b"\0")[:2]) == _AVERAGE_BEAT


def _frame(data: bytes, definitions: Definitions) -> Frame:
    """sequence, channel, block: every sequence has a block of each channel."""
    said = [definitions.of(channel) for channel in range(definitions.channels)]
    kinds = [_kind(one, definitions) for one in said]
    blocks = [definitions.whole(one[tags.BLOCK]) if tags.BLOCK in one else 1 for one in said]
    sequence = sum(block * kind.itemsize for block, kind in zip(blocks, kinds, strict=True))
    if min(blocks) < 1 or sequence > len(data):
        raise CorruptFile(
            f"a sequence of the MFER file needs {sequence} bytes; {len(data)} are there"
        )
    count = (
        definitions.whole(said[0][tags.SEQUENCES])
        if tags.SEQUENCES in said[0]
        else len(data) // sequence
    )
    if not 0 < count * sequence <= len(data):
        raise CorruptFile(
            f"the MFER file states {count} sequences of {sequence} bytes; {len(data)} bytes are there"
        )
    rows = np.frombuffer(data, np.uint8, count * sequence).reshape(count, sequence)
    frame, at = [], 0
    for one, kind, block in zip(said, kinds, blocks, strict=True):
        size = block * kind.itemsize
        codes = np.ascontiguousarray(rows[:, at : at + size]).view(kind).ravel()
        frame.append(_channel(one, codes, definitions))
        at += size
    return frame


def _kind(said: dict[int, bytes], definitions: Definitions) -> np.dtype[Any]:
    number = said[tags.DATA_TYPE][0] if tags.DATA_TYPE in said else 0
    if number not in _TYPES:
        raise UnknownFormat(f"MFER data of type {number} is not read")
    return np.dtype(("<" if definitions.little else ">") + _TYPES[number])


def _channel(said: dict[int, bytes], codes: NDArray[Any], definitions: Definitions) -> Channel:
    """value = (code + offset) x resolution."""
    name = lead_from_scp_number(definitions.whole(said[tags.LEAD][:2])) if tags.LEAD in said else ""
    status = said.get(tags.DATA_TYPE, b"\0")[0] == _STATUS
    offset = _number(said[tags.OFFSET], codes.dtype) if tags.OFFSET in said else 0.0
    scale, unit = _resolution(said, definitions)
    gap = _number(said[tags.NULL], codes.dtype) if tags.NULL in said else _DEFAULT_NULL
    values = codes.astype(np.float64)
    values[codes == gap] = np.nan
    return Channel(
        name, values + offset, "status" if status else unit, scale, fs=_rate(said, definitions)
    )


def _number(value: bytes, kind: np.dtype[Any]) -> float:
    """An offset or null value, in the data's own type; of a value of another length nothing is known."""
    return float(np.frombuffer(value, kind)[0]) if len(value) == kind.itemsize else 0.0


def _power(value: bytes, definitions: Definitions) -> float:
    """Exponent (of ten) and mantissa."""
    exponent = int.from_bytes(value[1:2], "big", signed=True)
    if len(value) < 3 or abs(exponent) > _MAX_EXPONENT:
        raise CorruptFile("a sampling interval or resolution of the MFER file cannot be read")
    mantissa = definitions.whole(value[2:], signed=True)
    return mantissa * 10.0**exponent if exponent >= 0 else mantissa / 10.0**-exponent


def _rate(said: dict[int, bytes], definitions: Definitions) -> float | None:
    if tags.INTERVAL not in said:
        return None
    value = _power(said[tags.INTERVAL], definitions)
    kind = said[tags.INTERVAL][0]
    if kind not in (_HERTZ, _SECONDS) or value <= 0:
        raise BadSamplingRate(
            "fs: the MFER file's sampling interval is 0 or neither in Hz nor in seconds",
            loc=("fs",),
        )
    return value if kind == _HERTZ else round(1.0 / value, 6)


def _resolution(said: dict[int, bytes], definitions: Definitions) -> tuple[float, str | None]:
    if tags.RESOLUTION not in said:
        return 1.0, None
    value = said[tags.RESOLUTION]
    return _power(value, definitions), _UNITS.get(value[0], f"unit {value[0]}")


def _joined(frames: list[Frame]) -> list[Frame]:
    """Frames with the same channels, rates and scales follow each other in time."""
    joined: list[Frame] = []
    for frame in frames:
        if joined and [_layout(one) for one in joined[-1]] == [_layout(one) for one in frame]:
            pairs = zip(joined[-1], frame, strict=True)
            joined[-1] = [
                Channel(
                    one.name,
                    np.concatenate([one.codes, more.codes]),
                    one.unit,
                    one.scale,
                    fs=one.fs,
                )
                for one, more in pairs
            ]
        else:
            joined.append(frame)
    return joined


def _layout(channel: Channel) -> tuple[object, ...]:
    return channel.name, channel.unit, channel.scale, channel.fs


def _worth(frame: Frame) -> float:
    return max(
        (lead_seconds(channel.fs, [channel]) for channel in frame if channel.fs), default=0.0
    ) * len(frame)


def _told(beside: list[tuple[Field, bool]]) -> tuple[Patient, Reported, tuple[str, ...]]:
    """Time, age or date of birth, sex and maker; names and numbers of persons are other tags."""
    date = age = sex = born = device = None
    for found, little in beside:
        value, order = found.value, "<" if little else ">"
        if found.tag == tags.TIME and len(value) >= 7:
            date = metadata.iso_datetime_from_parts(*struct.unpack_from(order + "H5B", value))
        elif found.tag == tags.AGE and len(value) >= 7:
            years, _, year, month, day = struct.unpack_from(order + "BHHBB", value)
            age, born = (
                (years if 0 < years < 255 else None),
                metadata.iso_datetime_from_parts(year, month, day),
            )
        elif found.tag == tags.SEX and value:
            sex = _SEXES.get(value[0])
        elif found.tag == tags.MAKER:
            device = metadata.device_name(*value.strip(b"\0").decode("latin-1").split("^")[:2])
    patient, said = metadata.plausible_patient(
        metadata.age_at_recording(born, date) if age is None else float(age), sex
    )
    return patient, Reported(date, device), said


def _detect(part: Part) -> bool:
    """A preamble that says so; or, as it may be left out, a byte order and then nothing but tags down to the data."""
    data = part.data
    if data[:1] == bytes([tags.PREAMBLE]):
        return _MARK in data[:_MARK_WITHIN]
    if data[:2] != bytes([tags.BYTE_ORDER, 1]) or data[2:3] not in (b"\0", b"\x01"):
        return False
    try:
        return any(found.tag == tags.DATA for found in fields_of(data))
    except CorruptFile:
        return False


FORMAT = Format(
    name="MFER",
    detect=_detect,
    read=read,
    about=About(
        variants="all data types but AHA compression, either byte order, blocks and sequences, several frames, channels of several rates",
        parser="our own, after ISO 22077-1",
        metadata="time, age (or what the date of birth gives), sex, maker and model",
        ignored="average beats, status and pressure channels, events, values, notes; compressed files are refused by name",
        sample_files=(
            "mfer/nihon_kohden_cns6000_seq1.mwf: a real file of a bedside monitor with a simulator",
        ),
    ),
)
