"""All streams with the same number of leads: their state as arrays, one pass a second."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import (
    APART_SAMPLES,
    BEAT_SHARE,
    FEATURES,
    JUDGED_AFTER,
    Candidates,
    find_candidates,
)
from heads.beats.classes import Classed, classify
from heads.beats.detector import MIN_PROBABILITY, beat_probability, chosen, shipped_detector
from heads.beats.history import History, empty_history
from heads.beats.strips import ENVELOPE_DELAY, SAMPLES, Strips, empty_strips, extend
from heads.fibrillation.model import shipped_model
from heads.fibrillation.rule import RuleState, start, step
from heads.fibrillation.signal_input import WINDOW_SAMPLES
from signals.streams.watch_rate import WATCH_HZ
from station.watch.beat_log import NO_BEAT, BeatLog, NewBeats, empty_log, separated, with_beats
from station.watch.held import Held, Turn, hold, nothing_held
from station.watch.order import EARLIER_S
from station.watch.outputs import BEAT_CLASSES
from station.watch.presence import (
    Presence,
    empty_presence,
    is_noise,
    watch_presence,
    without_constant_runs,
)
from station.watch.rules import RULES, Limits, Seen, judge

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# Beats are final up to this long before the newest sample, and are known a second later.
FINAL_AFTER_S: Final = JUDGED_AFTER / WATCH_HZ + EARLIER_S
NEWEST_AFTER_S: Final = (ENVELOPE_DELAY + APART_SAMPLES) / WATCH_HZ + EARLIER_S
# A hump that is hardly a beat, yet too likely for silence.
MIN_HUMP_PROBABILITY: Final = 0.15
_VENTRICULAR: Final = BEAT_CLASSES.index("V")
_HEIGHT: Final = FEATURES.index("height")


@dataclass(frozen=True, eq=False)
class FleetState:
    """One row a stream.

    seconds   (rows,) how many seconds of the stream have passed
    hump_s    (rows,) when the envelope was last as high as a beat's, by final beats, stream seconds
    """

    seconds: NDArray[np.int64]
    hump_s: Array
    strips: Strips
    history: History
    log: BeatLog
    presence: Presence
    fibrillation: RuleState
    held: Held


@dataclass(frozen=True, eq=False)
class Tick:
    """What a second of some streams gave, by row.

    final_s   (rows,) beats are final up to here, stream seconds
    classed   beats, with their times in stream seconds in `beat_s`
    turns     rules that begin or cease to hold
    """

    final_s: Array
    classed: Classed
    beat_s: Array
    turns: list[Turn]


def empty_fleet(rows: int, leads: int) -> FleetState:
    """Return the state of streams of which nothing is known yet."""
    return FleetState(
        np.zeros(rows, np.int64),
        np.full(rows, np.nan),
        empty_strips(rows, leads),
        empty_history(rows, leads),
        empty_log(rows),
        empty_presence(rows, leads),
        start(rows),
        nothing_held(rows, len(RULES)),
    )


def tick(
    state: FleetState, second: NDArray[np.float32], is_hole: NDArray[np.bool_], limits: Limits
) -> tuple[FleetState, Tick]:
    """Return the state one second later, and what was found.

    second   (rows, leads, WATCH_HZ) mV, NaN for gaps
    is_hole  (rows,) whether no record has any of the second
    """
    signal, second = without_constant_runs(state.strips.signal, second)
    strips = extend(replace(state.strips, signal=signal), second)
    seconds = state.seconds + 1
    passed_s = seconds.astype(np.float64)
    final_s: Array = passed_s - FINAL_AFTER_S
    newest_s: Array = passed_s - NEWEST_AFTER_S
    start_s = passed_s - (SAMPLES / WATCH_HZ + EARLIER_S)
    found = find_candidates(strips)
    time_s = start_s[found.row] + found.at / WATCH_HZ
    probability = beat_probability(shipped_detector(), found.features)
    history, classed = classify(state.history, strips, chosen(found, probability))
    beat_s = start_s[classed.row] + classed.at / WATCH_HZ
    presence = watch_presence(state.presence, strips, final_s, is_hole)
    log = separated(state.log, np.isnan(presence.known_from_s))
    ectopy = classed.probability[:, _VENTRICULAR]
    log = with_beats(log, NewBeats(classed.row, beat_s, classed.label, ectopy))
    newest = _with_newest(log, found, time_s, probability)
    is_hump = found.features[:, _HEIGHT] > BEAT_SHARE
    is_past = is_hump & found.is_final & (probability > MIN_HUMP_PROBABILITY)
    hump_s = _last_s(state.hump_s, found, time_s, is_past)
    fibrillation, fibrillates = _watch_fibrillation(state.fibrillation, strips)
    seen = Seen(
        final_s=final_s,
        newest_s=newest_s,
        known_from_s=presence.known_from_s,
        hump_s=_last_s(hump_s, found, time_s, is_hump & ~found.is_final),
        fibrillates=fibrillates,
        off_s=presence.off_s,
        is_noise=is_noise(strips),
    )
    held, turns = hold(state.held, judge(log, newest, seen, limits))
    later = FleetState(seconds, hump_s, strips, history, log, presence, fibrillation, held)
    return later, Tick(final_s, classed, beat_s, turns)


def _watch_fibrillation(state: RuleState, strips: Strips) -> tuple[RuleState, NDArray[np.bool_]]:
    """Return the state one second later, and (rows,) whether the ventricles fibrillate."""
    rows, leads, _ = strips.signal.shape
    windows = strips.signal[:, :, -WINDOW_SAMPLES:].reshape(rows * leads, WINDOW_SAMPLES)
    probability = shipped_model().probabilities(windows)
    return step(state, probability.reshape(rows, leads))


def _with_newest(log: BeatLog, found: Candidates, time_s: Array, probability: Array) -> BeatLog:
    """Return the log with the beats that are not final yet, as beats without a class."""
    is_new = ~found.is_final & (probability > MIN_PROBABILITY)
    count = int(is_new.sum())
    beats = NewBeats(found.row[is_new], time_s[is_new], np.full(count, NO_BEAT), np.zeros(count))
    return with_beats(log, beats)


def _last_s(before_s: Array, found: Candidates, time_s: Array, counts: NDArray[np.bool_]) -> Array:
    """Return (rows,) the time of the last candidate that counts, else what it was before."""
    last_s = before_s.copy()
    last_s[found.row[counts]] = time_s[counts]  # by time: the last one of a row stays
    return last_s
