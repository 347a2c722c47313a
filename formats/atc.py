"""Read ATC files of AliveCor's Kardia recorders: one to twelve leads of 16 bits.

A file is a signature, a version and blocks; a block is an identifier, a length, data and a
checksum.

Source: ATC File Format Specification 1.7, docs/ of alivecor/ATCpy on GitHub
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat, UnsafeFile
from formats import metadata
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile, printable_names
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.leads import LEADS
from signals.record import EcgRecord, Reported

SIGNATURE: Final = b"ALIVE\0\0\0"
VERSIONS: Final = range(2, 6)  # 2 stands for specification 1.4 and older, 5 for 1.7
_HEADER: Final = struct.Struct("<8sI")
_BLOCK_HEAD: Final = struct.Struct("<4sI")
_CHECKSUM_BYTES: Final = 4
_MAX_BLOCKS: Final = 256  # the specification names 40 identifiers
_FORMAT: Final = struct.Struct("<BHHBH")  # format, Hz, nV for each step, flags, reserved
_SIGNED_16_BITS: Final = 1
_INFO: Final = b"info"
_FMT: Final = b"fmt "
_DIGITS: Final = b" 23456789abc"
_ECG: Final = {b"ecg%c" % digit: lead for digit, lead in zip(_DIGITS, LEADS, strict=True)}
# Average and median beats, annotations, acceleration, and the samples before the filters ("pre ",
# which the specification does not describe, in the reader of alivecor/ATCpy).
_UNUSED: Final = frozenset(
    [
        b"pre ",
        b"ann ",
        b"acc ",
        *(kind + b"%c" % digit for kind in (b"avg", b"med") for digit in _DIGITS),
    ]
)
# Where the fields of the info block are, in bytes. The others are identifiers.
_DATE: Final = slice(0, 32)
_SOFTWARE: Final = slice(148, 180)
_HARDWARE: Final = slice(180, 212)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The blocks of a file by identifier, and warnings about what was left out."""

    data: dict[bytes, memoryview]
    warnings: tuple[str, ...]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the leads of an ATC file.

    Raises CorruptFile (sizes, checksums, repeated blocks), UnsafeFile, UnknownFormat (samples that
    are not of 16 bits), BadSamplingRate, NoSamples, and the errors of
    `channels.record_from_channels`.
    """
    blocks = _parse(head.data)
    fs, nanovolts = _rate_and_resolution(blocks)
    channels = []
    for identifier, lead in _ECG.items():
        data = blocks.data.get(identifier)
        if data is None:
            continue
        if len(data) % 2:
            raise CorruptFile(
                f"ATC block {_shown(identifier)}: {len(data)} bytes; a sample has two"
            )
        channels.append(Channel(lead, np.frombuffer(data, "<i2"), "nV", float(nanovolts)))
    if not channels:
        raise NoSamples("the ATC file has no block of samples (ecg)", loc=("signal",))
    decoded = DecodedFile(
        "ATC", float(fs), channels, reported=_reported(blocks), warnings=blocks.warnings
    )
    return record_from_channels(decoded, hints)


def _parse(data: bytes) -> _Blocks:
    """Return the blocks. Raises CorruptFile, UnsafeFile."""
    if len(data) < _HEADER.size:
        raise CorruptFile(f"the ATC file has {len(data)} bytes; its header has {_HEADER.size}")
    _, version = _HEADER.unpack_from(data)
    found: dict[bytes, memoryview] = {}
    unknown: list[str] = []
    warnings: list[str] = []
    if version not in VERSIONS:
        warnings.append(
            f"file: ATC version {version}; the versions {VERSIONS[0]} to {VERSIONS[-1]} are known"
        )
    blocks = list(_walk(data))
    for identifier, block, _ in blocks:
        if identifier in _ECG or identifier in (_INFO, _FMT):
            if identifier in found:
                raise CorruptFile(f"the ATC file has two blocks {_shown(identifier)}")
            found[identifier] = block
        elif identifier not in _UNUSED:
            unknown.append(identifier.decode("latin-1"))
    if unknown:
        warnings.append(f"file: unknown ATC blocks, left out: {printable_names(unknown)}")
    end = blocks[-1][2] if blocks else _HEADER.size
    if end < len(data):
        warnings.append(f"file: {len(data) - end} bytes after the last ATC block, ignored")
    return _Blocks(found, tuple(warnings))


def _walk(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield identifier, data and end of each block. Raises CorruptFile, UnsafeFile."""
    view = memoryview(data)
    at = _HEADER.size
    count = 0
    while at + _BLOCK_HEAD.size + _CHECKSUM_BYTES <= len(data):
        count += 1
        if count > _MAX_BLOCKS:
            raise UnsafeFile(f"the ATC file has more than {_MAX_BLOCKS} blocks")
        identifier, length = _BLOCK_HEAD.unpack_from(data, at)
        start = at + _BLOCK_HEAD.size
        left = len(data) - start - _CHECKSUM_BYTES
        if length > left:
            raise CorruptFile(
                f"ATC block {_shown(identifier)}: {length} bytes stated, {left} are left"
            )
        end = start + length
        stated = int.from_bytes(view[end : end + _CHECKSUM_BYTES], "little")
        if not _is_checksum(stated, view[at:end]):
            raise CorruptFile(f"ATC block {_shown(identifier)}: the checksum is wrong")
        at = end + _CHECKSUM_BYTES
        yield identifier, view[start:end], at


def _is_checksum(stated: int, block: memoryview) -> bool:
    """Return whether a block has this checksum.

    AliveCor's readers and files add up the bytes, and some of its files (alivecor/atc2json,
    test_AFib_ef.atc) add them up as signed numbers. The specification says CRC-32.
    """
    total = int(np.frombuffer(block, np.uint8).sum(dtype=np.int64))
    signed = int(np.frombuffer(block, np.int8).sum(dtype=np.int64))
    return stated in (total & 0xFFFFFFFF, signed & 0xFFFFFFFF) or stated == zlib.crc32(block)


def _rate_and_resolution(blocks: _Blocks) -> tuple[int, int]:
    """Return samples per second and nV for each step."""
    block = blocks.data.get(_FMT)
    if block is None or len(block) < _FORMAT.size:
        raise CorruptFile(
            f'ATC block "fmt ": {len(block or b"")} bytes; '
            f"{_FORMAT.size} state the sampling rate and resolution"
        )
    sample_format, fs, nanovolts, _flags, _reserved = _FORMAT.unpack_from(block)
    if sample_format != _SIGNED_16_BITS:
        raise UnknownFormat(
            f"ATC samples of format {sample_format}; {_SIGNED_16_BITS} (16 bits) is supported"
        )
    if fs == 0:
        raise BadSamplingRate("fs: the ATC file's sampling rate is 0", loc=("fs",))
    return fs, nanovolts


def _reported(blocks: _Blocks) -> Reported:
    """Return date and recorder; the block also has identifiers of recording and telephone."""
    block = blocks.data.get(_INFO, memoryview(b""))
    date, hardware, software = (
        bytes(block[field]).split(b"\0")[0].decode("latin-1")
        for field in (_DATE, _HARDWARE, _SOFTWARE)
    )
    return Reported(metadata.iso_datetime(date), metadata.device_name(hardware, software))


def _shown(identifier: bytes) -> str:
    return f'"{"".join(filter(str.isprintable, identifier.decode("latin-1")))}"'


FORMAT = Format(
    name="AliveCor ATC",
    detect=lambda part: part.data.startswith(SIGNATURE),
    read=read,
    about=About(
        variants="versions 2 to 5 (specification 1.1 to 1.7), 1 to 12 leads of 16 bits",
        parser="our own, from AliveCor's ATC File Format Specification 1.7",
        metadata="time, recorder and its software",
        ignored=(
            "average and median beats, beat annotations, acceleration, flags of the filters that "
            "the recorder applied, identifiers of recording, telephone and device; refused: a "
            "block with a wrong checksum"
        ),
        sample_files=(
            "more_formats/atc/1_lead.atc: a real file of the maker's reader",
            "more_formats/atc/6_lead.atc: a file of the maker's reader",
            "more_formats/atc/normal-v2.atc: a file of version 2",
            "more_formats/atc/test_AFib_ef.atc: a file of version 4 with signed checksums",
        ),
    ),
)
