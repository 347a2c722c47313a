"""Join what was found in the pieces of a recording: no beat and no episode twice, none lost.

Two pieces agree on a beat only to some milliseconds. A seam is therefore put into the middle of the
longest interval without a beat of either piece, within seconds after the earlier piece's own time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.holter.rhythm import SLOT_S, Episode, Rhythm
from station.holter.passing import Found
from station.watch.windows import WINDOW_S

Array = NDArray[np.float64]

# The seam lies within these seconds after the end of the earlier piece's own time. The slowest
# rhythm that is watched, and a pause of 4 s, have a beat in them.
SEAM_S: Final = 10.0


def join(found: Sequence[Found], duration_s: float) -> Rhythm:
    """Return the rhythm of the whole recording; `found` is in the order of the pieces."""
    seams = [_seam_s(earlier, later) for earlier, later in pairwise(found)]
    bounds = list(pairwise([0.0, *seams, duration_s]))
    beats = [
        (each.beat_s >= start_s) & (each.beat_s < end_s)
        for each, (start_s, end_s) in zip(found, bounds, strict=True)
    ]

    def of_beats(name: str) -> Array:
        parts = zip(found, beats, strict=True)
        return np.concatenate([getattr(each, name)[is_own] for each, is_own in parts])

    return Rhythm(
        duration_s,
        of_beats("beat_s"),
        of_beats("label").astype(np.int8),
        of_beats("interval_s"),
        _joined_episodes(zip(found, bounds, strict=True)),
        _known(zip(found, bounds, strict=True), duration_s),
    )


def _seam_s(earlier: Found, later: Found) -> float:
    start_s = float(earlier.piece.end_s)
    beats = np.concatenate([earlier.beat_s, later.beat_s])
    near = beats[(beats > start_s) & (beats < start_s + SEAM_S)]
    times = np.concatenate([[start_s], np.sort(near), [start_s + SEAM_S]])
    widest = int(np.diff(times).argmax())
    return float(times[widest] + times[widest + 1]) / 2


def _joined_episodes(
    parts: Iterable[tuple[Found, tuple[float, float]]],
) -> tuple[Episode, ...]:
    """Return the episodes, cut at the seams; one that goes on across a seam is one episode."""
    by_rule: dict[str, list[Episode]] = defaultdict(list)
    for found, (start_s, end_s) in parts:
        for each in sorted(found.episodes, key=lambda episode: episode.start_s):
            begin, end = max(each.start_s, start_s), min(each.end_s, end_s)
            if begin >= end_s or end < start_s or (end <= begin and each.duration_s > 0):
                continue
            rule = by_rule[each.rule]
            if rule and rule[-1].end_s >= begin:
                begin, end = rule[-1].start_s, max(end, rule[-1].end_s)
                del rule[-1]
            rule.append(Episode(each.rule, begin, end))
    joined = [each for rule in by_rule.values() for each in rule]
    return tuple(sorted(joined, key=lambda each: (each.start_s, each.rule)))


def _known(parts: Iterable[tuple[Found, tuple[float, float]]], duration_s: float) -> Array:
    """Return (slots,) the mean of the windows that contain each slot.

    A window without any signal is none of the watch's; a slot that no whole window contains, at the
    end, is like the one before it.
    """
    slots = max(1, math.ceil(duration_s / SLOT_S))
    per_window = WINDOW_S // SLOT_S
    known, windows = np.zeros(slots), np.zeros(slots)
    whole = max(int(duration_s // SLOT_S) - per_window + 1, 0)
    for slot in range(per_window):
        windows[slot : whole + slot] += 1
    for found, (start_s, end_s) in parts:
        end = found.window_s + WINDOW_S
        is_own = (end > start_s) & (end <= end_s) & (found.window_s >= 0)
        first = np.rint(found.window_s[is_own] / SLOT_S).astype(np.intp)
        for slot in range(per_window):
            np.add.at(known, first + slot, found.known[is_own])
    share = known / np.maximum(windows, 1)
    covered = whole + per_window - 1 if whole else 0
    share[covered:] = share[covered - 1] if covered else 1.0
    return np.minimum(share, 1.0)
