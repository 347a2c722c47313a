"""Unpack a zip of one recording in memory, within limits. Nothing is written to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final

from errors import BodyTooLarge, CorruptFile, UnsafeFile
from formats.parts import Part

MAX_ENTRIES: Final = 256
MAX_RATIO: Final = 200  # ECG files shrink by a factor of 2 to 20, a zip bomb by 1000
RATIO_FROM_BYTES: Final = 1 << 20  # smaller files may shrink by any factor
_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1
_LOCAL_FLAGS_AT: Final = 6  # offset of the flags in a file's local header (APPNOTE 4.3.7)
# Added to archives by macOS and Windows.
_CLUTTER_FOLDER: Final = "__MACOSX/"
_CLUTTER_NAMES: Final = (".DS_Store", "Thumbs.db", "desktop.ini")
# The exceptions of zipfile for damaged archives, found by fuzzing.
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    OverflowError,
)


def allowed_bytes(compressed_size: int) -> int:
    """Return how many bytes may unpack from a compressed file, beyond which it is a bomb."""
    return max(RATIO_FROM_BYTES, MAX_RATIO * compressed_size)


def is_zip(data: bytes) -> bool:
    """Return whether the data start like a zip archive."""
    return data.startswith(_MAGICS)


def unpack_upload(part: Part, max_bytes: int) -> list[Part]:
    """Return the files of a zip, or the zip itself with its arrays as `members` if it is a .npz.

    Raises the errors of `_unpack`.
    """
    files = _unpack(part.data, max_bytes)
    if len(files) > 1 and all(file.name.endswith(".npy") for file in files):
        return [Part(part.name, part.data, members=tuple(files))]
    return files


def _unpack(data: bytes, max_bytes: int) -> list[Part]:
    """Return the files of a zip, which together have at most `max_bytes`.

    Raises BodyTooLarge, CorruptFile, UnsafeFile.
    """
    # zipfile creates an object for every directory entry before it can return their number.
    if data.count(_DIRECTORY_ENTRY) > MAX_ENTRIES:
        raise UnsafeFile(f"the zip holds more than {MAX_ENTRIES} files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [info for info in archive.infolist() if not _is_ignored(info.filename)]
            for info in entries:
                _check_entry(info, data)
            _check_total(entries, max_bytes)
            return _read_all(archive, entries)
    except _DAMAGED:
        raise CorruptFile("the zip is damaged") from None


def _is_ignored(name: str) -> bool:
    """Return whether an entry is a folder or a file that macOS or Windows added."""
    if name.endswith("/") or name.startswith(_CLUTTER_FOLDER):
        return True
    return name.rsplit("/", 1)[-1] in _CLUTTER_NAMES


def _check_entry(info: zipfile.ZipInfo, data: bytes) -> None:
    """Raise UnsafeFile for a path outside the zip, encryption, another method or a zip bomb."""
    name = info.filename
    if name.startswith("/") or any(sign in name for sign in "\\:\0") or ".." in name.split("/"):
        raise UnsafeFile("the zip contains a path outside of the archive")
    # The directory may not show the encryption, so check the local header's flags as well.
    flags_at = info.header_offset + _LOCAL_FLAGS_AT
    local_flags = int.from_bytes(data[flags_at : flags_at + 1])
    if (info.flag_bits | local_flags) & _ENCRYPTED:
        raise UnsafeFile("the zip is encrypted; send it without a password")
    if info.compress_type not in _METHODS:
        raise UnsafeFile(
            f"the zip uses compression method {info.compress_type}; stored and deflate are allowed"
        )
    if info.file_size > allowed_bytes(info.compress_size):
        raise UnsafeFile(f"the zip would unpack to more than {MAX_RATIO} times its size")


def _check_total(entries: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Check the declared sizes and that no name occurs twice. Raises BodyTooLarge, UnsafeFile."""
    if sum(info.file_size for info in entries) > max_bytes:
        raise BodyTooLarge(f"the zip unpacks to more than {max_bytes} bytes, the limit")
    if len({info.filename for info in entries}) < len(entries):
        raise UnsafeFile("the zip holds two files of the same name")


def _read_all(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> list[Part]:
    """Unpack the entries. Raises UnsafeFile for a zip within the zip."""
    parts: list[Part] = []
    for info in entries:
        # `_check_total` has bounded the declared size. zipfile cuts the content to it, but first
        # inflates as much as it is asked for.
        with archive.open(info) as file:
            content = file.read(info.file_size)
        if is_zip(content):
            raise UnsafeFile("the zip holds another zip; send the files of one recording")
        parts.append(Part(info.filename, content))
    return parts
