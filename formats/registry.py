"""Find the format of uploaded files by their content and read them as one record."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Final

import formats
from errors import BodyTooLarge, CorruptFile, SeveralRecordings, UnknownFormat
from formats import archive
from formats.hints import Hints
from formats.parts import Format, Part
from formats.xml.tree import root_name
from signals.record import EcgRecord

DEFAULT_MAX_BYTES: Final = 64 << 20  # the default of ECG_MAX_BODY_MB, docs/api.md
_TEXT_BYTES: Final = 4096
_MAX_NAMES: Final = 10  # of formats in an error
_BOM: Final = b"\xef\xbb\xbf"
_NO_HINTS: Final = Hints()

# Files that people send although they are not readable as an ECG. Naming them in the error helps
# more than "unknown". The first match counts.
_NOT_READABLE: Final = (
    (b"%PDF", "a PDF; a report does not contain the samples"),
    (b"\x1f\x8b", "a gzip file; send it with Content-Encoding: gzip"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"ANN  1.0", "ISHNE annotations; send the file with the samples"),
    (b"<", "XML of an unsupported format"),
    (b"{", "JSON without a signal"),
    (b"[", "JSON that is not an object"),
)


@cache
def known_formats() -> tuple[Format, ...]:
    """Return the `FORMAT` of every module of this package that defines one."""
    found: list[Format] = []
    for module_info in pkgutil.walk_packages(formats.__path__, "formats."):
        candidate = getattr(importlib.import_module(module_info.name), "FORMAT", None)
        if isinstance(candidate, Format):
            found.append(candidate)
    return tuple(found)


def format_names() -> tuple[str, ...]:
    """Return the names of all formats in alphabetical order."""
    return tuple(sorted((file_format.name for file_format in known_formats()), key=str.lower))


def is_recording(part: Part) -> bool:
    """Return whether a recording may start with this part, by its content."""
    return any(file_format.detect(part) for file_format in known_formats())


def read(
    parts: Sequence[Part],
    hints: Hints = _NO_HINTS,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> EcgRecord:
    """Read the one recording in `parts`: one file, several files, or a zip.

    max_bytes  limit for all files together, before and after unpacking

    Raises nothing but EcgError: UnknownFormat, SeveralRecordings, MissingPart, CorruptFile,
    UnsafeFile, BodyTooLarge, and the errors of a record (`mapping.record_from_mapping`).
    """
    _check_size(parts, max_bytes)
    files = _unzipped([part for part in parts if part.data], max_bytes)
    if not files:
        raise UnknownFormat(f"no file with content; {_supported()}")
    file_format, head = _head(files)
    record = file_format.read(head, files, hints)
    # The head itself and its companions were read.
    (companions,) = file_format.companions([head], files)
    unused = len(files) - 1 - len(companions)
    if unused:
        return record.with_warnings(f"file: {unused} other files in the upload, ignored")
    return record


def _check_size(parts: Sequence[Part], max_bytes: int) -> None:
    if sum(len(part.data) for part in parts) > max_bytes:
        raise BodyTooLarge(f"the files have more than {max_bytes} bytes, the limit")


def _supported() -> str:
    return f"supported: {', '.join(format_names())}"


def _unzipped(parts: list[Part], max_bytes: int) -> list[Part]:
    """Replace zips by their files; drop empty files. Raises BodyTooLarge for the sum of all."""
    files: list[Part] = []
    for part in parts:
        unpacked = [part]
        if archive.is_zip(part.data):
            unpacked = archive.unpack_upload(part, max_bytes)
        files += [file for file in unpacked if file.data]
        _check_size(files, max_bytes)
    return files


def _head(files: list[Part]) -> tuple[Format, Part]:
    """Return the file that the recording starts with, and its format.

    A file that another head names as its companion starts no recording.
    Raises SeveralRecordings, CorruptFile, UnknownFormat, and what a format says that files lack.
    """
    heads: list[tuple[Format, Part]] = []
    for file in files:
        heads += [
            (file_format, file) for file_format in known_formats() if file_format.detect(file)
        ]
    # A table of numbers next to a recognised recording is a note, not a second recording.
    heads = [head for head in heads if not head[0].fallback] or heads
    # By identity, because two files may have the same name and content.
    companions: set[int] = set()
    for file_format in known_formats():
        own_heads = [file for head_format, file in heads if head_format is file_format]
        for parts in file_format.companions(own_heads, files):
            companions.update(map(id, parts))
    starts = [head for head in heads if id(head[1]) not in companions]
    if len(starts) == 1:
        return starts[0]
    if starts:
        names = ", ".join(file_format.name for file_format, _ in starts[:_MAX_NAMES])
        if len(starts) > _MAX_NAMES:
            names += ", ..."
        raise SeveralRecordings(
            f"{len(starts)} recordings in one upload ({names}); send one at a time"
        )
    if heads:
        raise CorruptFile("the headers in the upload name each other; none starts a recording")
    for file_format in known_formats():
        reason = file_format.lacking(files)
        if reason is not None:
            raise reason
    raise UnknownFormat(f"{_description(files)}; {_supported()}")


def _description(files: list[Part]) -> str:
    """Describe files that no format recognises."""
    if len(files) > 1:
        return f"{len(files)} files, none of a supported format"
    data = files[0].data.removeprefix(_BOM).lstrip()
    if not data:
        return "nothing but white space"
    if (root_name(data) or "").lower() == "html":
        return "an HTML page; perhaps an error page that was saved as a file"
    start = data[:_TEXT_BYTES]
    if b"\0" in start and b"\n" in start and start.replace(b"\0", b"").isascii():
        return "a text file with NUL bytes"
    for magic, description in _NOT_READABLE:
        if data.startswith(magic):
            return description
    return "an unsupported format"
