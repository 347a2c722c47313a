"""Medians, means and orders, as numpy's to the last bit, quantiles and ranks of what is known to be finite.

numpy's look for NaN and for every kind of input first; on the few hundred numbers that a beat or a second has, that is most of
their cost, and a recording needs scores of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_FEW: Final = 16  # up to so many arrays are quicker compared with each other than each place's few values are sorted


def median(values: NDArray[np.floating], axis: int = -1) -> NDArray[Any]:
    """The median along an axis, a scalar array of one dimension; in the type of `values`, which are finite and at least one."""
    count = values.shape[axis]
    upper = count // 2
    ordered = np.array(values)
    found: NDArray[Any]
    if count % 2:
        ordered.partition(upper, axis=axis)
        found = ordered.take(upper, axis=axis)
    else:
        ordered.partition((upper - 1, upper), axis=axis)
        found = (ordered.take(upper - 1, axis=axis) + ordered.take(upper, axis=axis)) / 2
    return found


def mean(values: NDArray[np.floating], axis: int = -1) -> NDArray[Any]:
    """The mean along an axis, a scalar of one dimension; in the type of `values`, which are at least one."""
    found: NDArray[Any] = np.add.reduce(values, axis=axis) / values.shape[axis]
    return found


def quantile(values: NDArray[np.float64], share: float) -> float:
    """(n,), finite and at least one -> what `share` of them lie under, linearly between the two next to that place."""
    place = share * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def order_statistic(values: NDArray[np.floating], rank: int) -> NDArray[Any]:
    """(leads, samples), finite -> (leads,) what stands at a rank (0 is the smallest) of each.

    A neighbour is asked for as well, which is another way through numpy: for one place alone it takes instructions that some
    processors are slow at (AVX-512's compressed stores on Zen 4: three times as long).
    """
    beside = rank - 1 if rank else min(1, values.shape[1] - 1)
    found: NDArray[Any] = np.partition(values, (beside, rank), axis=1)[:, rank]
    return found


def sort_elementwise(values: NDArray[np.floating]) -> list[NDArray[Any]]:
    """(count, ...) -> as many arrays (...): at each place the smallest value, the next one, ..., the greatest."""
    if len(values) > _FEW:
        return list(np.sort(values, axis=0))
    found = list(values.copy())
    for low, high in _exchanges(len(found)):
        lower = np.minimum(found[low], found[high])
        np.maximum(found[low], found[high], out=found[high])
        found[low] = lower
    return found


@cache
def _exchanges(count: int) -> list[tuple[int, int]]:
    """What to compare, one after the other, to put any `count` numbers in order: merge exchange (Batcher 1968; TAOCP 3, 5.2.2 M)."""
    found = []
    top = 1 << max(0, (count - 1).bit_length() - 1)
    part = top if count > 1 else 0
    while part:
        start, reach, distance = 0, top, part
        while True:
            found += [
                (low, low + distance) for low in range(count - distance) if low & part == start
            ]
            if reach == part:
                break
            start, distance, reach = part, reach - part, reach // 2
        part //= 2
    return found
