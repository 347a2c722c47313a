"""XML of an upload -> a tree without namespaces. Entity declarations and everything external are refused; a DOCTYPE alone
is not, because GE's files have one. Size, depth and number of elements are bounded before memory is spent."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser
from numpy.typing import NDArray

from errors import CorruptFile, RecordingTooLong, UnsafeFile

MAX_DEPTH: Final = 100  # real files: 15 and less
MAX_ELEMENTS: Final = 300_000  # real files: 10,000 and less
MAX_ATTRIBUTES: Final = 1_000_000
MAX_SAMPLES_CHARS: Final = 16_000_000  # of one lead: ten minutes at 2000 Hz are 1.2 million numbers
_HEAD_BYTES: Final = 65_536
_AROUND: Final = b"\0 \t\r\n"  # an empty line before the declaration, and what fills up the last block, are no faults worth a refusal
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_UTF16_STARTS: Final = {b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
_DECLARED: Final = re.compile(
    rb"""<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)
_ROOT: Final = re.compile(r"<(?:!DOCTYPE\s+)?(?:[\w.\-]+:)?([\w.\-]+)", re.ASCII)
# Only what is a plain table of characters: some of Python's codecs are slow or do other things.
_CODECS: Final = re.compile(
    r"(iso-?8859-?\d{1,2}|latin-?1|(windows-|cp)12\d\d|us-ascii|ascii|gb2312|gbk|gb18030|big5|shift[-_]jis|euc-(jp|kr)|koi8-r)"
)
_NUMBERS: Final = re.compile(r"[0-9+\-.eE\s,;]*", re.ASCII)


def root_name(data: bytes) -> str | None:
    """The name of the root element (or of the DOCTYPE, which must be the same), without its prefix; None where there is none.
    Cheap, never raises."""
    text, at = _start(data), 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        mark = next(
            (end for start, end in (("<?", "?>"), ("<!--", "-->")) if text.startswith(start, at)),
            None,
        )
        if mark is None:
            break
        end = text.find(mark, at)
        if end < 0:
            return None
        at = end + len(mark)
    found = _ROOT.match(text, at)
    return found[1] if found else None


def parse(data: bytes, kind: str) -> Element:
    """The root. Raises UnsafeFile (entities, external references, too many or too deep elements), CorruptFile."""
    if data.count(b"<") > 2 * MAX_ELEMENTS or data.count(b"=") > MAX_ATTRIBUTES:
        raise UnsafeFile(
            f"the {kind} file has more than {MAX_ELEMENTS} elements or {MAX_ATTRIBUTES} attributes"
        )
    parser = XMLParser(
        target=_Builder(),
        encoding="utf-8",
        forbid_dtd=False,
        forbid_entities=True,
        forbid_external=True,
    )
    try:
        parser.feed(_utf8(data).strip(_AROUND))
        root: Element = parser.close()
    except DefusedXmlException:
        raise UnsafeFile(
            f"the {kind} file declares entities or refers to other files; neither is read"
        ) from None
    except (ParseError, ValueError) as error:
        place = getattr(error, "position", None)
        raise CorruptFile(
            f"the {kind} file is not well-formed XML" + (f" (line {place[0]})" if place else "")
        ) from None
    return root


class _Builder(TreeBuilder):
    """Builds elements under their local names, within bounds."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise UnsafeFile(
                f"the XML is nested deeper than {MAX_DEPTH} levels or has more than {MAX_ELEMENTS} elements"
            )
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


def text_of(element: Element | None, path: str) -> str | None:
    """The stripped text of the first element at `path`; None where there is none or it is empty."""
    found = None if element is None else element.find(path)
    text = "" if found is None else (found.text or "").strip()
    return text or None


def numbers(text: str | None, what: str) -> NDArray[np.float64]:
    """Numbers separated by white space, commas or semicolons. Raises CorruptFile for anything else, RecordingTooLong."""
    text = text or ""
    if len(text) > MAX_SAMPLES_CHARS:
        raise RecordingTooLong(
            f"{what}: {len(text)} characters of samples; at most {MAX_SAMPLES_CHARS} are read"
        )
    if not _NUMBERS.fullmatch(text):
        raise CorruptFile(f"{what}: something among the samples is no number")
    tokens = text.replace(",", " ").replace(";", " ").split()
    try:
        return np.fromiter(map(float, tokens), np.float64, len(tokens))
    except ValueError:
        raise CorruptFile(f"{what}: something among the samples is no number") from None


def unbase64(text: str | None, what: str) -> bytes:
    """Base64 with line breaks -> bytes. Raises CorruptFile for any other sign: dropping it would shift the samples."""
    packed = "".join((text or "").split())
    try:
        return base64.b64decode(packed.encode("ascii") + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise CorruptFile(f"{what}: the samples are not valid base64") from None


def _start(data: bytes) -> str:
    """The first 64 kB as text, whatever the encoding: names of elements are ASCII in all of them."""
    head = data[:_HEAD_BYTES]
    if head.startswith(_UTF16_MARKS):
        return head.decode("utf-16", errors="replace")
    if head[:2] in _UTF16_STARTS:
        return head.decode(_UTF16_STARTS[head[:2]], errors="replace")
    return head.removeprefix(_UTF8_MARK).decode("latin-1")


def _utf8(data: bytes) -> bytes:
    """The document in UTF-8, by its byte order mark, else by its declaration, else as it is."""
    if data.startswith(_UTF16_MARKS) or data[:2] in _UTF16_STARTS:
        codec = "utf-16" if data.startswith(_UTF16_MARKS) else _UTF16_STARTS[data[:2]]
        return data.decode(codec).removeprefix("\ufeff").encode()
    declared = _DECLARED.match(data[:200].removeprefix(_UTF8_MARK).lstrip())
    codec = declared[1].decode("ascii").lower() if declared else "utf-8"
    if not data.startswith(_UTF8_MARK) and _CODECS.fullmatch(codec):
        codec = codec.replace("iso8859-", "iso-8859-")
        return data.decode(codec, errors="replace").encode()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(
            "latin-1"
        ).encode()  # says UTF-8 and isn't: only names and comments can be wrong by it
    return data
