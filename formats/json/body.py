"""JSON bytes -> Python values, quickly (orjson) and with what clients really send: a BOM, the non-standard token NaN.

Of a key given twice the last one counts, as orjson has it. Nesting is bounded by orjson at 1024 levels.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from errors import BodyTooLarge, ImplausibleValues, MalformedBody

_BOM: Final = b"\xef\xbb\xbf"
# A list or object costs 60 bytes and more in memory and 2 in the body: 64 MB of "[]," would be gigabytes.
MAX_CONTAINERS: Final = 4_000_000
# Strings are matched so that a NaN inside one stays; an unterminated one runs to the end, which keeps the scan linear.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|NaN|Infinity', re.DOTALL)


def loads(body: bytes) -> object:
    """The value of a JSON text in UTF-8. NaN is read as null.

    Raises MalformedBody (with the position, without content), ImplausibleValues (Infinity, 1e999), BodyTooLarge (millions of lists).
    """
    text = checked(body)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _loads_with_nan(text, error)


def checked(body: bytes) -> bytes:
    """The text to parse, without a byte order mark. Raises MalformedBody (empty, another encoding), BodyTooLarge."""
    text = body.removeprefix(_BOM)
    _check_encoding(text)
    if len(text) > MAX_CONTAINERS and text.count(b"[") + text.count(b"{") > MAX_CONTAINERS:
        raise BodyTooLarge(
            f"more than {MAX_CONTAINERS} lists and objects; send .npy or msgpack arrays"
        )
    return text


def _check_encoding(text: bytes) -> None:
    if not text.strip():
        raise MalformedBody("the body is empty; JSON is needed")
    # JSON begins with two ASCII characters: a NUL or a UTF-16 mark among the first bytes is another encoding (RFC 4627, section 3).
    if text[:2] in (b"\xff\xfe", b"\xfe\xff") or 0 in text[:4]:
        raise MalformedBody("the JSON is UTF-16 or UTF-32; UTF-8 is needed")


def _loads_with_nan(text: bytes, error: orjson.JSONDecodeError) -> object:
    infinite = False

    def replace(match: re.Match[bytes]) -> bytes:
        nonlocal infinite
        token = match.group()
        infinite |= token == b"Infinity"
        return token if token.startswith(b'"') else b"0" if token == b"Infinity" else b"null"

    if b"NaN" in text or b"Infinity" in text:
        try:
            value: object = orjson.loads(_TOKENS.sub(replace, text))
        except orjson.JSONDecodeError as second:
            raise _refusal(second) from None
        if infinite:
            raise ImplausibleValues("the JSON holds Infinity; finite numbers or null are needed")
        return value
    raise _refusal(error) from None


def _refusal(error: orjson.JSONDecodeError) -> MalformedBody | ImplausibleValues:
    place = f"line {error.lineno} column {error.colno}"
    if "infinity" in error.msg:
        return ImplausibleValues(f"the JSON holds a number beyond the range of a double ({place})")
    if "UTF-8" in error.msg:
        return MalformedBody(f"the JSON is not valid UTF-8 ({place})")
    if "depth" in error.msg:
        return MalformedBody(
            f"the JSON is nested too deeply ({place}); at most 1024 levels are read"
        )
    return MalformedBody(f"not valid JSON ({place})")
