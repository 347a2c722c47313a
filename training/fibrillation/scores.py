"""What the rule does with probabilities: episodes found, false alarms; the choice of the threshold.

An alarm is an onset of the rule's firing. It is false unless it comes from BEFORE_S before an
episode's start to AFTER_S after its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.fibrillation import rule
from training.estimate import Estimate
from training.fibrillation.examples import AFTER_S, BEFORE_S
from training.fibrillation.recordings import ALARMS, DEVICES, VF_ALARM, Recording

FOUND_WITHIN_S: Final = 10.0
# A true alarm's event is in the last 10 s before it (Clifford et al., Computing in Cardiology
# 2015); the rule ends QUIET_S later.
LAST_S: Final = 16
# The threshold is the lowest one with at most so many false alarms an hour.
FALSE_AN_HOUR: Final = 0.75
THRESHOLDS: Final = np.round(np.arange(0.2, 0.99, 0.01), 2)
RESAMPLES: Final = 1000
INTERVAL: Final = (0.025, 0.975)
DIGITS: Final = 2
MISSED_COSTS: Final = 5  # false alarms, in the challenge's score

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """What the rule did in one recording.

    hours     outside of episodes
    delays_s  of each episode: from its start to the first second of firing; inf if there is none
    alarms_s  false alarms
    at_end    whether it fired in the last LAST_S
    """

    recording: Recording
    hours: float
    delays_s: tuple[float, ...]
    alarms_s: tuple[int, ...]
    at_end: bool

    @property
    def found(self) -> int:
        """How many episodes were found in time."""
        return sum(delay <= FOUND_WITHIN_S for delay in self.delays_s)


def firing(hits: Sequence[Flags]) -> list[Flags]:
    """Return (seconds,) of each recording: whether the rule fires.

    hits  (seconds,) of each recording: whether the probability is at or above the threshold
    """
    longest = max(each.size for each in hits)
    padded = np.zeros((len(hits), longest), np.bool_)
    for row, each in zip(padded, hits, strict=True):
        row[: each.size] = each
    state = rule.start(len(hits))
    fires = np.zeros_like(padded)
    for second in range(longest):
        state, fires[:, second] = rule.advance(state, padded[:, second])
    return [row[: each.size] for row, each in zip(fires, hits, strict=True)]


def outcomes(
    recordings: Sequence[Recording], probabilities: Sequence[Array], thresholds: Sequence[float]
) -> list[Outcome]:
    """Return what the rule does in each recording.

    probabilities  (seconds,) of each recording's patient, NaN where unknown
    thresholds     of each recording
    """
    hits = [each >= limit for each, limit in zip(probabilities, thresholds, strict=True)]
    return [_outcome(*pair) for pair in zip(recordings, firing(hits), strict=True)]


def _outcome(recording: Recording, fires: Flags) -> Outcome:
    seconds = np.arange(1, fires.size + 1)
    onsets = seconds[fires & ~np.concatenate([[False], fires[:-1]])]
    delays = []
    is_false = np.ones(onsets.size, np.bool_)
    outside_s = float(fires.size)
    for start, stop in recording.episodes:
        inside = seconds[fires & (seconds >= start) & (seconds <= stop + FOUND_WITHIN_S)]
        delays.append(float(inside[0] - start) if inside.size else np.inf)
        is_false &= (onsets < start - BEFORE_S) | (onsets > stop + AFTER_S)
        outside_s -= stop - start
    return Outcome(
        recording=recording,
        hours=outside_s / 3600,
        delays_s=tuple(delays),
        alarms_s=tuple(onsets[is_false].tolist()),
        at_end=bool(fires[-LAST_S:].any()),
    )


def is_monitored(recording: Recording) -> bool:
    """Return whether a recording is long, and its episodes are marked."""
    return recording.has_marks and recording.source not in (ALARMS, DEVICES)


def monitored(found: Sequence[Outcome]) -> list[Outcome]:
    return [each for each in found if is_monitored(each.recording)]


def false_an_hour(found: Sequence[Outcome]) -> float:
    long = monitored(found)
    hours = sum(each.hours for each in long)
    return sum(len(each.alarms_s) for each in long) / hours if hours else float("nan")


def share_found(found: Sequence[Outcome]) -> float:
    episodes = sum(len(each.delays_s) for each in found)
    return sum(each.found for each in found) / episodes if episodes else float("nan")


def alarm_counts(found: Sequence[Outcome]) -> tuple[int, int, int, int]:
    """Return the Challenge 2015's TP, FP, FN and TN of the alarms of ventricular fibrillation."""
    alarms = [each for each in found if each.recording.alarm == VF_ALARM]
    true = [each.at_end for each in alarms if each.recording.is_true]
    false = [each.at_end for each in alarms if not each.recording.is_true]
    return sum(true), sum(false), len(true) - sum(true), len(false) - sum(false)


def challenge_score(found: Sequence[Outcome]) -> float:
    hit, false, missed, rejected = alarm_counts(found)
    total = hit + rejected + false + MISSED_COSTS * missed
    return (hit + rejected) / total if total else float("nan")


def best_threshold(recordings: Sequence[Recording], probabilities: Sequence[Array]) -> float:
    """Return the lowest of THRESHOLDS with at most FALSE_AN_HOUR; the highest if there is none."""
    tried = THRESHOLDS.tolist()
    copies = [(recording, threshold) for threshold in tried for recording in recordings]
    limits = [threshold for _, threshold in copies]
    # All thresholds in one call: the rule takes a step for each second, whatever the patients.
    found = outcomes([each for each, _ in copies], list(probabilities) * len(tried), limits)
    for number, threshold in enumerate(tried):
        part = found[number * len(recordings) : (number + 1) * len(recordings)]
        if false_an_hour(part) <= FALSE_AN_HOUR:
            return float(threshold)
    return float(tried[-1])


def estimate(
    figure: Callable[[Sequence[Outcome]], float], found: Sequence[Outcome], seed: int = 0
) -> Estimate:
    """Return a figure with its interval; recordings are resampled within their source."""
    rng = np.random.default_rng(seed)
    sources = {each.recording.source for each in found}
    groups = [[each for each in found if each.recording.source == name] for name in sorted(sources)]
    resampled = []
    for _ in range(RESAMPLES):
        drawn = [
            group[row] for group in groups for row in rng.integers(len(group), size=len(group))
        ]
        resampled.append(figure(drawn))
    low, high = np.nanquantile(resampled, INTERVAL)
    return Estimate(figure(found), float(low), float(high), DIGITS, DIGITS)
