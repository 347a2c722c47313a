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
from signals.conditioned import RATE_HZ, Conditioned

# A choice, the usual limit in the reports of long recordings.
PAUSE_S: Final = 2.0
# From here on the sinus node itself is said to pause (ACC/AHA/HRS 2018).
LONG_PAUSE_S: Final = 3.0
# Without a QRS complex for at least this long the heart stands still (PhysioNet/CinC 2015).
ASYSTOLE_S: Final = 4.0
# After a beat, its T wave; before a beat, its own QRS complex.
AFTER_BEAT_S: Final = 0.6
BEFORE_BEAT_S: Final = 0.15
QRS_REACH_S: Final = 0.06  # of the steepest slope of a QRS complex, on either side of its R peak
SLOPE_SAMPLES: Final = 8  # 16 ms: the slope of a QRS complex, not of a P wave
# Steepness relative to the QRS complexes, from which on a deflection may be a beat that was missed.
# In the pauses of CinC 2015's true alarms of asystole the steepest deflection has 0.02 to 0.17 (18
# of 21 pauses), in false alarms 0.03 to 0.44 (half of them above 0.18).
MAY_BE_A_BEAT: Final = 0.2


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
    steepness = _steepness(ready)
    usual = _usual_steepness(steepness, beats_s)
    pauses = []
    for gap in gaps:
        between = 0 < gap < beats_s.size
        pause = Pause(float(edges[gap]), float(edges[gap + 1]), between)
        if _is_recorded(ready, pause) and not _may_hold_a_beat(steepness, usual, pause):
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


def _steepness(ready: Conditioned) -> NDArray[np.float64]:
    """Return (samples,) how steeply all leads move together at each sample."""
    signal = ready.signal[ready.varying]
    steepness = np.zeros(signal.shape[1])
    if signal.shape[0] == 0 or signal.shape[1] <= SLOPE_SAMPLES:
        return steepness
    slope = signal[:, SLOPE_SAMPLES:] - signal[:, :-SLOPE_SAMPLES]
    half = SLOPE_SAMPLES // 2
    steepness[half:-half] = np.sqrt(np.square(slope).sum(axis=0))
    return steepness


def _usual_steepness(steepness: NDArray[np.float64], beats_s: NDArray[np.float64]) -> float:
    """Return the median over beats of the steepest slope of the QRS complex."""
    reach = round(QRS_REACH_S * RATE_HZ)
    peaks = []
    for beat in np.rint(beats_s * RATE_HZ).astype(int).tolist():
        around = steepness[max(0, beat - reach) : beat + reach + 1]
        if around.size:
            peaks.append(float(around.max()))
    return float(np.median(peaks)) if peaks else 0.0


def _is_recorded(ready: Conditioned, pause: Pause) -> bool:
    start, stop = round(pause.from_s * RATE_HZ), round(pause.to_s * RATE_HZ)
    return not ready.missing[start:stop].any()


def _may_hold_a_beat(steepness: NDArray[np.float64], usual: float, pause: Pause) -> bool:
    """Return whether a deflection in the pause is steep enough for a beat that was missed."""
    start_s = pause.from_s + (AFTER_BEAT_S if pause.from_s > 0 else 0.0)
    start, stop = round(start_s * RATE_HZ), round((pause.to_s - BEFORE_BEAT_S) * RATE_HZ)
    within = steepness[start:stop]
    return within.size > 0 and float(within.max()) > MAY_BE_A_BEAT * usual
