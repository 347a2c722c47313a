"""JSON and msgpack bodies: what clients really send is read, the rest refused without an echo."""

from __future__ import annotations

import time
from typing import Any

import msgpack
import pytest

from errors import BodyTooLarge, EcgError, ImplausibleValues, MalformedBody
from formats import msgpack_body
from formats.json import body as json_body
from tests.data import SHARED, requires_shared


def test_the_token_nan_is_null_and_one_within_a_text_stays() -> None:
    assert json_body.loads(b'{"signal": [NaN, 1.5, NaN], "id": "NaN \\" NaN"}') == {
        "signal": [None, 1.5, None],
        "id": 'NaN " NaN',
    }


@pytest.mark.parametrize(
    "body", [b"[Infinity]", b"[1, -Infinity, NaN]", b'{"fs": 1e999}', b"[-1e400]"]
)
def test_infinity_is_an_implausible_value(body: bytes) -> None:
    with pytest.raises(ImplausibleValues):
        json_body.loads(body)


def test_a_byte_order_mark_is_fine_and_the_last_of_two_equal_keys_counts() -> None:
    assert json_body.loads(b'\xef\xbb\xbf{"fs": 250, "fs": 500}') == {"fs": 500}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"name": "Mustermann', "line 1 column"),
        (b'{"name": Mustermann}', "line 1 column 10"),
        (b"[NaN, Mustermann]", "line 1 column"),
        (b"NaNs", "not valid JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        ('{"a": 1}'.encode("utf-16-le"), "UTF-16"),
        ('{"a": 1}'.encode("utf-32-be"), "UTF-16"),
        (b"[" * 20_000, "deeply"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place_and_without_its_content(
    body: bytes, reason: str
) -> None:
    with pytest.raises(MalformedBody, match=reason) as caught:
        json_body.loads(body)
    assert "Mustermann" not in caught.value.detail
    assert caught.value.__cause__ is None


def test_hostile_json_costs_little() -> None:
    began = time.perf_counter()
    with pytest.raises(MalformedBody):
        json_body.loads(b'["' + b'\\"' * 500_000 + b"NaN")
    with pytest.raises(BodyTooLarge, match="lists"):
        json_body.loads(b"[" + b"[]," * 4_000_001)
    assert time.perf_counter() - began < 2


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


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x92\x01",
        b"\x01\x01",
        b"\xa1\xff",
        b"\x81\x01\x02",
        b"\xd4\x05a",
        b"\xd6\xff\0\0\0\0",
        b"\xd7\xff" + b"\0" * 8,
        b"\xc7\x0c\xff" + b"\0" * 12,
        b"\x91" * 5000 + b"\x01",
        b"\xdd\xff\xff\xff\xff" * 100,
        b"\xdf\xff\xff\xff\xff" * 100,
        b"\xc6\xff\xff\xff\xff",
    ],
)
def test_msgpack_that_is_damaged_deep_lying_or_extended_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        msgpack_body.loads(body)


def test_msgpack_heads_that_claim_long_lists_at_every_level_cost_little() -> None:
    body: Any = (b"\xdd" + (1_000_000).to_bytes(4, "big")) * 500 + b"\0" * 1_000_000
    began = time.perf_counter()
    with pytest.raises(EcgError):
        msgpack_body.loads(body)
    assert time.perf_counter() - began < 2
