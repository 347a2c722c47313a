"""Medians, as numpy's to the last bit, quantiles and ranks of what is known to be finite.

numpy's look for NaN and for every kind of input first; on the few hundred numbers that a beat or a second has, that is most of
their cost, and a recording needs scores of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[np.floating], axis: int = -1) -> NDArray[Any]:
    """The median along an axis, a scalar array of one dimension; in the type of `values`, which are finite and at least one."""
    count = values.shape[axis]
    upper = count // 2
    found: NDArray[Any]
    if count % 2:
        found = np.partition(values, upper, axis=axis).take(upper, axis=axis)
    else:
        ordered = np.partition(values, (upper - 1, upper), axis=axis)
        found = (ordered.take(upper - 1, axis=axis) + ordered.take(upper, axis=axis)) / 2
    return found


def quantile(values: NDArray[np.float64], share: float) -> float:
    """(n,), finite and at least one -> what `share` of them lie under, linearly between the two next to that place."""
    place = share * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def near_top(values: NDArray[np.floating], rank: int) -> NDArray[Any]:
    """(leads, samples), finite and >= 0 -> (leads,) what stands at a rank (0 is the smallest) that is near the last.

    It is looked for among what is over a tenth of the greatest, where slopes of an ECG have few.
    """
    found = np.empty(len(values), values.dtype)
    from_top = values.shape[1] - rank
    for lead, row in enumerate(values):
        high = row[row > 0.1 * row.max()]
        some = high if high.size >= from_top else row
        found[lead] = np.partition(some, some.size - from_top)[some.size - from_top]
    return found
