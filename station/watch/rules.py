"""Which rules of alarm hold, for many streams at once.

The definitions of asystole, extreme bradycardia and tachycardia and ventricular tachycardia are
those of the PhysioNet/Computing in Cardiology Challenge 2015 (Clifford et al. 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from station.watch.beat_log import BeatLog
from station.watch.irregularity import irregular_share
from station.watch.outputs import BEAT_CLASSES, Rule

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RULES: Final = tuple(Rule)
VENTRICULAR: Final = BEAT_CLASSES.index("V")
MINUTE_S: Final = 60.0

ASYSTOLE_S: Final = 4.0
PAUSE_S: Final = 3.0
# The challenge's definitions are 5 beats below 40 /min and 17 beats above 140 /min. Its experts
# called alarms true after fewer beats and up to a tenth from the limit. Of nine pairs of limits
# tried on its 53 bradycardias and 84 tachycardias and on crops of MIT-BIH, these agree best.
BRADYCARDIA_PER_MIN: Final = 43.0
BRADYCARDIA_BEATS: Final = 4
# The definition is of consecutive beats: where one of them is this fast, a long interval is a
# pause. Of four conditions on the intervals this one agrees best with the challenge's experts.
BRADYCARDIA_FASTEST_PER_MIN: Final = 60.0
TACHYCARDIA_PER_MIN: Final = 132.0
TACHYCARDIA_BEATS: Final = 13
RUN_PER_MIN: Final = 100.0
RUN_BEATS: Final = 5
# Of five limits from 0.3 to 0.7, 0.6 and this score best on the challenge's 202 alarms.
RUN_PROBABILITY: Final = 0.7
# A run has ended after this time without a ventricular beat.
RUN_END_S: Final = 2.0
# The rate that is compared with a patient's limits is the mean of this many intervals.
RATE_INTERVALS: Final = 8
# A lead is off when it has given no signal for this time; AAMI EC13 allows a monitor 10 s.
OFF_S: Final = 5.0


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of each stream when its rules are judged.

    final_s       (rows,) the time up to which beats are final, in stream seconds
    newest_s      (rows,) the time up to which beats are known
    known_from_s  (rows,) since when there is a signal without a break; NaN if there is none
    hump_s        (rows,) when the envelope was last as high as a beat's; NaN if never
    fibrillates   (rows,) whether the ventricles fibrillate or flutter
    off_s         (rows, leads) for how long each lead has given no signal
    is_noise      (rows,) whether the signal is noise
    """

    final_s: Array
    newest_s: Array
    known_from_s: Array
    hump_s: Array
    fibrillates: Mask
    off_s: Array
    is_noise: Mask


@dataclass(frozen=True, eq=False)
class Limits:
    """The patient's own limits, (rows,); NaN for none."""

    rate_low_per_min: Array
    rate_high_per_min: Array
    ventricular_beats_per_min: Array


@dataclass(frozen=True, eq=False)
class Judged:
    """Each (rows, RULES).

    holds    whether the rule holds
    since_s  when it began, in stream seconds, where it holds
    value    what was measured, NaN for none
    """

    holds: Mask
    since_s: Array
    value: Array


def judge(log: BeatLog, newest: BeatLog, seen: Seen, limits: Limits) -> Judged:
    """Return which rules hold now.

    log     beats that are final, with their classes
    newest  the same, and the beats since then, which may be revised and have no class
    Rates and silence are judged by the newest beats, classes by the final ones.
    """
    rows = len(seen.final_s)
    judged = Judged(
        np.zeros((rows, len(RULES)), np.bool_),
        np.full((rows, len(RULES)), np.nan),
        np.full((rows, len(RULES)), np.nan),
    )
    readable = ~np.isnan(seen.known_from_s) & ~seen.is_noise
    _judge_silence(judged, newest, seen, readable)
    _judge_rates(judged, newest, limits, readable)
    _judge_runs(judged, log, seen, readable)
    _judge_counts(judged, log, seen, limits, readable)
    _judge_signal(judged, seen)
    return judged


def _set(judged: Judged, rule: Rule, holds: Mask, since_s: Array, value: Array) -> None:
    column = RULES.index(rule)
    judged.holds[:, column] = holds
    judged.since_s[:, column] = np.where(holds, since_s, np.nan)
    judged.value[:, column] = np.where(holds, value, np.nan)


def _judge_silence(judged: Judged, log: BeatLog, seen: Seen, readable: Mask) -> None:
    """Asystole, pauses, and fibrillation, during which no beats are expected."""
    last_s = log.time_s[:, -1]
    quiet_from_s = np.fmax(np.fmax(last_s, seen.hump_s), seen.known_from_s)
    quiet_s = seen.newest_s - quiet_from_s
    # A silence that ended within the last second.
    end_s = np.fmax(last_s, seen.hump_s)
    before_s = np.where(end_s > last_s, last_s, log.time_s[:, -2])
    ended_s = np.where(end_s > seen.newest_s - 1.0, end_s - before_s, 0.0)
    has_ended = ended_s > np.fmax(quiet_s, 0.0)
    quiet_from_s = np.where(has_ended, before_s, quiet_from_s)
    quiet_s = np.where(has_ended, ended_s, quiet_s)
    # An electrode that came off since the last beat explains the silence.
    off_from_s = np.where(seen.off_s > 0, seen.newest_s[:, None] - seen.off_s, -np.inf)
    is_explained = (off_from_s > quiet_from_s[:, None] - 1.0).any(axis=1)
    silent = readable & ~seen.fibrillates & ~is_explained
    _set(judged, Rule.ASYSTOLE, silent & (quiet_s >= ASYSTOLE_S), quiet_from_s, quiet_s)
    follows = has_ended | (last_s == quiet_from_s)
    _set(judged, Rule.PAUSE, silent & (quiet_s >= PAUSE_S) & follows, quiet_from_s, quiet_s)
    since_s, none = seen.final_s, np.full_like(seen.final_s, np.nan)
    _set(judged, Rule.VENTRICULAR_FIBRILLATION, seen.fibrillates, since_s, none)


def _mean_rate_per_min(log: BeatLog, beats: int) -> Array:
    """Return (rows,) the mean rate over the last beats; NaN where the signal was lost between."""
    span_s = log.time_s[:, -1] - log.time_s[:, -beats]
    is_whole = ~np.isnan(log.time_s[:, -beats:]).any(axis=1)
    rate: Array = np.where(is_whole, MINUTE_S * (beats - 1) / np.maximum(span_s, 1e-3), np.nan)
    return rate


def _judge_rates(judged: Judged, log: BeatLog, limits: Limits, readable: Mask) -> None:
    slow = _mean_rate_per_min(log, BRADYCARDIA_BEATS)
    shortest_s = np.diff(log.time_s[:, -BRADYCARDIA_BEATS:], axis=1).min(axis=1)
    is_slow = (slow < BRADYCARDIA_PER_MIN) & (shortest_s > MINUTE_S / BRADYCARDIA_FASTEST_PER_MIN)
    since = log.time_s[:, -BRADYCARDIA_BEATS]
    _set(judged, Rule.EXTREME_BRADYCARDIA, readable & is_slow, since, slow)
    fast = _mean_rate_per_min(log, TACHYCARDIA_BEATS)
    since = log.time_s[:, -TACHYCARDIA_BEATS]
    _set(judged, Rule.EXTREME_TACHYCARDIA, readable & (fast > TACHYCARDIA_PER_MIN), since, fast)
    rate = _mean_rate_per_min(log, RATE_INTERVALS + 1)
    since = log.time_s[:, -RATE_INTERVALS - 1]
    _set(judged, Rule.RATE_LOW, readable & (rate < limits.rate_low_per_min), since, rate)
    _set(judged, Rule.RATE_HIGH, readable & (rate > limits.rate_high_per_min), since, rate)


def _judge_runs(judged: Judged, log: BeatLog, seen: Seen, readable: Mask) -> None:
    """Ventricular tachycardia: RUN_BEATS ventricular beats in a row over RUN_PER_MIN.

    The mean probability of the beats counts: one beat that is hard to class does not end a run.
    """
    rate = _mean_rate_per_min(log, RUN_BEATS)
    mean = log.ectopy[:, -RUN_BEATS:].mean(axis=1)
    goes_on = seen.final_s - log.time_s[:, -1] < RUN_END_S
    runs = readable & goes_on & (mean >= RUN_PROBABILITY) & (rate > RUN_PER_MIN)
    _set(judged, Rule.VENTRICULAR_TACHYCARDIA, runs, log.time_s[:, -RUN_BEATS], rate)


def _judge_counts(judged: Judged, log: BeatLog, seen: Seen, limits: Limits, readable: Mask) -> None:
    """Ventricular beats in the last minute, and atrial fibrillation by the intervals."""
    in_minute = log.time_s > (seen.final_s - MINUTE_S)[:, None]
    count = (in_minute & (log.label == VENTRICULAR)).sum(axis=1).astype(np.float64)
    many = readable & (count > limits.ventricular_beats_per_min)
    _set(judged, Rule.VENTRICULAR_BEATS, many, seen.final_s, count)
    share, is_irregular = irregular_share(log)
    _set(judged, Rule.ATRIAL_FIBRILLATION, readable & is_irregular, seen.final_s, share)


def _judge_signal(judged: Judged, seen: Seen) -> None:
    off = (seen.off_s >= OFF_S).sum(axis=1).astype(np.float64)
    longest_s = seen.off_s.max(axis=1)
    _set(judged, Rule.LEADS_OFF, off > 0, seen.final_s - longest_s, off)
    none = np.full_like(seen.final_s, np.nan)
    _set(judged, Rule.POOR_SIGNAL, seen.is_noise & (off < seen.off_s.shape[1]), seen.final_s, none)
