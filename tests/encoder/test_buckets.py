"""Rungs hold every batch and waste little."""

from __future__ import annotations

import pytest

from encoder.buckets import batch_buckets, bucket_for


def test_the_ladder_is_short_and_ends_at_the_largest_batch() -> None:
    assert batch_buckets(64) == (2, 4, 8, 16, 24, 32, 48, 64)
    assert batch_buckets(1) == (1,)
    assert batch_buckets(7) == (2, 4, 7)


@pytest.mark.parametrize("max_batch", [1, 2, 3, 20, 64, 100, 256])
def test_every_size_has_a_rung_and_large_ones_waste_less_than_a_third(max_batch: int) -> None:
    buckets = batch_buckets(max_batch)
    for size in range(1, max_batch + 1):
        bucket = bucket_for(size, buckets)
        assert size <= bucket <= max_batch
        assert size <= 16 or (bucket - size) / bucket < 1 / 3
        assert not [lower for lower in buckets if size <= lower < bucket]


def test_a_size_above_the_ladder_has_none() -> None:
    with pytest.raises(ValueError, match="size: found 9, the highest bucket is 8"):
        bucket_for(9, batch_buckets(8))
