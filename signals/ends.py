"""A signal beyond its ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def held(signal: NDArray[np.float64], before: int, after: int) -> NDArray[np.float64]:
    """(leads, samples) with each lead's first and last sample held: numpy's pad with mode="edge", without its search for the mode."""
    samples = signal.shape[1]
    wide = np.empty((len(signal), before + samples + after))
    wide[:, :before] = signal[:, :1]
    wide[:, before : before + samples] = signal
    wide[:, before + samples :] = signal[:, -1:]
    return wide
