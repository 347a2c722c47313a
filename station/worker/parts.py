"""What a worker is made of, besides the database: the watch, the classes of beats, the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from station.watch.step import Watch

ClassifyBeats = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Classes beats, (beats, samples). Returns (beats, 5) probabilities, as BEAT_CLASSES."""


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
    make_watch: Callable[[], Watch]
    classify_beats: ClassifyBeats
    rules: Rules
