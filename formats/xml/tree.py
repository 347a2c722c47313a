"""Parse an uploaded XML document into a tree without namespaces, and read values out of it.

Entity declarations and external references are refused, and every declaration in a DOCTYPE: the
default of an attribute is copied to each element. A DOCTYPE that only names a DTD is allowed,
because GE's files have one; it is not fetched. Size, depth and number of elements are limited
before memory is spent.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser
from numpy.typing import NDArray

from errors import CorruptFile, RecordingTooLong, UnsafeFile
from formats.numbers import number_array
from signals.number_text import number_text

MAX_DEPTH: Final = 100  # real files: 15 and less
MAX_ELEMENTS: Final = 300_000  # real files: 10,000 and less
MAX_ATTRIBUTES: Final = 300_000  # real files: 10,000 and less
# Of one lead. Ten minutes at 2000 Hz are 1.2 million numbers.
MAX_SAMPLES_CHARS: Final = 16_000_000
_HEAD_BYTES: Final = 65_536
_DECLARATION_BYTES: Final = 200
# An empty line before the declaration and NUL bytes that fill the last block are tolerated.
_PADDING: Final = b"\0 \t\r\n"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_UTF16_STARTS: Final = {b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
_DECLARED: Final = re.compile(
    rb"""<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)
_ROOT: Final = re.compile(r"<(?:!DOCTYPE\s+)?(?:[\w.\-]+:)?([\w.\-]+)", re.ASCII)
# Start and end of what may precede the root element.
_SKIPPED: Final = (("<?", "?>"), ("<!--", "-->"))
# Plain character tables only: some of Python's codecs are slow or do more than decode characters.
_CODECS: Final = re.compile(
    r"(iso-?8859-?\d{1,2}|latin-?1|(windows-|cp)12\d\d|us-ascii|ascii"
    r"|gb2312|gbk|gb18030|big5|shift[-_]jis|euc-(jp|kr)|koi8-r)"
)
_WHITE_SPACE: Final = b" \t\n\r\f\v"


def root_name(data: bytes) -> str | None:
    """Return the name of the root element, or of the DOCTYPE, without its prefix.

    Returns None if the beginning is not XML. Reads 64 kB and never raises.
    """
    text = _beginning(data)
    position = 0
    while True:
        position += len(text[position:]) - len(text[position:].lstrip())
        end_mark = _end_mark(text, position)
        if end_mark is None:
            break
        end = text.find(end_mark, position)
        if end < 0:
            return None
        position = end + len(end_mark)
    match = _ROOT.match(text, position)
    return match[1] if match else None


def _end_mark(text: str, position: int) -> str | None:
    """Return how the instruction or comment at `position` ends; None if there is none."""
    for start_mark, end_mark in _SKIPPED:
        if text.startswith(start_mark, position):
            return end_mark
    return None


def parse_xml(data: bytes, kind: str) -> Element:
    """Return the root element. `kind` names the file in messages.

    Raises UnsafeFile for entities, external references, and too many or too deep elements;
    CorruptFile for a document that is not well-formed.
    """
    # Counting bytes is cheap and limits what the parser may have to do.
    if data.count(b"<") > 2 * MAX_ELEMENTS or data.count(b"=") > MAX_ATTRIBUTES:
        raise UnsafeFile(
            f"{kind} file: more than {MAX_ELEMENTS} elements or {MAX_ATTRIBUTES} attributes"
        )
    parser = XMLParser(
        target=_Builder(),
        encoding="utf-8",
        forbid_dtd=False,
        forbid_entities=True,
        forbid_external=True,
    )
    parser.parser.StartDoctypeDeclHandler = _refuse_declarations
    try:
        parser.feed(_utf8(data).strip(_PADDING))
        root: Element = parser.close()
    except (DefusedXmlException, _Declarations):
        raise UnsafeFile(
            f"the {kind} file has declarations in its DOCTYPE, or refers to other files; neither "
            "is allowed"
        ) from None
    except (ParseError, ValueError) as error:
        position = getattr(error, "position", None)
        line = f" (line {position[0]})" if position else ""
        raise CorruptFile(f"the {kind} file is not well-formed XML{line}") from None
    return root


class _Declarations(Exception):
    """The DOCTYPE has an internal subset."""


def _refuse_declarations(name: str, system: str, public: str, has_internal_subset: int) -> None:
    if has_internal_subset:
        raise _Declarations


class _Builder(TreeBuilder):
    """Build elements under their local names, up to MAX_DEPTH and MAX_ELEMENTS."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise UnsafeFile(
                f"XML: nested deeper than {MAX_DEPTH} levels or more than {MAX_ELEMENTS} elements"
            )
        return super().start(_local_name(tag), attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(_local_name(tag))


def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2]


def stated_count(stated: float | None, found: float) -> str:
    """Return a number that a file states, for a message beside what was found in the file."""
    return "no" if stated is None else number_text(stated, found)


def check_sample_count(name: str, samples: int, stated: float | None, kind: str) -> None:
    """Raise CorruptFile if a lead has more or fewer samples than the file states for it.

    A lead without samples is left out and named.
    """
    if samples and stated not in (None, samples):
        raise CorruptFile(
            f"{name}: {stated_count(stated, samples)} samples stated in the {kind} file, "
            f"found {samples}"
        )


def text_of(element: Element | None, path: str) -> str | None:
    """Return the stripped text of the first element at `path`; None if it is absent or empty."""
    if element is None:
        return None
    target = element.find(path)
    if target is None:
        return None
    return (target.text or "").strip() or None


def attribute_of(element: Element | None, name: str) -> str | None:
    """Return an attribute; None if it or the element is absent."""
    return None if element is None else element.get(name)


def parse_numbers(text: str | None, what: str) -> NDArray[np.float64]:
    """Return numbers separated by white space, commas or semicolons.

    `what` names them in messages, and is short. Raises CorruptFile for anything else,
    RecordingTooLong.
    """
    text = text or ""
    if len(text) > MAX_SAMPLES_CHARS:
        raise RecordingTooLong(
            f"{what}: {len(text)} characters of samples; the limit is {MAX_SAMPLES_CHARS}"
        )
    numbers = number_array(text)
    if numbers is None:
        raise CorruptFile(f"{what}: a sample is not a number")
    return numbers


def decode_base64(text: str | None, what: str) -> bytes:
    """Decode base64 with line breaks. `what` names it in messages, and is short.

    Raises CorruptFile for any other character: dropping it would shift the samples.
    """
    try:
        packed = (text or "").encode("ascii").translate(None, delete=_WHITE_SPACE)
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise CorruptFile(f"{what}: the samples are not valid base64") from None


def _beginning(data: bytes) -> str:
    """Return the first 64 kB as a string, whatever the encoding: element names are ASCII."""
    head = data[:_HEAD_BYTES]
    if head.startswith(_UTF16_MARKS):
        return head.decode("utf-16", errors="replace")
    if head[:2] in _UTF16_STARTS:
        return head.decode(_UTF16_STARTS[head[:2]], errors="replace")
    return head.removeprefix(_UTF8_MARK).decode("latin-1")


def _utf8(data: bytes) -> bytes:
    """Return the document in UTF-8, decoded by its byte order mark, else by its declaration."""
    if data.startswith(_UTF16_MARKS):
        return data.decode("utf-16").removeprefix("\ufeff").encode()
    if data[:2] in _UTF16_STARTS:
        return data.decode(_UTF16_STARTS[data[:2]]).removeprefix("\ufeff").encode()
    codec = _declared_codec(data)
    if codec is not None:
        return data.decode(codec, errors="replace").encode()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        # The document states UTF-8 and is not: Latin-1 can garble names and comments only.
        return data.decode("latin-1").encode()
    return data


def _declared_codec(data: bytes) -> str | None:
    """Return Python's name of the declared encoding, if it is a plain character table.

    A UTF-8 byte order mark takes precedence over the declaration.
    """
    if data.startswith(_UTF8_MARK):
        return None
    declared = _DECLARED.match(data[:_DECLARATION_BYTES].lstrip())
    name = declared[1].decode("ascii").lower() if declared else ""
    if not _CODECS.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
