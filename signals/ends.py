"""A signal beyond its ends."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)  # Python 3.11 has no other way


def held(signal: NDArray[Real], before: int, after: int) -> NDArray[Real]:
    """(leads, samples) with each lead's first and last sample held: numpy's pad with mode="edge", without its search for the mode."""
    samples = signal.shape[1]
    wide = np.empty((len(signal), before + samples + after), signal.dtype)
    wide[:, :before] = signal[:, :1]
    wide[:, before : before + samples] = signal
    wide[:, before + samples :] = signal[:, -1:]
    return wide
