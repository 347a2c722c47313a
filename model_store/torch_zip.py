"""Read the zip archive inside a torch.save file, entry by entry.

Reads only what torch writes: stored entries, one disk, no encryption (PKWARE APPNOTE 4.3). Refuses
everything else before it costs memory: compressed bombs, overlapping entries, and sizes that exceed
the file. Python's `zipfile` would accept such files.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from errors import BadCheckpoint, UnsafeCheckpoint

# An entry takes some 200 bytes; ECG-FM with optimizer state has 600 entries.
MAX_DIRECTORY_BYTES = 16 * 2**20
MAX_ENTRIES = 50_000

SHOWN_NAME = 80  # characters of an entry's name in a message

_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF  # the value is in the zip64 record
_FLAG_ENCRYPTED = 0x1
_METHOD_STORED = 0
_ZIP64_EXTRA_ID = 1


class _End(NamedTuple):
    """End of central directory record (APPNOTE 4.3.16)."""

    signature: bytes
    disk: int
    directory_disk: int
    entries_on_disk: int
    entries: int
    directory_size: int
    directory_start: int
    comment_length: int


class _End64Locator(NamedTuple):
    """Zip64 end of central directory locator (APPNOTE 4.3.15)."""

    signature: bytes
    disk: int
    record_start: int
    disks: int


class _End64(NamedTuple):
    """Zip64 end of central directory record (APPNOTE 4.3.14)."""

    signature: bytes
    record_size: int
    version_made_by: int
    version_needed: int
    disk: int
    directory_disk: int
    entries_on_disk: int
    entries: int
    directory_size: int
    directory_start: int


class _CentralHeader(NamedTuple):
    """Central directory file header (APPNOTE 4.3.12)."""

    signature: bytes
    version_made_by: int
    version_needed: int
    flags: int
    method: int
    time: int
    date: int
    crc32: int
    stored_size: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal_attributes: int
    external_attributes: int
    local_header: int


class _LocalHeader(NamedTuple):
    """Local file header (APPNOTE 4.3.7)."""

    signature: bytes
    version_needed: int
    flags: int
    method: int
    time: int
    date: int
    crc32: int
    stored_size: int
    size: int
    name_length: int
    extra_length: int


_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True)
class ZipEntry:
    """One file of the archive.

    name    its path in the archive
    size    bytes of its data
    header  offset of its local header, which precedes the data
    limit   offset that the data must not pass
    """

    name: str
    size: int
    header: int
    limit: int


class TorchZip:
    """The entries of one archive. Each read opens and closes the file.

    Raises BadCheckpoint if the file is not a zip archive or is damaged, UnsafeCheckpoint if it
    holds something that torch never writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            directory = _find_directory(file, path.name)
            file.seek(directory.start)
            self.entries = _read_entries(file.read(directory.size), directory, path.name)

    def read(self, entry: ZipEntry, start: int, size: int) -> bytearray:
        """Return `size` bytes of the entry's data from byte `start` on; reads only these."""
        if start < 0 or size < 0 or start + size > entry.size:
            raise UnsafeCheckpoint(
                f"{self.path.name}: bytes {start} to {start + size} requested of {entry.name}, "
                f"which has {entry.size}"
            )
        data = bytearray(size)
        with self.path.open("rb") as file:
            file.seek(self._data_start(file, entry) + start)
            if file.readinto(data) != size:
                raise BadCheckpoint(f"{self.path.name} ends before the end of {entry.name}")
        return data

    def _data_start(self, file: BinaryIO, entry: ZipEntry) -> int:
        file.seek(entry.header)
        raw = file.read(_LOCAL_HEADER.size)
        if len(raw) < _LOCAL_HEADER.size or raw[:4] != b"PK\x03\x04":
            raise BadCheckpoint(f"{self.path.name}: {entry.name} has no local header")
        header = _LocalHeader._make(_LOCAL_HEADER.unpack(raw))
        # The lengths here may differ from those of the central directory.
        start = entry.header + _LOCAL_HEADER.size + header.name_length + header.extra_length
        if start + entry.size > entry.limit:
            raise UnsafeCheckpoint(f"{self.path.name}: {entry.name} overlaps the next entry")
        return start


class _Directory(NamedTuple):
    """The central directory: its offset, its size in bytes and the number of its entries."""

    start: int
    size: int
    entries: int


def _find_directory(file: BinaryIO, name: str) -> _Directory:
    """Return the central directory's place, checked against the file's length."""
    length = file.seek(0, 2)
    # A comment of up to 65535 bytes may follow the end record.
    tail_start = max(0, length - _END.size - _FULL_16)
    file.seek(tail_start)
    tail = file.read()
    offset = tail.rfind(b"PK\x05\x06")
    if offset < 0 or offset + _END.size > len(tail):
        raise BadCheckpoint(f"{name} is truncated: the zip directory at its end is missing")
    end = _End._make(_END.unpack_from(tail, offset))
    end_start = tail_start + offset
    if end.disk not in (0, _FULL_16) or end.directory_disk not in (0, _FULL_16):
        raise UnsafeCheckpoint(f"{name} is a zip archive of several volumes; torch writes one")
    directory = _Directory(end.directory_start, end.directory_size, end.entries)
    if end.entries == _FULL_16 or _FULL_32 in (end.directory_size, end.directory_start):
        directory = _find_zip64_directory(file, end_start, name)
    if directory.size > MAX_DIRECTORY_BYTES or directory.entries > MAX_ENTRIES:
        raise UnsafeCheckpoint(
            f"{name}: the zip directory has {directory.entries} entries in {directory.size} bytes; "
            f"{MAX_ENTRIES} in {MAX_DIRECTORY_BYTES} are allowed"
        )
    if directory.start + directory.size > end_start:
        raise BadCheckpoint(f"{name}: the zip directory is not within the file")
    return directory


def _find_zip64_directory(file: BinaryIO, end_start: int, name: str) -> _Directory:
    """Return the directory's place from the zip64 records, which precede the end record."""
    if end_start < _END64_LOCATOR.size:
        raise BadCheckpoint(f"{name}: the zip64 locator is missing")
    file.seek(end_start - _END64_LOCATOR.size)
    locator = _End64Locator._make(_END64_LOCATOR.unpack(file.read(_END64_LOCATOR.size)))
    record_end = locator.record_start + _END64.size
    if locator.signature != b"PK\x06\x07" or record_end > end_start:
        raise BadCheckpoint(f"{name}: the zip64 locator is damaged")
    file.seek(locator.record_start)
    record = _End64._make(_END64.unpack(file.read(_END64.size)))
    if record.signature != b"PK\x06\x06":
        raise BadCheckpoint(f"{name}: the zip64 end record is damaged")
    return _Directory(record.directory_start, record.directory_size, record.entries)


class _DirectoryEntry(NamedTuple):
    """Offset of the local header, size of the data, and name."""

    header: int
    size: int
    name: str


def _read_entries(raw: bytes, directory: _Directory, file_name: str) -> dict[str, ZipEntry]:
    """Return the entries by name, each limited by the start of the next one."""
    listed: list[_DirectoryEntry] = []
    offset = 0
    for _ in range(directory.entries):
        entry, offset = _read_entry(raw, offset, file_name)
        listed.append(entry)
    listed.sort()
    limits = [entry.header for entry in listed[1:]] + [directory.start]
    entries: dict[str, ZipEntry] = {}
    for entry, limit in zip(listed, limits, strict=True):
        what = f"{file_name}: {entry.name[:SHOWN_NAME]!r}"
        if entry.name in entries:
            raise UnsafeCheckpoint(f"{what} is the name of two entries")
        if entry.header + _LOCAL_HEADER.size + entry.size > limit:
            raise UnsafeCheckpoint(f"{what} overlaps the next entry or runs past the file")
        entries[entry.name] = ZipEntry(entry.name, entry.size, entry.header, limit)
    return entries


def _read_entry(raw: bytes, offset: int, file_name: str) -> tuple[_DirectoryEntry, int]:
    """Return the directory's entry at `offset`, and the offset of the next one."""
    if offset + _CENTRAL_HEADER.size > len(raw) or raw[offset : offset + 4] != b"PK\x01\x02":
        raise BadCheckpoint(f"{file_name}: the zip directory is damaged")
    header = _CentralHeader._make(_CENTRAL_HEADER.unpack_from(raw, offset))
    name_start = offset + _CENTRAL_HEADER.size
    extra_start = name_start + header.name_length
    comment_start = extra_start + header.extra_length
    name = raw[name_start:extra_start].decode("utf-8", "replace")
    what = f"{file_name}: {name[:SHOWN_NAME]!r}"
    if header.flags & _FLAG_ENCRYPTED:
        raise UnsafeCheckpoint(f"{what} is encrypted; torch never encrypts")
    if header.method != _METHOD_STORED:
        raise UnsafeCheckpoint(
            f"{what} is compressed (method {header.method}); torch stores entries uncompressed"
        )
    size, stored_size, local_header = _zip64_values(header, raw[extra_start:comment_start])
    if size != stored_size:
        raise UnsafeCheckpoint(f"{what} states {size} bytes and holds {stored_size}")
    return _DirectoryEntry(local_header, size, name), comment_start + header.comment_length


def _zip64_values(header: _CentralHeader, extra: bytes) -> tuple[int, int, int]:
    """Return size, stored size and offset of the local header.

    The zip64 extra field holds, in this order, those that do not fit into 32 bits (APPNOTE 4.5.3).
    """
    wide_values = iter(_zip64_extra(extra))
    values = []
    for value in (header.size, header.stored_size, header.local_header):
        values.append(next(wide_values, value) if value == _FULL_32 else value)
    size, stored_size, local_header = values
    return size, stored_size, local_header


def _zip64_extra(extra: bytes) -> list[int]:
    """Return the 64-bit values of the zip64 extra field, empty if there is none."""
    offset = 0
    while offset + 4 <= len(extra):
        field_id, length = struct.unpack_from("<2H", extra, offset)
        field = extra[offset + 4 : offset + 4 + length]
        if field_id == _ZIP64_EXTRA_ID:
            whole = field[: len(field) // 8 * 8]
            return [value for (value,) in struct.iter_unpack("<Q", whole)]
        offset += 4 + length
    return []
