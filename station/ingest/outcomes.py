"""What became of each frame of a post. Every outcome is final: no frame needs to be sent again."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The first three are stored as records, the fourth is stored already, the others are not.

    QUEUED is Kafka's: the worker of its partition decides which of the others it is.
    """

    STORED = "stored"
    LATE = "late"
    RATE_CHANGED = "rate_changed"
    DOUBLED = "doubled"
    CONFLICTING = "conflicting"
    CORRUPT = "corrupt"
    UNSUPPORTED_VERSION = "unsupported_version"
    INVALID = "invalid"
    BAD_SAMPLES = "bad_samples"
    BAD_CLOCK = "bad_clock"
    UNKNOWN_SOURCE = "unknown_source"
    FOREIGN_SOURCE = "foreign_source"
    UNKNOWN_PATIENT = "unknown_patient"
    QUEUED = "queued"


# No frame has this outcome: numbers that a source skipped, noted as a dead letter.
MISSING: Final = "missing"
# Acknowledged without a dead letter.
KEPT: Final = frozenset(
    {Outcome.STORED, Outcome.LATE, Outcome.RATE_CHANGED, Outcome.DOUBLED, Outcome.QUEUED}
)


@dataclass(frozen=True)
class Rejection:
    """A frame that is not stored.

    index   of the frame in its post
    detail  field, value found, values allowed; never a patient's name or a sample
    source  as the frame says, "" where that cannot be read
    seq     as the frame says, None where that cannot be read
    frame   what was sent
    """

    index: int
    outcome: Outcome
    detail: str
    _: KW_ONLY
    source: str = ""
    seq: int | None = None
    frame: bytes
