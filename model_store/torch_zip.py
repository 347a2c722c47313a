"""The zip archive inside a torch.save file, read entry by entry where it lies.

Python's `zipfile` would do for honest files; this reads only what torch writes (stored entries, one disk, no encryption; PKWARE
APPNOTE 4.3) and refuses the rest before it costs memory: compressed bombs, overlapping entries, sizes that the file does not have.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from errors import BadCheckpoint, UnsafeCheckpoint

MAX_DIRECTORY_BYTES = (
    16 * 2**20
)  # some 200 bytes an entry; ECG-FM with optimizer state has 600 entries
MAX_ENTRIES = 50_000

_END = struct.Struct("<4s4H2LH")  # end of central directory
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF  # "look in the zip64 record"
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class ZipEntry:
    """One file of the archive: `size` bytes somewhere behind the local header at `header`, all of it before `limit`."""

    name: str
    size: int
    header: int
    limit: int


class TorchZip:
    """The entries of one archive. The file is opened for each reading, so there is nothing to close.

    Raises BadCheckpoint for what is no zip archive or a damaged one, UnsafeCheckpoint for what torch never writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            start, size, count = _directory_place(file, path.name)
            file.seek(start)
            self.entries = _entries(file.read(size), count, start, path.name)

    def read(self, entry: ZipEntry, start: int, size: int) -> bytearray:
        """`size` bytes of the entry from its byte `start` on; these and no others are read."""
        if start < 0 or size < 0 or start + size > entry.size:
            raise UnsafeCheckpoint(
                f"{self.path.name}: bytes {start} to {start + size} of {entry.name} asked for, it has {entry.size}"
            )
        data = bytearray(size)
        with self.path.open("rb") as file:
            file.seek(self._data_start(file, entry) + start)
            if file.readinto(data) != size:
                raise BadCheckpoint(f"{self.path.name} ends before the end of {entry.name}")
        return data

    def _data_start(self, file: BinaryIO, entry: ZipEntry) -> int:
        file.seek(entry.header)
        raw = file.read(_LOCAL.size)
        if len(raw) < _LOCAL.size or raw[:4] != b"PK\x03\x04":
            raise BadCheckpoint(
                f"{self.path.name}: no local header where {entry.name} should start"
            )
        fields = _LOCAL.unpack(raw)
        data: int = entry.header + _LOCAL.size + fields[9] + fields[10]
        if data + entry.size > entry.limit:
            raise UnsafeCheckpoint(f"{self.path.name}: {entry.name} overlaps what follows it")
        return data


def _directory_place(file: BinaryIO, name: str) -> tuple[int, int, int]:
    """Start, size in bytes and number of entries of the central directory, checked against the file's length."""
    length = file.seek(0, 2)
    tail_start = max(0, length - _END.size - _FULL_16)  # a comment of up to 65535 bytes may follow
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise BadCheckpoint(f"{name} is cut off: a zip archive without its directory at the end")
    _, disk, first_disk, _, count, size, start, _ = _END.unpack_from(tail, at)
    if disk not in (0, _FULL_16) or first_disk not in (0, _FULL_16):
        raise UnsafeCheckpoint(f"{name} is a zip archive of several volumes; torch writes one")
    if count == _FULL_16 or _FULL_32 in (size, start):
        start, size, count = _zip64_place(file, tail_start + at, name)
    if size > MAX_DIRECTORY_BYTES or count > MAX_ENTRIES:
        raise UnsafeCheckpoint(
            f"{name}: directory of {count} entries in {size} bytes, at most {MAX_ENTRIES} in {MAX_DIRECTORY_BYTES}"
        )
    if start + size > tail_start + at:
        raise BadCheckpoint(f"{name}: the zip directory does not lie within the file")
    return start, size, count


def _zip64_place(file: BinaryIO, end: int, name: str) -> tuple[int, int, int]:
    if end < _END64_LOCATOR.size:
        raise BadCheckpoint(f"{name}: the zip64 locator is missing")
    file.seek(end - _END64_LOCATOR.size)
    magic, _, place, _ = _END64_LOCATOR.unpack(file.read(_END64_LOCATOR.size))
    if magic != b"PK\x06\x07" or place + _END64.size > end:
        raise BadCheckpoint(f"{name}: the zip64 locator is damaged")
    file.seek(place)
    fields = _END64.unpack(file.read(_END64.size))
    if fields[0] != b"PK\x06\x06":
        raise BadCheckpoint(f"{name}: the zip64 end record is damaged")
    return fields[9], fields[8], fields[7]


def _entries(directory: bytes, count: int, directory_start: int, name: str) -> dict[str, ZipEntry]:
    """The directory's entries by name, each bounded by where the next one starts."""
    found: list[tuple[int, int, str]] = []
    at = 0
    for _ in range(count):
        at, place = _central_entry(directory, at, name)
        found.append(place)
    found.sort()
    limits = [header for header, _, _ in found[1:]] + [directory_start]
    entries: dict[str, ZipEntry] = {}
    for (header, size, entry_name), limit in zip(found, limits, strict=True):
        if entry_name in entries:
            raise UnsafeCheckpoint(f"{name}: two entries are called {entry_name[:80]!r}")
        if header + _LOCAL.size + size > limit:
            raise UnsafeCheckpoint(
                f"{name}: {entry_name[:80]!r} overlaps what follows it or runs past the file"
            )
        entries[entry_name] = ZipEntry(entry_name, size, header, limit)
    return entries


def _central_entry(directory: bytes, at: int, name: str) -> tuple[int, tuple[int, int, str]]:
    """Where the next entry starts; and this one's local header, size and name."""
    if at + _CENTRAL.size > len(directory) or directory[at : at + 4] != b"PK\x01\x02":
        raise BadCheckpoint(f"{name}: the zip directory is damaged")
    fields = _CENTRAL.unpack_from(directory, at)
    flags, method, packed, size, name_length, extra_length, comment_length = (
        fields[3],
        fields[4],
        *fields[8:13],
    )
    name_end = at + _CENTRAL.size + name_length
    entry_name = directory[at + _CENTRAL.size : name_end].decode("utf-8", "replace")
    if flags & _ENCRYPTED:
        raise UnsafeCheckpoint(f"{name}: {entry_name[:80]!r} is encrypted; torch never writes that")
    if method != 0:
        raise UnsafeCheckpoint(
            f"{name}: {entry_name[:80]!r} is compressed (method {method}); torch stores its entries as they are"
        )
    size, packed, header = _zip64_sizes(
        directory[name_end : name_end + extra_length], size, packed, fields[16]
    )
    if size != packed:
        raise UnsafeCheckpoint(
            f"{name}: {entry_name[:80]!r} claims {size} bytes and holds {packed}"
        )
    return name_end + extra_length + comment_length, (header, size, entry_name)


def _zip64_sizes(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """The three numbers, each taken from the zip64 extra field (id 1) where 32 bits did not hold it (APPNOTE 4.5.3)."""
    values = iter(_zip64_values(extra))
    return tuple(
        next(values, number) if number == _FULL_32 else number for number in (size, packed, header)
    )  # type: ignore[return-value]


def _zip64_values(extra: bytes) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == 1:
            return [value for (value,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
        at += 4 + length
    return []
