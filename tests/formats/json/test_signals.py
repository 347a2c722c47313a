"""simdjson returns samples as arrays, with the values, names and errors of the plain parser."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import EcgError
from formats.json import body as json_body
from formats.json import signals as json_signals

NUMBERS = b'{"signal": [[1, -2.5, 3e-3], [0.1, 7, -0.0]], "fs": 500, "lead_names": ["I", "II"]}'


def plain(value: Any) -> Any:
    """With lists in place of arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_samples_are_arrays_at_the_top_by_lead_and_in_records() -> None:
    rows = np.array([[1, -2.5, 3e-3], [0.1, 7, -0.0]])
    found: Any = json_signals.loads(NUMBERS)
    np.testing.assert_array_equal(found["signal"], rows)
    assert found["fs"] == 500 and found["lead_names"] == ["I", "II"]
    found = json_signals.loads(b'{"signal": {"I": [1, 2], "II": [3, 4.5]}, "fs": 500}')
    np.testing.assert_array_equal(found["signal"]["II"], [3, 4.5])
    found = json_signals.loads(b'{"records": [%s, {"signal": [1, 2], "fs": 1}]}' % NUMBERS)
    np.testing.assert_array_equal(found["records"][0]["signal"], rows)
    np.testing.assert_array_equal(found["records"][1]["signal"], [1, 2])


@pytest.mark.parametrize(
    "body",
    [
        b'{"signal": [[1, 2, null], [1, 2, 3]], "fs": 500}',
        b'{"signal": [[1, 2, NaN], [1, 2, 3]]}',
        b'{"signal": [[1, 2], [3]]}',
        b'{"signal": [[1, [2]], [3, 4]]}',
        b'{"signal": [[1, [2], 3], [4, 5, 6]]}',
        b'{"signal": [1, [2]]}',
        b'{"signal": [[[1, 2]], [[3, 4]]]}',
        b'{"signal": [[true, 2], [3, 4]]}',
        b'{"signal": [["1", 2], [3, 4]]}',
        b'{"signal": []}',
        b'{"signal": [[]]}',
        b'{"signal": [{"a": 1}]}',
        b'{"signal": {"I": [[1]], "II": [2]}}',
        b'{"signal": {"I": [1, 2], "II": 3}}',
        b'{"signal": {"dtype": "<f4", "shape": [1, 2], "data": "AAAA"}}',
        b'{"signal": [123456789012345678901234567890, 1]}',
        b'{"signal": [1], "signal": [2, 3], "fs": 1, "fs": 2}',
        b'{"signal": {"V1": [1, 2], "V1\\u0000": [3, 4]}, "fs": 1}',
        b'{"signal\\u0000": [1], "signal": [2, 3], "a\\u0000b": 1}',
        b'{"id": "a [ in a text", "signal": [1, 2], "patient": {"age": [1, {"b": []}]}}',
        b'{"records": [1, [2], {"signal": [3]}, null]}',
        b'{"records": {"signal": [1]}}',
        b"[1, 2]",
        b"3",
        b'{"signal": [9007199254740992, -9007199254740992]}',
        b'\xef\xbb\xbf{"signal": [1]}',
    ],
)
def test_every_body_has_the_value_that_the_plain_parser_returns(body: bytes) -> None:
    expected = json_body.loads(body)
    # Equal values; an integer may have become a float.
    assert plain(json_signals.loads(body)) == expected
    assert repr(plain(json_signals.loads(body))).replace(".0", "") == repr(expected).replace(
        ".0", ""
    )


def test_a_body_larger_than_the_kept_parser_is_read() -> None:
    samples = [[row + column / 8 for column in range(60_000)] for row in range(12)]
    body = json.dumps({"signal": samples, "fs": 500}).encode()
    assert len(body) > json_signals.KEPT_BYTES
    found: Any = json_signals.loads(body)
    np.testing.assert_array_equal(found["signal"], samples)


def test_a_signal_that_is_kept_does_not_change_with_the_next_body() -> None:
    first: Any = json_signals.loads(NUMBERS)
    second: Any = json_signals.loads(NUMBERS.replace(b"-2.5", b"9.5"))
    assert first["signal"][0, 1] == -2.5
    assert second["signal"][0, 1] == 9.5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"signal": [1,]}',
        b'{"signal": [1e999]}',
        b"[" * 2000,
        b'{"a": "\xff"}',
        b'{"signal": [1]} 2',
        b"\xff\xfe{",
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(body: bytes) -> None:
    with pytest.raises(EcgError) as expected:
        json_body.loads(body)
    with pytest.raises(type(expected.value)) as found:
        json_signals.loads(body)
    assert str(found.value) == str(expected.value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["signal", "records", "I", "I\0", "fs"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@settings(
    suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300
)  # a busy machine draws slowly
@given(st.dictionaries(st.sampled_from(["signal", "records", "fs", "id"]), VALUES, max_size=3))
def test_any_body_reads_alike(body: dict[str, object]) -> None:
    text = json.dumps(body).encode()
    assert plain(json_signals.loads(text)) == plain(json_body.loads(text))
