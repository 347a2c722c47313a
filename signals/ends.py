"""A signal's ends: held beyond them, and the way from one to the other."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)  # Python 3.11 has no other way


def pad_edges(signal: NDArray[Real], before: int, after: int) -> NDArray[Real]:
    """(leads, samples) with each lead's first and last sample held: numpy's pad with mode="edge", without its search for the mode."""
    samples = signal.shape[1]
    wide = np.empty((len(signal), before + samples + after), signal.dtype)
    wide[:, :before] = signal[:, :1]
    wide[:, before : before + samples] = signal
    wide[:, before + samples :] = signal[:, -1:]
    return wide


@lru_cache(maxsize=32)  # recordings come in few lengths
def ramp(samples: int) -> NDArray[np.float32]:
    """(samples,) evenly from 0 to 1, not to be written to: times the rise from a lead's first sample to its last, the line between."""
    found = np.linspace(0.0, 1.0, samples, dtype=np.float32)
    found.flags.writeable = False
    return found
