"""Batch sizes for a device that should see few shapes: a batch is filled up to the next bucket."""

from __future__ import annotations

# Segments of a 10 s recording. torch.compile treats a size of 1 as a shape of its own.
SMALLEST_BUCKET = 2
# Segments; smaller batches do not fill a device, so that padding costs no time.
HALF_STEPS_FROM = 16


def batch_buckets(max_batch: int) -> tuple[int, ...]:
    """Return the buckets in ascending order; the last one is max_batch.

    Sizes double. From HALF_STEPS_FROM on there is one more bucket between two doublings, so that at
    most a third of a batch is padding.
    """
    buckets = {max_batch}
    size = SMALLEST_BUCKET
    while size < max_batch:
        buckets.add(size)
        between = size * 3 // 2
        if size >= HALF_STEPS_FROM and between < max_batch:
            buckets.add(between)
        size *= 2
    return tuple(sorted(buckets))


def bucket_for(size: int, buckets: tuple[int, ...]) -> int:
    """Return the smallest bucket of at least `size`. Raises ValueError if there is none."""
    for bucket in buckets:
        if bucket >= size:
            return bucket
    raise ValueError(f"size: found {size}, the largest bucket is {buckets[-1]}")
