"""Which batch sizes a device that likes few shapes is given: a size is filled up to the next bucket."""

from __future__ import annotations

FIRST_BUCKET = (
    2  # segments: a 10 s recording; torch.compile takes a size of 1 for a shape of its own
)
HALF_STEPS_FROM = 16  # segments; below, a device is not filled and what is added costs nothing


def batch_buckets(max_batch: int) -> tuple[int, ...]:
    """Rungs up to max_batch, which is the last one: doubling, from 16 on with one between, so that at most a third is filling."""
    buckets = {max_batch}
    size = FIRST_BUCKET
    while size < max_batch:
        buckets.add(size)
        if size >= HALF_STEPS_FROM and size * 3 // 2 < max_batch:
            buckets.add(size * 3 // 2)
        size *= 2
    return tuple(sorted(buckets))


def bucket_for(size: int, buckets: tuple[int, ...]) -> int:
    """The lowest bucket that holds size. Raises ValueError where none does."""
    for bucket in buckets:
        if bucket >= size:
            return bucket
    raise ValueError(f"size: found {size}, the highest bucket is {buckets[-1]}")
