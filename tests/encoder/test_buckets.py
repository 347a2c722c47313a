"""Batch sizes are filled up to a few buckets, so that little of a batch is padding."""

from __future__ import annotations

import pytest

from encoder.buckets import batch_buckets, bucket_for


def test_sizes_double_and_from_16_on_have_one_more_between() -> None:
    assert batch_buckets(64) == (2, 4, 8, 16, 24, 32, 48, 64)


@pytest.mark.parametrize(
    "max_batch, buckets",
    [
        (1, (1,)),
        (2, (2,)),
        (3, (2, 3)),
        (7, (2, 4, 7)),
        (16, (2, 4, 8, 16)),
        (24, (2, 4, 8, 16, 24)),
        (25, (2, 4, 8, 16, 24, 25)),
        (33, (2, 4, 8, 16, 24, 32, 33)),
    ],
)
def test_the_largest_batch_is_the_last_bucket(max_batch: int, buckets: tuple[int, ...]) -> None:
    assert batch_buckets(max_batch) == buckets


@pytest.mark.parametrize("max_batch", [1, 2, 5, 16, 24, 25, 63, 64, 256])
def test_every_size_gets_the_smallest_bucket_that_holds_it(max_batch: int) -> None:
    buckets = batch_buckets(max_batch)
    for size in range(1, max_batch + 1):
        bucket = bucket_for(size, buckets)
        assert bucket == min(larger for larger in buckets if larger >= size)
        if size > 16:
            assert 3 * (bucket - size) < bucket  # less than a third is padding


def test_a_size_above_the_largest_bucket_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^size: found 9, the largest bucket is 8$"):
        bucket_for(9, batch_buckets(8))
