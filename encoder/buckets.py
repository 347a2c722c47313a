"""Batch sizes (buckets), in segments, of a device that should see few shapes.

A batch is filled up to the next bucket.
"""

from __future__ import annotations

# In segments; a 10 s recording has two. torch.compile treats a size of 1 as a shape of its own.
SMALLEST_BUCKET = 2
# In segments; above this bucket there are intermediate ones. Smaller batches do not use a whole
# device, so their padding costs no time.
INTERMEDIATE_FROM = 16


def batch_buckets(max_batch: int) -> tuple[int, ...]:
    """Return the buckets in ascending order; the last one is max_batch, in segments.

    Each bucket is twice the one before. From INTERMEDIATE_FROM on there is one more halfway between
    two such buckets, so that less than a third of a batch is padding; of a smaller batch, at most
    half.
    """
    buckets = {max_batch}
    size = SMALLEST_BUCKET
    while size < max_batch:
        buckets.add(size)
        halfway = size * 3 // 2
        if size >= INTERMEDIATE_FROM and halfway < max_batch:
            buckets.add(halfway)
        size *= 2
    return tuple(sorted(buckets))


def bucket_for(size: int, buckets: tuple[int, ...]) -> int:
    """Return the smallest bucket that holds `size` segments.

    buckets  in ascending order

    Raises ValueError if all buckets are smaller.
    """
    for bucket in buckets:
        if bucket >= size:
            return bucket
    raise ValueError(f"size: found {size}, the largest bucket is {buckets[-1]}")
