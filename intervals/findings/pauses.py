"""Pauses: stretches of the recording without a beat, between beats or at either end.

A pause is only named where the signal is there and shows nothing that may be a beat that was
missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.findings.finding import Finding
from intervals.findings.sources import ASYSTOLE, BRADYCARDIA, CHOICE
from intervals.missed_beats import Steepness
from signals.conditioned import RATE_HZ, Conditioned

# A choice, the usual limit in the reports of long recordings.
PAUSE_S: Final = 2.0
# From here on the sinus node itself is said to pause (ACC/AHA/HRS 2018).
LONG_PAUSE_S: Final = 3.0
# Without a QRS complex for at least this long the heart stands still (PhysioNet/CinC 2015).
ASYSTOLE_S: Final = 4.0


@dataclass(frozen=True)
class Pause:
    """A stretch without a beat, in seconds from the recording's start.

    between_beats  whether a beat was recorded at both ends; if not, the pause may be longer
    """

    from_s: float
    to_s: float
    between_beats: bool = True

    @property
    def seconds(self) -> float:
        return self.to_s - self.from_s


def find_pauses(ready: Conditioned, beats_s: NDArray[np.float64]) -> tuple[Pause, ...]:
    """Return the pauses of more than PAUSE_S, in order; none without a beat.

    beats_s  (beats,) times of all beats, noisy ones too
    """
    if beats_s.size == 0:
        return ()
    end_s = ready.signal.shape[1] / RATE_HZ
    edges = np.concatenate([[0.0], beats_s, [end_s]])
    gaps = np.flatnonzero(np.diff(edges) > PAUSE_S).tolist()
    if not gaps:
        return ()
    steepness = Steepness(ready, beats_s)
    pauses = []
    for gap in gaps:
        between = 0 < gap < beats_s.size
        pause = Pause(float(edges[gap]), float(edges[gap + 1]), between)
        if _is_recorded(ready, pause) and not steepness.may_hold_a_beat(pause.from_s, pause.to_s):
            pauses.append(pause)
    return tuple(pauses)


def pause_findings(pauses: tuple[Pause, ...]) -> tuple[Finding, ...]:
    """Return the finding of the longest pause, none without a pause."""
    if not pauses:
        return ()
    longest = max(pauses, key=lambda pause: pause.seconds)
    evidence = {
        "pause_s": round(longest.seconds, 1),
        "from_s": round(longest.from_s, 1),
        "to_s": round(longest.to_s, 1),
        "pauses": float(len(pauses)),
        "beats_at_its_ends": 2.0 if longest.between_beats else 1.0,
    }
    at_least = "" if longest.between_beats else "at least "
    length = f"of {at_least}{longest.seconds:.1f} s"
    if longest.seconds >= ASYSTOLE_S:
        source = f"{ASYSTOLE} (no QRS complex for 4 s)"
        return (Finding("asystole", f"Asystole: pause {length}", "critical", evidence, source),)
    if longest.seconds > LONG_PAUSE_S:
        source = f"{BRADYCARDIA} (above 3 s)"
        return (Finding("pause", f"Pause {length}", "critical", evidence, source),)
    return (Finding("pause", f"Pause {length}", "abnormal", evidence, f"{CHOICE}: above 2 s"),)


def pause_warnings(
    pauses: tuple[Pause, ...], heart_rate_bpm: float | None, beats: int, seconds: float
) -> tuple[str, ...]:
    """Return that the heart rate, the median's, does not show the pauses; none without a pause."""
    if not pauses:
        return ()
    longest = max(pauses, key=lambda pause: pause.seconds)
    where = (
        f"no beat from {longest.from_s:.1f} to {longest.to_s:.1f} s ({longest.seconds:.1f} s), "
        f"{beats} beats in {seconds:.1f} s"
    )
    if heart_rate_bpm is None:
        return (f"heart_rate_bpm: {where}",)
    return (
        f"heart_rate_bpm: {heart_rate_bpm:.0f} per minute is the rate of the median interval and "
        f"does not show the pause: {where}",
    )


def _is_recorded(ready: Conditioned, pause: Pause) -> bool:
    start, stop = round(pause.from_s * RATE_HZ), round(pause.to_s * RATE_HZ)
    return not ready.missing[start:stop].any()
