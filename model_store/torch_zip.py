"""Read the zip archive inside a torch.save file, entry by entry.

Reads only the kind of archive that torch writes: uncompressed entries, one volume, no encryption
(PKWARE APPNOTE 4.3). Refuses everything else before it costs memory: zip bombs, overlapping
entries, and sizes that exceed the file. Python's `zipfile` would accept such files.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from errors import BadCheckpoint, UnsafeCheckpoint

# In the central directory, an entry takes some 200 bytes; ECG-FM with optimizer state has 600.
MAX_DIRECTORY_BYTES = 16 * 2**20
MAX_ENTRIES = 50_000

MAX_NAME_CHARS = 80  # of an entry's name in a message

# These values of a field mean that its real value is in a zip64 record or extra field.
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_FLAG_ENCRYPTED = 0x1
_METHOD_STORED = 0
_ZIP64_EXTRA_ID = 1


class _End(NamedTuple):
    """End of central directory record (APPNOTE 4.3.16): sizes in bytes, start as offset."""

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
    local_header_start: int


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

    name          its path in the archive
    size          bytes of its data
    header_start  offset in the archive of its local header, which precedes the data
    max_end       offset in the archive at which its data ends at the latest
    """

    name: str
    size: int
    header_start: int
    max_end: int


class TorchZip:
    """The entries of one archive, by name. Each `read` opens and closes the file.

    Raises BadCheckpoint if the file is not a zip archive or is damaged; UnsafeCheckpoint if it has
    properties that no file of torch has.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            directory = _find_directory(file, path.name)
            file.seek(directory.start)
            self.entries = _read_entries(file.read(directory.size), directory, path.name)

    def read(self, entry: ZipEntry, start: int, size: int) -> bytearray:
        """Return `size` bytes of the entry's data from byte `start` on, without reading others."""
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
        """Return the offset in the archive of the entry's data."""
        file.seek(entry.header_start)
        raw = file.read(_LOCAL_HEADER.size)
        if len(raw) < _LOCAL_HEADER.size or raw[:4] != b"PK\x03\x04":
            raise BadCheckpoint(f"{self.path.name}: {entry.name} has no local header")
        header = _LocalHeader._make(_LOCAL_HEADER.unpack(raw))
        # The lengths in the local header may differ from those in the central directory.
        start = entry.header_start + _LOCAL_HEADER.size + header.name_length + header.extra_length
        if start + entry.size > entry.max_end:
            raise UnsafeCheckpoint(f"{self.path.name}: {entry.name} overlaps the next entry")
        return start


class _Directory(NamedTuple):
    """The central directory: its offset, its size in bytes and the number of its entries."""

    start: int
    size: int
    entries: int


def _find_directory(file: BinaryIO, name: str) -> _Directory:
    """Return where the central directory is; it lies before the end record, within the limits."""
    length = file.seek(0, os.SEEK_END)
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
    """Return where the directory is, by the zip64 records, which precede the end record."""
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
    """One entry of the central directory; entries are sorted by the offset of the local header."""

    header_start: int
    size: int
    name: str


def _read_entries(raw: bytes, directory: _Directory, file_name: str) -> dict[str, ZipEntry]:
    """Return the entries by name. The data of each must end before the next one's local header.

    raw  the bytes of the central directory
    """
    listed: list[_DirectoryEntry] = []
    offset = 0
    for _ in range(directory.entries):
        entry, offset = _read_entry(raw, offset, file_name)
        listed.append(entry)
    listed.sort()
    max_ends = [entry.header_start for entry in listed[1:]] + [directory.start]
    entries: dict[str, ZipEntry] = {}
    for entry, max_end in zip(listed, max_ends, strict=True):
        prefix = f"{file_name}: {entry.name[:MAX_NAME_CHARS]!r}"
        if entry.name in entries:
            raise UnsafeCheckpoint(f"{prefix} is the name of two entries")
        if entry.header_start + _LOCAL_HEADER.size + entry.size > max_end:
            raise UnsafeCheckpoint(f"{prefix} overlaps the next entry or runs past the file")
        entries[entry.name] = ZipEntry(entry.name, entry.size, entry.header_start, max_end)
    return entries


def _read_entry(raw: bytes, offset: int, file_name: str) -> tuple[_DirectoryEntry, int]:
    """Return the entry at `offset` of the central directory, and the offset of the next one."""
    if offset + _CENTRAL_HEADER.size > len(raw) or raw[offset : offset + 4] != b"PK\x01\x02":
        raise BadCheckpoint(f"{file_name}: the zip directory is damaged")
    header = _CentralHeader._make(_CENTRAL_HEADER.unpack_from(raw, offset))
    name_start = offset + _CENTRAL_HEADER.size
    extra_start = name_start + header.name_length
    comment_start = extra_start + header.extra_length
    name = raw[name_start:extra_start].decode("utf-8", "replace")
    prefix = f"{file_name}: {name[:MAX_NAME_CHARS]!r}"
    if header.flags & _FLAG_ENCRYPTED:
        raise UnsafeCheckpoint(f"{prefix} is encrypted; torch never encrypts")
    if header.method != _METHOD_STORED:
        raise UnsafeCheckpoint(
            f"{prefix} is compressed (method {header.method}); torch stores entries uncompressed"
        )
    size, stored_size, header_start = _real_values(header, raw[extra_start:comment_start])
    if size != stored_size:
        raise UnsafeCheckpoint(f"{prefix} states {size} bytes and holds {stored_size}")
    return _DirectoryEntry(header_start, size, name), comment_start + header.comment_length


def _real_values(header: _CentralHeader, extra: bytes) -> tuple[int, int, int]:
    """Return the size, the stored size and the offset of the local header.

    Those that do not fit into 32 bits are in the zip64 extra field, in this order (APPNOTE 4.5.3).
    """
    zip64_values = iter(_zip64_values(extra))
    values = []
    for value in (header.size, header.stored_size, header.local_header_start):
        values.append(next(zip64_values, value) if value == _FULL_32 else value)
    size, stored_size, header_start = values
    return size, stored_size, header_start


def _zip64_values(extra: bytes) -> list[int]:
    """Return the 64-bit values of the zip64 extra field; an empty list without such a field."""
    offset = 0
    while offset + 4 <= len(extra):
        field_id, length = struct.unpack_from("<2H", extra, offset)
        field = extra[offset + 4 : offset + 4 + length]
        if field_id == _ZIP64_EXTRA_ID:
            whole_values = field[: len(field) // 8 * 8]
            return [value for (value,) in struct.iter_unpack("<Q", whole_values)]
        offset += 4 + length
    return []
