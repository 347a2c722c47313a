"""What happens to one recording on its way into the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.prepare import Prepared


@dataclass(frozen=True)
class PreparedRecording:
    """A recording that was read and cut into segments; the encoder comes next."""

    name: str
    prepared: Prepared


@dataclass(frozen=True)
class EmbeddedRecording:
    """A row of the table. The field names are the column names.

    record_id  the recording's name
    embedding  (width,), or the shape that the feature options ask for
    segments   how many segments the encoder read
    """

    record_id: str
    embedding: NDArray[np.float32]
    segments: int
    warnings: list[str]


@dataclass(frozen=True)
class FailedRecording:
    """A recording without an embedding, with the code and the message of its error."""

    name: str
    code: str
    detail: str
