"""Medians, means and order statistics of finite values, faster than numpy's own functions.

The means and medians are equal to numpy's to the last bit. numpy first checks for NaN and for every
kind of input. For the few hundred values of a beat or of a second, that is most of the cost, and a
recording needs these functions many times.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from timeit import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Up to this number of arrays, comparing whole arrays with each other is faster than sorting the few
# values at each place.
_MAX_COMPARED: Final = 16
# Up to this number of values, numpy sorts faster than it selects: by a network in registers.
_MAX_SORTED: Final = 512


def median(values: NDArray[np.floating], axis: int = -1) -> NDArray[Any]:
    """Return the median along an axis, in the type of `values`.

    values  finite, at least one along the axis
    For values of one dimension, the result is a scalar.
    """
    count = values.shape[axis]
    upper = count // 2
    lower = (count - 1) // 2
    ordered = np.array(values)
    if count <= _MAX_SORTED:
        ordered.sort(axis=axis)
    else:
        ordered.partition((lower, upper) if lower < upper else upper, axis=axis)
    middle: NDArray[Any] = ordered.take(upper, axis=axis)
    if lower < upper:
        middle = (ordered.take(lower, axis=axis) + middle) / 2
    return middle


def mean(values: NDArray[np.floating], axis: int = -1) -> NDArray[Any]:
    """Return the mean along an axis, in the type of `values`.

    values  at least one along the axis
    For values of one dimension, the result is a scalar.
    """
    average: NDArray[Any] = np.add.reduce(values, axis=axis) / values.shape[axis]
    return average


def quantile(values: NDArray[np.float64], share: float) -> float:
    """Return the value that `share` of the values (n,) lie below, linearly interpolated.

    values  finite, at least one
    share   0..1
    """
    place = share * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    (low,), (high,) = order_statistics(values[np.newaxis], (below, above))
    return float(low + (high - low) * (place - below))


def order_statistic(values: NDArray[np.floating], rank: int) -> NDArray[Any]:
    """Return (leads,) the value of each lead that has `rank` when sorted; 0 is the smallest.

    values  (leads, samples), finite
    """
    if _vectors_are_fast():
        return np.asarray(np.partition(values, rank, axis=1)[:, rank])
    # A neighbouring rank is requested too, which takes the path without vectors through numpy.
    neighbour = rank - 1 if rank else min(1, values.shape[1] - 1)
    at_rank: NDArray[Any] = np.partition(values, (neighbour, rank), axis=1)[:, rank]
    return at_rank


def order_statistics(values: NDArray[np.floating], ranks: Sequence[int]) -> list[NDArray[Any]]:
    """Return (leads,) for each rank the value of each lead that has it when sorted.

    values  (leads, samples), finite
    """
    select = np.sort if _vectors_are_fast() else partial(np.partition, kth=ranks)
    ordered = select(values, axis=1)
    return [ordered[:, rank] for rank in ranks]


@cache
def _vectors_are_fast() -> bool:
    """Return whether numpy's vectorised sorting is faster on this processor than plain selection.

    It needs AVX-512's compressed stores, which Zen 5 executes four times as fast as the plain way,
    and Zen 4 three times as slowly. The values are the same. Measured once in a process, in 1 ms.
    """
    values = np.random.default_rng(0).random((4, 2048), np.float32)
    seconds = [
        min(repeat(partial(select, values, axis=1), number=1, repeat=5))
        for select in (np.sort, partial(np.partition, kth=(1023, 1024)))
    ]
    return seconds[0] < seconds[1]


def sort_elementwise(values: NDArray[np.floating]) -> list[NDArray[Any]]:
    """Sort the values at each place of several arrays.

    values  (count, ...), finite
    Returns `count` arrays (...): the smallest value at each place, the next, ..., the largest.
    """
    if len(values) > _MAX_COMPARED:
        return list(np.sort(values, axis=0))
    arrays = list(values.copy())
    for low, high in _exchanges(len(arrays)):
        smaller = np.minimum(arrays[low], arrays[high])
        np.maximum(arrays[low], arrays[high], out=arrays[high])
        arrays[low] = smaller
    return arrays


@cache
def _exchanges(count: int) -> list[tuple[int, int]]:
    """Return the pairs to compare and exchange, in order, to sort any `count` values.

    Merge exchange (Batcher 1968; Knuth, TAOCP 3, 5.2.2, algorithm M, whose p, q, r and d are here
    `part`, `reach`, `start` and `distance`).
    """
    pairs = []
    top = 1 << max(0, (count - 1).bit_length() - 1)
    part = top if count > 1 else 0
    while part:
        start = 0
        reach = top
        distance = part
        while True:
            for low in range(count - distance):
                if low & part == start:
                    pairs.append((low, low + distance))
            if reach == part:
                break
            start = part
            distance = reach - part
            reach //= 2
        part //= 2
    return pairs
