"""The parts of the patients that are held out in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def folds_of(patients: int, folds: int, seed: int) -> NDArray[np.intp]:
    """Return (patients,) the fold of each."""
    fold = np.empty(patients, np.intp)
    fold[np.random.default_rng(seed).permutation(patients)] = np.arange(patients) % folds
    return fold
