"""Recordings to train on or to judge by: embeddings, labels and patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Examples:
    """One row for each recording.

    x         (records, width) embeddings
    truth     (records, labels) of 0, 1 and NaN for unknown
    patients  (records,) ids
    """

    x: NDArray[np.float64]
    truth: NDArray[np.float64]
    patients: NDArray[np.str_]

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Examples:
        """Return the examples at these rows, given by index or by mask."""
        return Examples(self.x[rows], self.truth[rows], self.patients[rows])
