"""Read WAV files of recorders and of PhysioNet's mit2wav and wfdb_to_wav: samples without a unit.

A file is a sequence of chunks: an identifier, a length, data, and a byte that makes it even.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991);
WAVE_FORMAT_EXTENSIBLE in Microsoft's mmreg.h; convert/mit2wav.c of bemoody/wfdb
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import (
    BadSamplingRate,
    CorruptFile,
    MissingField,
    RecordingTooLong,
    UnknownFormat,
    UnsafeFile,
)
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.limits import MAX_CHANNELS, MAX_VALUES
from formats.parts import About, Format, Part
from formats.wfdb.storage import STORAGE
from signals.filler import INT16_LIMITS
from signals.leads import LEADS
from signals.record import EcgRecord

_RIFF: Final = b"RIFF"
_WAVE: Final = b"WAVE"
_HEADER: Final = struct.Struct("<4sI4s")
_CHUNK_HEAD: Final = struct.Struct("<4sI")
_MAX_CHUNKS: Final = 1000
# Format, channels, samples per second, bytes per second, bytes of a frame, bits of a sample.
_FORMAT: Final = struct.Struct("<HHIIHH")
_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE
# In an extensible format: the format's number, then the rest of the identifier that holds it.
_SUBFORMAT_AT: Final = 24
_SUBFORMAT_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")
# Bytes of a sample -> the storage format of WFDB with the same samples; 8 bits have no sign.
_PCM_STORAGE: Final = {1: 80, 2: 16, 3: 24, 4: 32}
_FLOAT_TYPES: Final = {4: "<f4", 8: "<f8"}


@dataclass(frozen=True)
class _Layout:
    """What the chunk "fmt " states; `width` is the bytes of a sample."""

    sample_format: int
    channels: int
    fs: int
    width: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.width


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the channels of a WAV file. The file states no unit and no lead names.

    Raises CorruptFile, UnsafeFile, UnknownFormat (compressed), MissingField (no lead names),
    BadSamplingRate, RecordingTooLong, and the errors of `channels.record_from_channels`.
    """
    chunks, warnings = _chunks(head.data)
    layout = _layout(chunks.get(b"fmt "))
    if b"data" not in chunks:
        raise CorruptFile("the WAV file has no chunk of samples (data)")
    samples = chunks[b"data"]
    frames, surplus = divmod(len(samples), layout.frame_bytes)
    if surplus:
        warnings.append(f"file: {surplus} bytes of a last frame in the WAV file, ignored")
    if frames * layout.channels > MAX_VALUES:
        raise RecordingTooLong(
            f"signal: {frames} samples of {layout.channels} channels in the WAV file; the limit is "
            f"{MAX_VALUES} values",
            loc=("signal",),
        )
    names = _names(layout.channels, hints)
    values = _values(bytes(samples[: frames * layout.frame_bytes]), layout)
    columns = values.reshape(frames, layout.channels).T
    limits = _limits(layout)
    channels = [
        Channel(name, column, None, limits=limits)
        for name, column in zip(names, columns, strict=True)
    ]
    decoded = DecodedFile("WAV", float(layout.fs), channels, warnings=tuple(warnings))
    return record_from_channels(decoded, hints)


def _chunks(data: bytes) -> tuple[dict[bytes, memoryview], list[str]]:
    """Return the first chunk of each identifier, and warnings. Raises CorruptFile, UnsafeFile."""
    warnings: list[str] = []
    view = memoryview(data)
    stated = int.from_bytes(data[4:8], "little") + _CHUNK_HEAD.size
    # Some writers leave the last byte out, or do not count it.
    if abs(stated - len(data)) > 1:
        warnings.append(f"file: the WAV header states {stated} bytes, the file has {len(data)}")
    chunks: dict[bytes, memoryview] = {}
    at = _HEADER.size
    for _ in range(_MAX_CHUNKS):
        if at + _CHUNK_HEAD.size > len(data):
            break
        identifier, size = _CHUNK_HEAD.unpack_from(data, at)
        start = at + _CHUNK_HEAD.size
        left = len(data) - start
        # A recorder that did not close its file leaves 0.
        if size > left or (identifier == b"data" and size == 0 < left):
            raise CorruptFile(
                f"WAV chunk {identifier.decode('latin-1')!a}: {size} bytes stated, {left} are left"
            )
        if identifier in chunks and identifier in (b"fmt ", b"data"):
            raise CorruptFile(f"the WAV file has two chunks {identifier.decode()!r}")
        chunks.setdefault(identifier, view[start : start + size])
        at = start + size + size % 2
    else:
        raise UnsafeFile(f"the WAV file has more than {_MAX_CHUNKS} chunks")
    if at < len(data):
        warnings.append(f"file: {len(data) - at} bytes after the last WAV chunk, ignored")
    return chunks, warnings


def _layout(chunk: memoryview | None) -> _Layout:
    """Return the layout of the samples. Raises CorruptFile, UnknownFormat, BadSamplingRate."""
    if chunk is None or len(chunk) < _FORMAT.size:
        raise CorruptFile(
            f"WAV chunk 'fmt ': {len(chunk or b'')} bytes; {_FORMAT.size} state the format"
        )
    sample_format, channels, fs, _bytes_per_s, frame_bytes, bits = _FORMAT.unpack_from(chunk)
    if sample_format == _EXTENSIBLE and chunk[_SUBFORMAT_AT + 2 :] == _SUBFORMAT_TAIL:
        sample_format = int.from_bytes(chunk[_SUBFORMAT_AT : _SUBFORMAT_AT + 2], "little")
    if not 1 <= channels <= MAX_CHANNELS:
        raise CorruptFile(f"WAV file: {channels} channels; 1 to {MAX_CHANNELS} are allowed")
    if fs == 0:
        raise BadSamplingRate("fs: the WAV file's sampling rate is 0", loc=("fs",))
    widths = {_PCM: tuple(_PCM_STORAGE), _FLOAT: tuple(_FLOAT_TYPES)}.get(sample_format)
    if widths is None:
        raise UnknownFormat(
            f"WAV samples of format {sample_format}; {_PCM} (PCM) and {_FLOAT} (float) are "
            "supported"
        )
    width, rest = divmod(frame_bytes, channels)
    # mit2wav states the bits of the converter, 11 or 12, and fills the sample from above.
    if rest or width not in widths or not 0 < bits <= 8 * width:
        raise CorruptFile(
            f"WAV file: frames of {frame_bytes} bytes for {channels} channels of {bits} bits; "
            f"a sample has {', '.join(map(str, widths))} bytes"
        )
    return _Layout(sample_format, channels, fs, width)


def _names(count: int, hints: Hints) -> Sequence[str]:
    """Return the names of the channels: the request's, or the twelve leads in their order."""
    names = hints.lead_names.of_rows()
    if names is not None and len(names) == count:
        return [name or "" for name in names]
    if names is None and count != len(LEADS):
        raise MissingField(
            f"lead_names: missing; the WAV file has {count} channels without names, send them as "
            "a parameter",
            loc=("lead_names",),
        )
    return LEADS if count == len(LEADS) else [f"channel {row}" for row in range(1, count + 1)]


def _values(samples: bytes, layout: _Layout) -> NDArray[Any]:
    if layout.sample_format == _FLOAT:
        return np.frombuffer(samples, _FLOAT_TYPES[layout.width])
    return STORAGE[_PCM_STORAGE[layout.width]].unpack(samples)


def _limits(layout: _Layout) -> tuple[float, float]:
    """Return the lowest and the highest code of a sample; those of 16 bits for fractions."""
    if layout.sample_format == _FLOAT:
        return INT16_LIMITS
    half = 1 << (8 * layout.width - 1)
    return -half, half - 1


FORMAT = Format(
    name="WAV",
    detect=lambda part: part.data[:4] == _RIFF and part.data[8:12] == _WAVE,
    read=read,
    about=About(
        variants=(
            "PCM of 8 to 32 bits, float of 32 and 64 bits, also in the extensible header; up to "
            f"{MAX_CHANNELS} channels; with the .hea that mit2wav writes beside it, the WFDB "
            "reader reads the file in mV"
        ),
        parser="our own, from Microsoft's description of RIFF",
        metadata="nothing; a WAV file has samples and their rate only",
        ignored=(
            "other chunks; refused: compressed samples; the request must state the lead names "
            "(unless there are twelve channels) and units or gain, which holds for the samples as "
            "stored"
        ),
        sample_files=(),
    ),
)
