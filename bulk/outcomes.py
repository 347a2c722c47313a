"""The outcomes of one recording in a bulk job: it is prepared, then embedded, or it fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.prepare import Prepared


@dataclass(frozen=True)
class PreparedRecording:
    """A recording that was read and cut into segments, ready for the encoder.

    name  its path below the folder, or its path in the table that lists the recordings
    """

    name: str
    prepared: Prepared


@dataclass(frozen=True)
class EmbeddedRecording:
    """One row of the table of embeddings. The fields' names are the columns' names.

    record_id  the recording's name
    embedding  (width,), or the shape that `FeatureOptions` requests
    segments   number of segments that the encoder read
    warnings   sentences about what was replaced, left out or contradictory
    """

    record_id: str
    embedding: NDArray[np.float32]
    segments: int
    warnings: list[str]


@dataclass(frozen=True)
class FailedRecording:
    """A recording without an embedding.

    code    stable code of the error, as in docs/errors.md, or "unusable_file"
    detail  the error's message
    """

    name: str
    code: str
    detail: str
