"""JSON and msgpack bodies: usual ones are read, others refused without quoting their content."""

from __future__ import annotations

import re

import msgpack
import numpy as np
import pytest

from errors import BodyTooLarge, ImplausibleValues, MalformedBody
from formats import msgpack_body
from formats.json import body as json_body
from formats.limits import MAX_LISTS, MAX_OBJECTS, MAX_STRINGS, MAX_VALUES
from tests.data import SHARED, requires_shared

ENCODING = "the JSON is encoded in UTF-16 or UTF-32; UTF-8 is required"


def test_the_token_nan_is_null_and_one_within_a_string_stays() -> None:
    assert json_body.loads(b'{"signal": [NaN, 1.5, NaN], "id": "NaN \\" NaN"}') == {
        "signal": [None, 1.5, None],
        "id": 'NaN " NaN',
    }


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[Infinity]", "the JSON holds Infinity; finite numbers or null are allowed"),
        (b"[1, -Infinity, NaN]", "the JSON holds Infinity; finite numbers or null are allowed"),
        (
            b'{"fs":\n 1e999}',
            "the JSON holds a number beyond the range of a double (line 2 column 2)",
        ),
        (b"[-1e400]", None),
    ],
)
def test_infinity_is_an_implausible_value(body: bytes, detail: str | None) -> None:
    with pytest.raises(ImplausibleValues) as caught:
        json_body.loads(body)
    assert detail is None or caught.value.detail == detail


def test_infinity_within_a_string_stays() -> None:
    assert json_body.loads(b'["-Infinity", NaN, "a\\"NaN"]') == ["-Infinity", None, 'a"NaN']


def test_a_byte_order_mark_is_fine_and_the_last_of_two_equal_keys_counts() -> None:
    assert json_body.loads(b'\xef\xbb\xbf{"fs": 250, "fs": 500}') == {"fs": 500}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty; JSON is required"),
        (b" \n", "the body is empty; JSON is required"),
        (b"\xef\xbb\xbf", "the body is empty; JSON is required"),
        (b'{"name": "Mustermann', r"not valid JSON \(line 1 column \d+\)"),
        (b'{"name": Mustermann}', r"not valid JSON \(line 1 column 10\)"),
        (b"[NaN,\n Mustermann]", r"not valid JSON \(line 2 column 2\)"),
        (b"NaNs", r"not valid JSON \(line 1 column \d+\)"),
        (b'{"a": "\xff"}', r"the JSON is not valid UTF-8 \(line 1 column \d+\)"),
        ('{"a": 1}'.encode("utf-16"), ENCODING),
        ('{"a": 1}'.encode("utf-16-be"), ENCODING),
        ('{"a": 1}'.encode("utf-16-le"), ENCODING),
        ('{"a": 1}'.encode("utf-32-be"), ENCODING),
        (b'"\xff\xfe"', r"the JSON is not valid UTF-8 \(line 1 column \d+\)"),
        (b"[1, \0]", r"not valid JSON \(line 1 column 5\)"),
        (
            b"[" * 1025 + b"]" * 1025,
            r"the JSON is nested too deeply \(.*\); at most 1024 levels are allowed",
        ),
    ],
)
def test_invalid_json_is_refused_with_its_position_and_without_its_content(
    body: bytes, reason: str
) -> None:
    with pytest.raises(MalformedBody) as caught:
        json_body.loads(body)
    assert re.fullmatch(reason, caught.value.detail)
    assert "Mustermann" not in caught.value.detail
    assert caught.value.__cause__ is None


def test_a_long_unterminated_string_is_refused() -> None:
    # A scan for NaN that is not linear in the length would not end within the tests' time limit.
    with pytest.raises(MalformedBody):
        json_body.loads(b'["' + b'\\"' * 500_000 + b"NaN")


@pytest.mark.parametrize(
    ("unit", "mark", "limit", "what"),
    [
        (b"[],", b"[", MAX_LISTS, "lists"),
        (b"{},", b"{", MAX_OBJECTS, "objects"),
        (b'"",', b'"', 2 * MAX_STRINGS, "quotes"),
        (b"1,", b",", MAX_VALUES, "values"),
    ],
)
def test_what_a_body_creates_is_limited(unit: bytes, mark: bytes, limit: int, what: str) -> None:
    count = (limit - (mark == b"[")) // unit.count(mark)  # one list is around all others
    at_limit = b"[" + unit * count + b"1]"
    assert at_limit.count(mark) == limit
    assert json_body.checked_text(at_limit) == at_limit
    with pytest.raises(BodyTooLarge) as caught:
        json_body.checked_text(b"[" + unit * (count + 1) + b"1]")
    assert caught.value.detail == (
        f"the JSON holds more than {limit} {what}; send .npy or msgpack arrays"
    )


def test_1024_levels_are_read() -> None:
    value = json_body.loads(b"[" * 1024 + b"]" * 1024)
    for _ in range(1023):
        assert isinstance(value, list)
        (value,) = value
    assert value == []


@requires_shared
def test_the_deeply_nested_file_is_refused() -> None:
    with pytest.raises(MalformedBody, match="deeply"):
        json_body.loads((SHARED / "formats" / "invalid" / "json_deep.json").read_bytes())


def test_msgpack_gives_back_what_was_packed() -> None:
    record = {
        "signal": {"dtype": "<f4", "shape": [1, 2], "data": b"\0" * 8},
        "fs": 500.5,
        "id": "ä",
        "lead_names": ["I"],
        "patient": None,
    }
    assert msgpack_body.loads(msgpack.packb(record)) == record


DAMAGED = "not valid msgpack: damaged, truncated, or with an unsupported type"
DEEP = "the msgpack value is nested too deeply"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is empty; msgpack is required"),
        (b"\xc1", DAMAGED),
        (b"\x92\x01", DAMAGED),
        (b"\x01\x01", "bytes follow the msgpack value; one value is allowed"),
        (b"\xa1\xff", DAMAGED),
        (b"\x81\x01\x02", DAMAGED),
        (b"\xd4\x05a", DAMAGED),
        (b"\xd6\xff\0\0\0\0", DAMAGED),
        (b"\xd7\xff" + b"\0" * 8, DAMAGED),
        (b"\xc7\x0c\xff" + b"\0" * 12, DAMAGED),
        (b"\x91" * 5000 + b"\x01", DEEP),
        (b"\xdd\xff\xff\xff\xff" * 100, DAMAGED),
        (b"\xdf\xff\xff\xff\xff" * 100, DAMAGED),
        (b"\xc6\xff\xff\xff\xff", DAMAGED),
    ],
)
def test_msgpack_that_is_damaged_deep_lying_or_extended_is_refused(
    body: bytes, detail: str
) -> None:
    with pytest.raises(MalformedBody) as caught:
        msgpack_body.loads(body)
    assert caught.value.detail == detail


def packed_list(count: int, item: bytes) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + item * count


@pytest.mark.parametrize(
    ("item", "items", "limit"),
    [
        (b"\0", MAX_VALUES, "values"),
        (b"\x90", MAX_LISTS - 1, "lists"),
        (b"\x80", MAX_OBJECTS, "maps"),
        (b"\xa1a", MAX_STRINGS, "strings"),
    ],
)
def test_what_a_msgpack_body_creates_is_limited(item: bytes, items: int, limit: str) -> None:
    value = msgpack_body.loads(packed_list(items, item))
    assert isinstance(value, list) and len(value) == items
    with pytest.raises(BodyTooLarge) as caught:
        msgpack_body.loads(packed_list(items + 1, item))
    assert limit in caught.value.detail


def test_every_msgpack_type_of_every_length_is_counted_as_it_is_parsed() -> None:
    lengths = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536]
    numbers = [0, 127, -1, -32, 200, -100, 40_000, -30_000, 2**31, -(2**31), 2**63, -(2**63), 0.5]
    values = [
        *("x" * length for length in lengths),
        *(b"x" * length for length in lengths),
        *([None, True] * length for length in lengths),
        *({str(key): numbers for key in range(length)} for length in lengths[:8]),
        {"fs": 1.5, "list": numbers},
    ]
    assert msgpack_body.loads(msgpack.packb(values)) == values
    assert msgpack_body.loads(msgpack.packb([1.5], use_single_float=True)) == [1.5]


def test_msgpack_headers_that_declare_long_lists_at_every_level_are_refused() -> None:
    # Each of the 500 levels may declare a million items, because the body has a million bytes. The
    # unpacker allocates 8 MB for each, but touches only what it fills.
    header = b"\xdd" + (1_000_000).to_bytes(4, "big")
    with pytest.raises(MalformedBody):
        msgpack_body.loads(header * 500 + bytes(1_000_000))


@pytest.mark.parametrize("size", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 700_001])
def test_a_byte_is_counted_in_texts_of_any_length(size: int) -> None:
    text = bytes(np.random.default_rng(size).integers(88, 94, size, np.uint8))
    assert json_body.count_mark(text, b"[") == text.count(b"[")
