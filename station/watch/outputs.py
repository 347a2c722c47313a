"""What watching a stream gives: beats, windows, gaps, and conditions that begin and end.

Times are milliseconds since 1970 by the device's clock. A replay of the same records gives the same
outputs, so a store may keep the first of two with the same key: (stream, start_ms) of windows and
gaps, (stream, at_ms) of beats, (stream, rule, since_ms, begins) of conditions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

BEAT_CLASSES = ("N", "S", "V", "F", "Q")
"""ANSI/AAMI EC57: normal, supraventricular, ventricular, fusion, unknown or paced."""


class Rule(StrEnum):
    """What an alarm is about."""

    ASYSTOLE = "asystole"
    VENTRICULAR_FIBRILLATION = "ventricular_fibrillation"
    VENTRICULAR_TACHYCARDIA = "ventricular_tachycardia"
    EXTREME_BRADYCARDIA = "extreme_bradycardia"
    EXTREME_TACHYCARDIA = "extreme_tachycardia"
    PAUSE = "pause"
    RATE_HIGH = "rate_high"
    RATE_LOW = "rate_low"
    VENTRICULAR_BEATS = "ventricular_beats"
    ATRIAL_FIBRILLATION = "atrial_fibrillation"
    LEADS_OFF = "leads_off"
    POOR_SIGNAL = "poor_signal"


@dataclass(frozen=True, slots=True)
class BeatFound:
    """A beat of a stream.

    at_ms        time of its R peak
    label        one of BEAT_CLASSES
    probability  of the label
    interval_ms  since the beat before; None after a gap
    """

    stream: int
    at_ms: int
    label: str
    probability: float
    interval_ms: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """Ten seconds of a stream; one begins every five seconds.

    known         share of the window with a signal that can be read, 0 to 1
    rate_per_min  from the median interval; None with fewer than three beats in a row
    beats         count of each of BEAT_CLASSES
    irregular     whether the intervals are those of atrial fibrillation; None where not judged
    """

    stream: int
    start_ms: int
    end_ms: int
    known: float
    rate_per_min: float | None
    beats: tuple[int, int, int, int, int]
    irregular: bool | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without samples, of which at least 2 s of later ones have arrived."""

    stream: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule of alarm begins or ceases to hold.

    since_ms  when it began: of both the beginning and the end
    at_ms     when this was found
    value     what was measured, in the rule's unit: beats a minute, seconds, a probability; or None
    """

    stream: int
    rule: Rule
    begins: bool
    since_ms: int
    at_ms: int
    value: float | None


@dataclass(slots=True)
class Outputs:
    """What a step found, each list in the order of time within a stream.

    late  records whose time had been watched already; they are stored, but not watched
    """

    beats: list[BeatFound] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    late: int = 0
