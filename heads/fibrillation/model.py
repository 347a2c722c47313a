"""The probability that a window of one lead shows ventricular fibrillation or flutter.

Trained by `python -m training.fibrillation`; its card is docs/models/fibrillation.md. The trees are
a file of plain arrays. `fibrillation.json` describes them and holds the SHA-256 that the file is
checked against.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import ModelStoreError
from heads.fibrillation.features import features
from heads.fibrillation.signal_input import Rows, filtered, whole_windows
from heads.trees import Forest

TREES: Final = Path(__file__).with_name("fibrillation.npz")
DESCRIPTION: Final = Path(__file__).with_name("fibrillation.json")
# Rows that are computed together: their intermediate arrays fit into the second-level cache.
BLOCK_ROWS: Final = 64
VERSION_SHA256_DIGITS: Final = 12  # hexadecimal, in the version

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Description:
    """What training wrote beside the trees.

    slope, offset  the log odds are slope x score + offset
    threshold      of a patient's probability, for `rule`
    """

    name: str
    sha256: str
    licence: str
    card: str
    slope: float
    offset: float
    threshold: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def version(self) -> str:
        """Name and start of the trees' SHA-256."""
        return f"{self.name}@{self.sha256[:VERSION_SHA256_DIGITS]}"


@dataclass(frozen=True, eq=False)
class FibrillationModel:
    """Boosted trees and their calibration.

    start  the score before the first tree
    """

    forest: Forest
    start: float
    description: Description

    def probabilities(self, windows: Rows) -> Array:
        """Return (rows,) the probability of fibrillation or flutter; NaN where none can be told.

        windows  (rows, WINDOW_SAMPLES) mV at WATCH_HZ of single leads, NaN for gaps
        A lead that is flat, off or mostly unknown cannot be judged (`whole_windows`). A row's
        result does not depend on the other rows, to the last bit.
        """
        result = np.full(len(windows), np.nan)
        for first in range(0, len(windows), BLOCK_ROWS):
            chosen, rows = whole_windows(windows[first : first + BLOCK_ROWS])
            if rows.size:
                scores = self.scores(features(filtered(chosen)))
                log_odds = self.description.slope * scores + self.description.offset
                result[first + rows] = 1.0 / (1.0 + np.exp(-log_odds))
        return result

    def scores(self, numbers: Rows) -> Array:
        """Return (rows,) of the numbers (rows, numbers) that `features` gives."""
        values = self.forest.values(numbers).astype(np.float64)
        scores: Array = self.start + values.sum(axis=1)
        return scores


def load(trees: Path, description: Path) -> FibrillationModel:
    """Return the model of two files.

    Raises ModelStoreError if the trees are not those that the description names.
    """
    described = Description(**json.loads(description.read_text(encoding="utf-8")))
    sha256 = hashlib.sha256(trees.read_bytes()).hexdigest()
    if sha256 != described.sha256:
        raise ModelStoreError(
            f"{trees}: sha256 {sha256}; {described.name} names {described.sha256}"
        )
    with np.load(trees, allow_pickle=False) as file:
        arrays = dict(file)
    return FibrillationModel(Forest.from_arrays(arrays), float(arrays["start"]), described)


@cache
def shipped_description() -> Description:
    """Return the description of the model that ships with the server."""
    return Description(**json.loads(DESCRIPTION.read_text(encoding="utf-8")))


@cache
def shipped_model() -> FibrillationModel:
    """Return the model that ships with the server."""
    return load(TREES, DESCRIPTION)
