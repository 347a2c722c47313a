"""What a worker is made of, besides the database: the watch, the classes of beats, the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from station.watch.step import Watch


class ClassifyBeats(Protocol):
    """Classes beats. Returns (beats, 5) probabilities, in the order of BEAT_CLASSES."""

    def __call__(
        self,
        samples: NDArray[np.float32],
        interval_before_s: NDArray[np.float64],
        usual_interval_s: NDArray[np.float64],
    ) -> NDArray[np.float64]: ...


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Times by the station's clock, and limits that are the same for all patients.

    no_data_ms         without records, until the alarm
    stream_end_ms      without records, until a stream has ended
    escalate_after_ms  a firing alarm, until it goes to the next receiver
    receivers          number of receivers
    ventricular_beats_per_min   limit of ventricular beats; None for none
    """

    no_data_ms: int
    stream_end_ms: int
    escalate_after_ms: int
    receivers: int
    ventricular_beats_per_min: float | None


@dataclass(frozen=True)
class Parts:
    """classify_beats: None where records of single beats are left without a class."""

    make_watch: Callable[[], Watch]
    classify_beats: ClassifyBeats | None
    rules: Rules
