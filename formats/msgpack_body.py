"""Parse msgpack bodies: maps, lists, numbers, strings, binary data.

Extension types, timestamps included, are rejected.
"""

from __future__ import annotations

from typing import Final

import msgpack

from errors import MalformedBody

# The longest list is the longest lead: 600 s at 2000 Hz are 1.2 million samples. The unpacker
# allocates the length that a list header declares, at every level of nesting. The limit is
# therefore the smaller of this value and the length of the body.
MAX_LIST: Final = 2_000_000


def loads(body: bytes) -> object:
    """Return the value of a msgpack body. Raises MalformedBody."""
    if not body:
        raise MalformedBody("the body is empty; msgpack is required")
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
            max_array_len=min(length, MAX_LIST),
            max_map_len=min(length, MAX_LIST),
            max_ext_len=0,
        )
    except msgpack.ExtraData:
        raise MalformedBody("bytes follow the msgpack value; one value is allowed") from None
    except msgpack.StackError:
        raise MalformedBody("the msgpack value is nested too deeply") from None
    except (ValueError, TypeError, msgpack.UnpackException):
        raise MalformedBody(
            "not valid msgpack: damaged, truncated, or with an unsupported type"
        ) from None
    return value


def _refuse_extension(code: int, data: bytes) -> object:
    raise ValueError("extension type")
