"""Rules that hold for a while: a condition begins after it has held, and ends after it has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from station.watch.outputs import Rule
from station.watch.rules import RULES, Judged

Array = NDArray[np.float64]

# Seconds for which a rule must hold before its condition begins, and must not hold before it ends.
# The definitions of the lethal alarms contain their own durations.
BEGINS_AFTER_S: Final = {Rule.ATRIAL_FIBRILLATION: 5, Rule.POOR_SIGNAL: 5}
ENDS_AFTER_S: Final = {
    Rule.ATRIAL_FIBRILLATION: 15,
    Rule.POOR_SIGNAL: 5,
    Rule.EXTREME_BRADYCARDIA: 15,
    Rule.EXTREME_TACHYCARDIA: 15,
    Rule.RATE_HIGH: 5,
    Rule.RATE_LOW: 5,
    Rule.VENTRICULAR_BEATS: 15,
    Rule.VENTRICULAR_FIBRILLATION: 3,
}
_BEGIN: Final = np.array([BEGINS_AFTER_S.get(rule, 1) for rule in RULES])
_END: Final = np.array([ENDS_AFTER_S.get(rule, 1) for rule in RULES])


@dataclass(frozen=True, eq=False)
class Held:
    """Each (rows, RULES).

    is_on      whether the condition has begun
    since_s    when, stream seconds; NaN where it has not
    changed_s  for how many seconds the rule has said the opposite
    """

    is_on: NDArray[np.bool_]
    since_s: Array
    changed_s: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Turn:
    """A condition of a row begins or ends."""

    row: int
    rule: Rule
    begins: bool
    since_s: float
    value: float | None


def nothing_held(rows: int, rules: int) -> Held:
    """Return a state in which no condition has begun."""
    shape = (rows, rules)
    return Held(np.zeros(shape, np.bool_), np.full(shape, np.nan), np.zeros(shape, np.int32))


def hold(held: Held, judged: Judged) -> tuple[Held, list[Turn]]:
    """Return the conditions one second later, and which of them begin or end."""
    differs = judged.holds != held.is_on
    changed_s = np.where(differs, held.changed_s + 1, 0)
    turns = differs & (changed_s >= np.where(held.is_on, _END, _BEGIN))
    is_on = held.is_on ^ turns
    begins = turns & is_on
    since_s = np.where(begins, judged.since_s, held.since_s)
    found = []
    for row, column in zip(*(places.tolist() for places in np.nonzero(turns)), strict=True):
        value = float(judged.value[row, column])
        found.append(
            Turn(
                row,
                RULES[column],
                bool(begins[row, column]),
                float(since_s[row, column]),
                None if np.isnan(value) else value,
            )
        )
    later = Held(
        is_on,
        np.where(is_on, since_s, np.nan),
        np.where(turns, 0, changed_s).astype(np.int32),
    )
    return later, found
