"""Medians, means and order statistics of finite values, faster than numpy's own functions.

The means and medians are equal to numpy's to the last bit. numpy first checks for NaN and for every
kind of input. For the few hundred values of a beat or of a second, that is most of the cost, and a
recording needs these functions many times.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Up to this number of arrays, comparing whole arrays with each other is faster than sorting the few
# values at each place.
_MAX_COMPARED: Final = 16


def median(values: NDArray[np.floating], axis: int = -1) -> NDArray[Any]:
    """Return the median along an axis, in the type of `values`.

    values  finite, at least one along the axis
    For values of one dimension, the result is a scalar.
    """
    count = values.shape[axis]
    upper = count // 2
    ordered = np.array(values)
    middle: NDArray[Any]
    if count % 2:
        ordered.partition(upper, axis=axis)
        middle = ordered.take(upper, axis=axis)
    else:
        lower = upper - 1
        ordered.partition((lower, upper), axis=axis)
        middle = (ordered.take(lower, axis=axis) + ordered.take(upper, axis=axis)) / 2
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
    ordered = np.partition(values, (below, above))
    step = ordered[above] - ordered[below]
    return float(ordered[below] + step * (place - below))


def order_statistic(values: NDArray[np.floating], rank: int) -> NDArray[Any]:
    """Return (leads,) the value of each lead that has `rank` when sorted; 0 is the smallest.

    values  (leads, samples), finite
    """
    # A neighbouring rank is requested too, which takes another path through numpy. For one rank
    # alone, numpy uses instructions that some processors execute slowly (the compressed stores of
    # AVX-512 on Zen 4 take three times as long).
    neighbour = rank - 1 if rank else min(1, values.shape[1] - 1)
    at_rank: NDArray[Any] = np.partition(values, (neighbour, rank), axis=1)[:, rank]
    return at_rank


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
