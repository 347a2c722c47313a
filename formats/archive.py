"""A zip of one recording -> its files in memory, under bounds. Nothing is written anywhere."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final

from errors import BodyTooLarge, CorruptFile, UnsafeFile
from formats.parts import Part

MAX_ENTRIES: Final = 256
MAX_RATIO: Final = 200  # ECG files shrink by 2 to 20; a bomb by 1000
RATIO_FROM_BYTES: Final = 1 << 20  # small files of zeros may shrink as they like
_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1
_LOCAL_FLAGS: Final = 6  # where the flags begin in a file's own header (APPNOTE 4.3.7)
# What zipfile raises on damaged archives, found by fuzzing.
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


def is_zip(data: bytes) -> bool:
    return data.startswith(_MAGICS)


def files_of(part: Part, max_bytes: int) -> list[Part]:
    """The files of a zip; the several arrays of a .npz stay one part, with them as its members. Raises as `unpack`."""
    files = unpack(part.data, max_bytes)
    if len(files) > 1 and all(file.name.endswith(".npy") for file in files):
        return [Part(part.name, part.data, members=tuple(files))]
    return files


def unpack(data: bytes, max_bytes: int) -> list[Part]:
    """The files of a zip, at most `max_bytes` together. Raises BodyTooLarge, CorruptFile, UnsafeFile, UnknownFormat."""
    # zipfile makes an object of every directory entry before it can be asked how many there are.
    if data.count(_DIRECTORY_ENTRY) > MAX_ENTRIES:
        raise UnsafeFile(f"the zip holds more than {MAX_ENTRIES} files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [
                info
                for info in archive.infolist()
                if not info.filename.endswith("/") and not _is_clutter(info.filename)
            ]
            for info in entries:
                _check_entry(info, data)
            _check_together(entries, max_bytes)
            return _read_all(archive, entries, max_bytes)
    except _DAMAGED:
        raise CorruptFile("the zip is damaged") from None


def _is_clutter(name: str) -> bool:
    """What macOS and Windows put beside the files."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in (
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
    )


def _check_entry(info: zipfile.ZipInfo, data: bytes) -> None:
    name = info.filename
    if name.startswith("/") or any(sign in name for sign in "\\:\0") or ".." in name.split("/"):
        raise UnsafeFile("the zip names a file outside of itself")
    local = data[
        info.header_offset + _LOCAL_FLAGS : info.header_offset + _LOCAL_FLAGS + 1
    ]  # the directory may not say so
    if (info.flag_bits | int.from_bytes(local)) & _ENCRYPTED:
        raise UnsafeFile("the zip is encrypted; send it without a password")
    if info.compress_type not in _METHODS:
        raise UnsafeFile(
            f"the zip uses compression method {info.compress_type}; stored and deflate are read"
        )
    if info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(
        info.compress_size, 1
    ):
        raise UnsafeFile(f"the zip would unpack to more than {MAX_RATIO} times its size")


def _check_together(entries: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if sum(info.file_size for info in entries) > max_bytes:
        raise BodyTooLarge(f"the zip unpacks to more than {max_bytes} bytes, which are allowed")
    if len({info.filename for info in entries}) < len(entries):
        raise UnsafeFile("the zip holds a file name twice")


def _read_all(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], max_bytes: int
) -> list[Part]:
    """The declared sizes may lie, so the bytes are counted as they come."""
    parts: list[Part] = []
    left = max_bytes
    for info in entries:
        with archive.open(info) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise BodyTooLarge(f"the zip unpacks to more than {max_bytes} bytes, which are allowed")
        if is_zip(content):
            raise UnsafeFile("the zip holds another zip; send the files of one recording")
        parts.append(Part(info.filename, content))
    return parts
