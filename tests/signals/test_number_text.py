"""Numbers in messages never look equal to the limit that they break."""

from __future__ import annotations

import math

import pytest

from signals.number_text import number_text


@pytest.mark.parametrize(
    ("value", "limits", "text"),
    [
        (500.0, (50, 2000), "500"),
        (49.999999, (50, 2000), "49.999999"),
        (2000.0000001, (50, 2000), "2000.0000001"),
        (600.002, (600,), "600.002"),
        (1.99998, (2.0,), "1.99998"),
        (1 / 3, (2.0,), "0.333333"),
        (1234568, (1234567,), "1234568"),
        (1e9, (10,), "1000000000"),
        (1e20, (10,), "1e+20"),
        (math.nextafter(2.0, 0.0), (2.0,), "1.9999999999999998"),
        (-math.inf, (0, 1), "-inf"),
        (math.nan, (0, 1), "nan"),
        (2.0, (2.0,), "2"),
        (0.1234567, (), "0.123457"),
    ],
)
def test_a_number_is_short_but_on_its_side_of_the_limits(
    value: float, limits: tuple[float, ...], text: str
) -> None:
    assert number_text(value, *limits) == text
