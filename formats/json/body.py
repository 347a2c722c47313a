"""Parse JSON bodies with orjson; accept a byte order mark and the non-standard token NaN.

If a key occurs twice the last value counts, and nesting is limited to 1024 levels; both are
orjson's behaviour.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from errors import BodyTooLarge, ImplausibleValues, MalformedBody

_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
# A list or object costs at least 60 bytes of memory and 2 bytes of the body: 64 MB of "[],"
# would need gigabytes.
MAX_CONTAINERS: Final = 4_000_000
# Matches whole strings so that a NaN inside a string is kept. An unterminated string matches to the
# end, which keeps the scan linear.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|NaN|Infinity', re.DOTALL)


def loads(body: bytes) -> object:
    """Return the value of a JSON text in UTF-8. NaN becomes None.

    Raises MalformedBody (with the position, without content), ImplausibleValues (Infinity, 1e999),
    BodyTooLarge (millions of lists).
    """
    text = checked_text(body)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if b"NaN" not in text and b"Infinity" not in text:
            raise _error(error) from None
    return _loads_with_nan(text)


def checked_text(body: bytes) -> bytes:
    """Return the text to parse, without a byte order mark.

    Raises MalformedBody (empty, or not UTF-8), BodyTooLarge.
    """
    text = body.removeprefix(_BOM)
    if not text.strip():
        raise MalformedBody("the body is empty; JSON is required")
    # JSON starts with two ASCII characters, so a NUL or a UTF-16 mark among the first bytes shows
    # another encoding (RFC 4627, section 3).
    if text.startswith(_UTF16_BOMS) or 0 in text[:4]:
        raise MalformedBody("the JSON is encoded in UTF-16 or UTF-32; UTF-8 is required")
    # Shorter texts cannot hold that many; skip the count for them.
    if len(text) > MAX_CONTAINERS and text.count(b"[") + text.count(b"{") > MAX_CONTAINERS:
        raise BodyTooLarge(
            f"more than {MAX_CONTAINERS} lists and objects; send .npy or msgpack arrays"
        )
    return text


def _loads_with_nan(text: bytes) -> object:
    """Parse a text with NaN or Infinity outside of strings."""
    infinite = False

    def replace(match: re.Match[bytes]) -> bytes:
        nonlocal infinite
        token = match.group()
        if token == b"NaN":
            return b"null"
        if token == b"Infinity":
            infinite = True
            return b"0"  # also valid after a minus sign
        return token

    try:
        value: object = orjson.loads(_TOKENS.sub(replace, text))
    except orjson.JSONDecodeError as error:
        raise _error(error) from None
    if infinite:
        raise ImplausibleValues("the JSON holds Infinity; finite numbers or null are allowed")
    return value


def _error(error: orjson.JSONDecodeError) -> MalformedBody | ImplausibleValues:
    """Return the error for a text that orjson rejects, with the position, without content."""
    position = f"line {error.lineno} column {error.colno}"
    if "infinity" in error.msg:
        return ImplausibleValues(
            f"the JSON holds a number beyond the range of a double ({position})"
        )
    if "UTF-8" in error.msg:
        return MalformedBody(f"the JSON is not valid UTF-8 ({position})")
    if "depth" in error.msg:
        return MalformedBody(
            f"the JSON is nested too deeply ({position}); at most 1024 levels are allowed"
        )
    return MalformedBody(f"not valid JSON ({position})")
