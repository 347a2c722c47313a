"""The logistic function, the inverse of the log odds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sigmoid(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-logits)), elementwise in float64, in the shape of `logits`.

    exp(-|x|) is at most 1, so no logit overflows.
    """
    x = np.asarray(logits, np.float64)
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, e) / (1.0 + e))
