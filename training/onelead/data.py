"""The examples of the one-lead model: the recordings of the PhysioNet/CinC Challenge 2017."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.one_lead.features import lead_features
from heads.one_lead.signal_input import lead_input
from signals.r_peaks import find_r_peaks
from training.datasets.packed import loader_of

FS_HZ: Final = 300.0
# The challenge's letters, in the order of the model's classes.
CLASSES: Final = ("N", "A", "O", "~")


@dataclass(frozen=True, eq=False)
class Examples:
    """The recordings as the model reads them.

    features  (recordings, numbers)
    truth     (recordings,) index into CLASSES
    """

    features: NDArray[np.float32]
    truth: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.truth)


def read_examples(folder: Path, limit: int | None = None) -> Examples:
    """Read the packed data set; at most `limit` recordings. A lead without a signal is left out.

    Raises FileNotFoundError if it is not in the folder.
    """
    features = []
    truth: list[int] = []
    for row, signal in loader_of(folder).records():
        if len(truth) == limit:
            break
        ready = lead_input(signal[0], FS_HZ)
        if ready is None:
            continue
        features.append(lead_features(ready, find_r_peaks(signal, FS_HZ)))
        truth.append(CLASSES.index(row["label"]))
    return Examples(np.array(features), np.array(truth, np.intp))
