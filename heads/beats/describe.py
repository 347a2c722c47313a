"""Describe the beats of a second by numbers, and let them become part of their streams' history."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from heads.beats.detector import Detected
from heads.beats.history import (
    CONTEXT,
    CONTEXT_NUMBERS,
    INTERVALS,
    NEVER,
    SHAPE_SAMPLES,
    History,
)
from heads.beats.numbers import (
    MIN_SIZE_MV,
    QRS,
    SHAPE_NUMBERS,
    TIME_NUMBERS,
    lower_median,
    shape_numbers,
    time_numbers,
)
from heads.beats.rhythm import RHYTHM_NUMBERS, rhythm_numbers
from heads.beats.shapes import BEST_LEADS, CUT_SAMPLES, SHIFT_SAMPLES, Cuts, cut_out
from heads.beats.strips import SAMPLES, Strips
from signals.streams.watch_rate import WATCH_HZ

# Cosine from which on two QRS complexes are alike.
ALIKE: Final = 0.9
# Cosine to the usual shape below which a beat has another.
OTHER: Final = 0.75
# A group's mean shape follows its last beats.
MEAN_OF_BEATS: Final = 16
# What is left of a group's count with each beat of the stream: it counts the last 150 or so.
COUNT_DECAY: Final = 1 - 1 / 150
LONG_BEATS: Final = 60
# A group of beats that come early, after this share of the usual interval, counts less.
EARLINESS: Final = (0.4, 1.1)
MANY_BEATS: Final = 50
# A longer interval is a pause or a gap of the detector, and says nothing about the usual one.
LONGEST_INTERVAL_S: Final = 4.0
GROUP_NUMBERS: Final = (
    "own_resemblance",
    "usual_resemblance",
    "own_share",
    "usual_share",
    "own_earliness",
    "usual_earliness",
    "own_is_usual",
    "own_is_last",
    "own_is_second_last",
    "last_is_usual",
    "beats",
    "probability",
)
JOINED: Final = ("mean", "least", "most")
NUMBERS: Final = (
    *(f"{name} {join}" for join in JOINED for name in SHAPE_NUMBERS),
    *TIME_NUMBERS,
    *GROUP_NUMBERS,
    *RHYTHM_NUMBERS,
    *(f"{name} {ago}" for ago in range(1, CONTEXT + 1) for name in CONTEXT_NUMBERS),
)

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Described:
    """Numbers about beats, by row and time.

    row       (beats,)
    r_peak    (beats,) sample of the strip
    before_s  (beats,) interval before, between the middles of the QRS complexes; NaN unknown
    numbers   (beats, NUMBERS) float32
    """

    row: Indices
    r_peak: Indices
    before_s: Array
    numbers: NDArray[np.float32]


def describe(history: History, strips: Strips, detected: Detected) -> tuple[History, Described]:
    """Return the history one second later, and the numbers of the second's beats.

    strips    just extended by a second
    detected  what `detect` found in them
    """
    later = _a_second_later(history)
    cuts = cut_out(strips, detected.row, detected.at)
    row, count = detected.row, detected.row.size
    before_s = np.full(count, np.nan)
    numbers = np.zeros((count, len(NUMBERS)), np.float32)
    for turn in _turns(row):
        at = detected.at[turn]
        before_s[turn] = _intervals_s(later.last_at, strips, row[turn], at)
        since_usual_s = _intervals_s(later.usual_at, strips, row[turn], at)
        numbers[turn] = _advance(later, detected, cuts, turn, before_s[turn], since_usual_s)
        later.last_at[row[turn]] = detected.at[turn]
    return later, Described(row, cuts.r_peak, before_s, numbers)


def _a_second_later(history: History) -> History:
    later = History(*(getattr(history, each.name).copy() for each in fields(history)))
    for at in (later.last_at, later.usual_at):
        moved = at - WATCH_HZ
        at[:] = np.where(moved < -SAMPLES, NEVER, moved)
    return later


def _turns(row: Indices) -> list[Indices]:
    """Return the places of each row's first beat, of each row's second beat, and so on."""
    first = np.flatnonzero(np.diff(row, prepend=-1))
    rank = np.arange(row.size) - np.repeat(first, np.diff(first, append=row.size))
    return [np.flatnonzero(rank == each) for each in range(int(rank.max(initial=-1)) + 1)]


def _intervals_s(last: Indices, strips: Strips, row: Indices, at: Indices) -> Array:
    """Return (beats,) the interval from a row's last beat; NaN after a gap of all leads."""
    last_at = last[row]
    is_gap = np.isnan(strips.signal[row]).all(axis=1)
    gaps = np.cumsum(is_gap, axis=1)
    beats = np.arange(row.size)
    in_between: Indices = gaps[beats, at] - gaps[beats, np.maximum(last_at, 0)]
    is_known = (last_at >= 0) & (in_between == 0)
    return np.where(is_known, (at - last_at) / WATCH_HZ, np.nan)


def _advance(
    history: History,
    detected: Detected,
    cuts: Cuts,
    turn: Indices,
    before_s: Array,
    since_usual_s: Array,
) -> Array:
    """Return (beats, NUMBERS) of beats of different rows, and put the beats into the history."""
    row = detected.row[turn]
    signal, leads = cuts.signal[turn], cuts.leads[turn]
    beats = np.arange(row.size)
    alike, shifts = _resemblances(history, row, signal, leads)
    own = np.where(alike.max(axis=1) >= ALIKE, alike.argmax(axis=1), -1)
    is_new = own < 0
    own = np.where(is_new, history.counts[row].argmin(axis=1), own)
    _begin_groups(history, row[is_new], own[is_new], signal[is_new])
    alike[beats[is_new], own[is_new]] = 1.0
    shifts[beats[is_new], own[is_new]] = SHIFT_SAMPLES

    usual = _usual_group(history, row)
    shape = _shifted(signal, shifts[beats, usual])
    by_lead = shape_numbers(
        shape[beats[:, None], leads].astype(np.float64),
        history.shapes[row, usual][beats[:, None], leads].astype(np.float64),
    )
    joined = np.concatenate(
        [by_lead.mean(axis=1), by_lead.min(axis=1), by_lead.max(axis=1)], axis=1
    )
    times, rhythm = _timing(history, row, before_s, since_usual_s, detected.until_next_s[turn])
    context = history.context[row].reshape(row.size, -1)
    last = history.last_group[row]
    total = np.maximum(history.counts[row].sum(axis=1), 1.0)
    groups = (
        alike[beats, own],
        alike[beats, usual],
        history.counts[row, own] / total,
        history.counts[row, usual] / total,
        history.earliness[row, own],
        history.earliness[row, usual],
        own == usual,
        own == last[:, 0],
        own == last[:, 1],
        usual == last[:, 0],
        np.minimum(total, MANY_BEATS),
        detected.probability[turn],
    )
    _join_group(history, row, own, _shifted(signal, shifts[beats, own]))
    _add_interval(history, row, own, (own == usual) & (usual == last[:, 0]), before_s)
    history.usual_at[row[own == usual]] = detected.at[turn][own == usual]
    width_change_ms = by_lead[:, :, SHAPE_NUMBERS.index("width_change_ms")].mean(axis=1)
    _note_context(history, row, (alike[beats, usual], width_change_ms, rhythm[:, 0]))
    return np.concatenate([joined, times, np.stack(groups, axis=1), rhythm, context], axis=1)


def _timing(
    history: History, row: Indices, before_s: Array, since_usual_s: Array, until_next_s: Array
) -> tuple[Array, Array]:
    """Return (beats, TIME_NUMBERS) and (beats, RHYTHM_NUMBERS)."""
    # Whatever comes after an interpolated beat is not early.
    is_first = history.last_group[row, 0] < 0
    after_other = ~is_first & (history.context[row, 0, 0] < OTHER)
    early_s = np.where(after_other, since_usual_s, before_s)
    intervals, usual = history.intervals[row], history.usual[row]
    times = time_numbers(
        before_s, early_s, until_next_s, intervals, usual[:, :INTERVALS], history.long_s[row]
    )
    return times, rhythm_numbers(early_s, since_usual_s, until_next_s, intervals, usual)


def _note_context(history: History, row: Indices, numbers: tuple[Array, ...]) -> None:
    """Note the CONTEXT_NUMBERS of the newest beats."""
    newest = np.stack(numbers, axis=1)[:, None]
    history.context[row] = np.concatenate([newest, history.context[row, :-1]], axis=1)


def _resemblances(
    history: History, row: Indices, signal: NDArray[np.float32], leads: Indices
) -> tuple[Array, Indices]:
    """Return (beats, GROUPS) cosines to each group, -1 to empty ones, and the shifts with them."""
    beats = np.arange(row.size)[:, None]
    around = signal[beats, leads][:, :, QRS.start : QRS.stop + 2 * SHIFT_SAMPLES]
    length = QRS.stop - QRS.start
    windows = sliding_window_view(around.astype(np.float64), length, axis=2)
    groups = history.shapes[row].transpose(0, 2, 1, 3)[beats, leads][..., QRS].astype(np.float64)
    # Each lead counts by its size in the group, so that a large lead does not hide the other.
    product = np.zeros((row.size, groups.shape[2], windows.shape[2]))
    size = np.zeros_like(product)
    for lead in range(BEST_LEADS):
        group, window = groups[:, lead], np.ascontiguousarray(windows[:, lead])
        scale = np.maximum((group * group).sum(axis=2), MIN_SIZE_MV**2)[:, :, None]
        product += (group[:, :, None] * window[:, None]).sum(axis=3) / scale
        size += (window * window).sum(axis=2)[:, None] / scale
    cosine = product / np.sqrt(np.maximum(size, 1e-12) * BEST_LEADS)
    shifts = cosine.argmax(axis=2)
    alike = np.take_along_axis(cosine, shifts[:, :, None], axis=2)[:, :, 0]
    return np.where(history.counts[row] > 0, alike, -1.0), shifts


def _shifted(signal: NDArray[np.float32], shift: Indices) -> NDArray[np.float32]:
    """Return (beats, leads, SHAPE_SAMPLES) from each beat's own shift on."""
    places = shift[:, None] + np.arange(SHAPE_SAMPLES)
    assert CUT_SAMPLES == SHAPE_SAMPLES + 2 * SHIFT_SAMPLES
    return np.take_along_axis(signal, places[:, None], axis=2)


def _begin_groups(
    history: History, row: Indices, group: Indices, signal: NDArray[np.float32]
) -> None:
    history.shapes[row, group] = signal[:, :, SHIFT_SAMPLES : SHIFT_SAMPLES + SHAPE_SAMPLES]
    history.counts[row, group] = 0
    history.earliness[row, group] = 1
    was_this = history.last_group[row] == group[:, None]
    history.last_group[row] = np.where(was_this, -1, history.last_group[row])


def _usual_group(history: History, row: Indices) -> Indices:
    """Return (beats,) the largest group of each row; early beats count less."""
    earliness = np.clip(history.earliness[row], *EARLINESS)
    usual: Indices = (history.counts[row] * earliness**2).argmax(axis=1)
    return usual


def _join_group(history: History, row: Indices, group: Indices, shape: NDArray[np.float32]) -> None:
    beats = np.minimum(history.counts[row, group], MEAN_OF_BEATS - 1) + 1
    mean = history.shapes[row, group]
    share = (1 / beats).astype(np.float32)
    history.shapes[row, group] = mean + share[:, None, None] * (shape - mean)
    history.counts[row] *= COUNT_DECAY
    history.counts[row, group] += 1


def _add_interval(
    history: History, row: Indices, group: Indices, is_usual: NDArray[np.bool_], before_s: Array
) -> None:
    """Note the interval before each beat; one that is unknown or long is noted nowhere."""
    is_known = before_s < LONGEST_INTERVAL_S
    middle_s = lower_median(history.intervals[row])
    relative = np.where(is_known & np.isfinite(middle_s), before_s / middle_s, 1.0)
    beats = np.minimum(history.counts[row, group], MEAN_OF_BEATS)
    earliness = history.earliness[row, group]
    history.earliness[row, group] = earliness + (np.minimum(relative, 2.0) - earliness) / beats
    long_s = np.where(np.isnan(history.long_s[row]), before_s, history.long_s[row])
    long_s = long_s + (before_s - long_s) / LONG_BEATS
    history.long_s[row] = np.where(is_known, long_s, history.long_s[row])
    for ring, is_noted in ((history.intervals, is_known), (history.usual, is_known & is_usual)):
        noted = row[is_noted]
        ring[noted] = np.concatenate([before_s[is_noted, None], ring[noted, :-1]], axis=1)
    history.last_group[row] = np.stack([group, history.last_group[row, 0]], axis=1)
