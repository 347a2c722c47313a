"""Parse msgpack bodies: maps, lists, numbers, strings, binary data.

Extension types, timestamps included, are rejected. What the body will create is counted before it
is parsed: a map of one byte takes 64 bytes of memory.

Source: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import re
from typing import Final

import msgpack

from errors import BodyTooLarge, MalformedBody
from formats.limits import MAX_LISTS, MAX_OBJECTS, MAX_STRINGS, MAX_VALUES

# Numbers, booleans and nil, which no limit counts, and the first byte of the value after them.
_NEXT: Final = re.compile(
    rb"(?:[\x00-\x7f\xe0-\xff\xc0\xc2\xc3]++|[\xcc\xd0].|[\xcd\xd1].{2}"
    rb"|[\xca\xce\xd2].{4}|[\xcb\xcf\xd3].{8})*+.",
    re.DOTALL,
)
_LIST, _MAP, _STRING, _BINARY = range(4)
# First byte -> kind of value, its length, and how many bytes of a length follow instead.
_HEADS: Final[dict[int, tuple[int, int, int]]] = {
    **{0x80 + length: (_MAP, length, 0) for length in range(16)},
    **{0x90 + length: (_LIST, length, 0) for length in range(16)},
    **{0xA0 + length: (_STRING, length, 0) for length in range(32)},
    0xC4: (_BINARY, 0, 1), 0xC5: (_BINARY, 0, 2), 0xC6: (_BINARY, 0, 4),
    0xD9: (_STRING, 0, 1), 0xDA: (_STRING, 0, 2), 0xDB: (_STRING, 0, 4),
    0xDC: (_LIST, 0, 2), 0xDD: (_LIST, 0, 4), 0xDE: (_MAP, 0, 2), 0xDF: (_MAP, 0, 4),
}  # fmt: skip


def loads(body: bytes) -> object:
    """Return the value of a msgpack body. Raises MalformedBody, BodyTooLarge."""
    if not body:
        raise MalformedBody("the body is empty; msgpack is required")
    _check_counts(body)
    length = len(body)
    try:
        value: object = msgpack.unpackb(
            body,
            raw=False,
            strict_map_key=True,
            ext_hook=_refuse_extension,
            timestamp=0,
            max_str_len=length,
            max_bin_len=length,
            max_array_len=length,
            max_map_len=length,
            max_ext_len=0,
        )
    except msgpack.ExtraData:
        raise MalformedBody("bytes follow the msgpack value; one value is allowed") from None
    except msgpack.StackError:
        raise MalformedBody("the msgpack value is nested too deeply") from None
    except (ValueError, TypeError, msgpack.UnpackException):
        raise _not_valid() from None
    return value


def _check_counts(body: bytes) -> None:
    """Count what a body creates, up to its first invalid byte, where the parser stops as well.

    The parser allocates what a list or map claims to hold, at every level of nesting, before it
    reads the first element. Each element takes a byte, so all claims together fit in the body.
    Raises MalformedBody, BodyTooLarge.
    """
    # One loop without calls, as a body may hold a million strings.
    at = claimed = values = lists = maps = strings = 0
    room = len(body)
    while match := _NEXT.match(body, at):
        at = match.end()
        head = _HEADS.get(body[at - 1])
        if head is None:
            return
        kind, length, size = head
        if size:
            length = int.from_bytes(body[at : at + size], "big")
            at += size
        if kind == _LIST:
            lists += 1
            values += length
            claimed += length
        elif kind == _MAP:
            maps += 1
            claimed += 2 * length
        else:
            strings += kind == _STRING
            at += length
        if claimed > room:
            raise _not_valid()
        if values > MAX_VALUES or lists > MAX_LISTS or maps > MAX_OBJECTS or strings > MAX_STRINGS:
            raise BodyTooLarge(
                f"the msgpack value holds more than {MAX_VALUES} values in lists, {MAX_LISTS} "
                f"lists, {MAX_OBJECTS} maps or {MAX_STRINGS} strings; send binary arrays"
            )


def _not_valid() -> MalformedBody:
    return MalformedBody("not valid msgpack: damaged, truncated, or with an unsupported type")


def _refuse_extension(code: int, data: bytes) -> object:
    raise ValueError("extension type")
