"""Which formats there are, and the way from uploaded parts to one record: found by content, never by name."""

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

DEFAULT_MAX_BYTES: Final = 64 << 20  # ECG_MAX_BODY_MB, API.md
_TEXT_BYTES: Final = 4096
_NO_HINTS: Final = Hints()

# What people send and no server could read as an ECG: said by name, which helps more than "unknown".
_NAMED: Final = (
    (b"%PDF", "a PDF; a report is no waveform"),
    (b"\x1f\x8b", "a gzip file; send it as Content-Encoding: gzip"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"fLaC", "a FLAC file without its WFDB header"),
    (b"ANN  1.0", "ISHNE annotations; send the file of the samples"),
    (b"<", "XML of no format that is read"),
    (b"{", "JSON without a signal"),
    (b"[", "JSON that is no object"),
)


@cache
def known_formats() -> tuple[Format, ...]:
    """The `FORMAT` of every module of this package and its folders that has one."""
    names = [module.name for module in pkgutil.walk_packages(formats.__path__, "formats.")]
    modules = [importlib.import_module(name) for name in names]
    return tuple(
        module.FORMAT for module in modules if isinstance(getattr(module, "FORMAT", None), Format)
    )


def format_names() -> tuple[str, ...]:
    return tuple(sorted((found.name for found in known_formats()), key=str.lower))


def is_recording(part: Part) -> bool:
    """Whether a recording may begin with this part, by its content."""
    return any(known.detect(part) for known in known_formats())


def read(
    parts: Sequence[Part],
    hints: Hints = _NO_HINTS,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> EcgRecord:
    """The one recording in `parts` (one file, several files, or a zip), at most `max_bytes` in all, also after unpacking.

    Raises nothing but EcgError: UnknownFormat, SeveralRecordings, MissingPart, CorruptFile, UnsafeFile, BodyTooLarge, and what a record
    may have wrong (`mapping.record_from_mapping`).
    """
    if sum(len(part.data) for part in parts) > max_bytes:
        raise BodyTooLarge(f"the files have more than {max_bytes} bytes, which are allowed")
    files = _unzipped([part for part in parts if part.data], max_bytes)
    if not files:
        raise UnknownFormat(f"nothing but empty files; {', '.join(format_names())} are read")
    found, head = _head(files)
    record = found.read(head, files, hints)
    unused = len(files) - 1 - len(found.companions(head, files))
    return (
        record.with_warnings(f"file: {unused} other files in the upload, ignored")
        if unused
        else record
    )


def _unzipped(parts: list[Part], max_bytes: int) -> list[Part]:
    files: list[Part] = []
    for part in parts:
        unpacked = archive.files_of(part, max_bytes) if archive.is_zip(part.data) else [part]
        files += [file for file in unpacked if file.data]
        if sum(len(file.data) for file in files) > max_bytes:
            raise BodyTooLarge(f"the files have more than {max_bytes} bytes, which are allowed")
    return files


def _head(files: list[Part]) -> tuple[Format, Part]:
    """The file that a recording begins with, and its format. A file that another head names as its own begins nothing."""
    heads = [(known, file) for file in files for known in known_formats() if known.detect(file)]
    heads = [head for head in heads if not head[0].fallback] or heads
    owned = [id(part) for known, file in heads for part in known.companions(file, files)]
    free = [(known, file) for known, file in heads if id(file) not in owned]
    if len(free) == 1:
        return free[0]
    if free:
        raise SeveralRecordings(
            f"{len(free)} recordings in one upload ({', '.join(known.name for known, _ in free)}); one is read"
        )
    if heads:
        raise CorruptFile("the headers in the upload name each other; none begins a recording")
    raise UnknownFormat(f"{_description(files)}; {', '.join(format_names())} are read")


def _description(files: list[Part]) -> str:
    if len(files) > 1:
        return f"{len(files)} files, none of a format that is read"
    data = files[0].data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not data:
        return "nothing but white space"
    if (root_name(data) or "").lower() == "html":
        return "an HTML page; was an error page saved as a file?"
    if (
        b"\0" in data[:_TEXT_BYTES]
        and data[:_TEXT_BYTES].replace(b"\0", b"").isascii()
        and b"\n" in data[:_TEXT_BYTES]
    ):
        return "a text with NUL bytes"
    return next(
        (text for start, text in _NAMED if data.startswith(start)), "a format that is not read"
    )
