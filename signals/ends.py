"""The ends of a signal: padding beyond them, and the straight line between them."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)  # Python 3.11 has no other way


def pad_edges(signal: NDArray[Real], before: int, after: int) -> NDArray[Real]:
    """Pad each lead with its first sample before and its last sample after it.

    (leads, samples) -> (leads, before + samples + after). The same as `np.pad(mode="edge")`,
    without the time that numpy spends on choosing the mode.
    """
    leads, samples = signal.shape
    padded = np.empty((leads, before + samples + after), signal.dtype)
    padded[:, :before] = signal[:, :1]
    padded[:, before : before + samples] = signal
    padded[:, before + samples :] = signal[:, -1:]
    return padded


# Recordings come in few lengths, so few different lines are needed at a time.
@lru_cache(maxsize=32)
def ramp(samples: int) -> NDArray[np.float32]:
    """Return (samples,) evenly spaced values from 0 to 1. The array is shared and read-only.

    Multiplied by the rise from a lead's first sample to its last, it is the line between them.
    """
    line = np.linspace(0.0, 1.0, samples, dtype=np.float32)
    line.flags.writeable = False
    return line
