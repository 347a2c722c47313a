"""Rungs hold every batch and waste little."""

from __future__ import annotations

import pytest

from encoder.ladder import ladder, rung_for


def test_the_ladder_is_short_and_ends_at_the_largest_batch() -> None:
    assert ladder(64) == (2, 4, 8, 16, 24, 32, 48, 64)
    assert ladder(1) == (1,)
    assert ladder(7) == (2, 4, 7)


@pytest.mark.parametrize("max_batch", [1, 2, 3, 20, 64, 100, 256])
def test_every_size_has_a_rung_and_large_ones_waste_less_than_a_third(max_batch: int) -> None:
    rungs = ladder(max_batch)
    for size in range(1, max_batch + 1):
        rung = rung_for(size, rungs)
        assert size <= rung <= max_batch
        assert size <= 16 or (rung - size) / rung < 1 / 3
        assert not [lower for lower in rungs if size <= lower < rung]


def test_a_size_above_the_ladder_has_none() -> None:
    with pytest.raises(ValueError, match="size: found 9, the highest rung is 8"):
        rung_for(9, ladder(8))
