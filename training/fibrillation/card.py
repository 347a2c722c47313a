"""The card of the fibrillation model, docs/models/fibrillation.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from heads.fibrillation import rule
from heads.fibrillation.features import NUMBERS
from heads.fibrillation.model import Description
from heads.fibrillation.signal_input import (
    CONSTANT_S,
    FLAT_MV,
    HIGH_PASS_HZ,
    LOW_PASS_HZ,
    MIN_KNOWN,
    WATCH_HZ,
    WINDOW_S,
)
from training.fibrillation.examples import AFTER_S, BEFORE_S
from training.fibrillation.recordings import ALARMS, CUDB, DS1, SVDB, UNMARKED, VF_ALARM
from training.fibrillation.scores import (
    FALSE_AN_HOUR,
    FOUND_WITHIN_S,
    LAST_S,
    MISSED_COSTS,
    RESAMPLES,
    Outcome,
    alarm_counts,
    challenge_score,
    estimate,
    false_an_hour,
    monitored,
    share_found,
)

CARD: Final = "docs/models/fibrillation.md"  # path in the repository
CARD_FILE: Final = Path(__file__).parents[2] / CARD
DEVICE_LABELS: Final = {
    "N": "normal rhythm",
    "A": "atrial fibrillation",
    "O": "other rhythm",
    "~": "too noisy",
}


@dataclass(frozen=True)
class Made:
    """How the model was made.

    fitted_to     windows, of them `fibrillating` with fibrillation
    cpu_s         CPU time of reading, cross-validation and fit
    bytes         of the trees
    row_us        CPU time of one row
    """

    fitted_to: int
    fibrillating: int
    folds: int
    seed: int
    cpu_s: float
    bytes: int
    trees: int
    row_us: float


def card(
    description: Description, made: Made, found: Sequence[Outcome], elsewhere: Sequence[Outcome]
) -> str:
    """Return the card in Markdown.

    found      out of fold
    elsewhere  by the model that ships, in recordings that it was not fitted to
    """
    parts = [
        _summary(description, made),
        _use(description),
        _accuracy(made, found),
        _alarms(found),
        _elsewhere(elsewhere),
        _limits(found),
    ]
    return "\n\n".join(parts)


def _summary(description: Description, made: Made) -> str:
    source = (
        "CUDB, SVDB, the MIT-BIH Arrhythmia Database (DS1) and the training set of the "
        "PhysioNet/CinC Challenge 2015"
    )
    windows = f"{made.fitted_to:,} windows, {made.fibrillating:,} of them with fibrillation"
    model = (
        f"{made.trees} boosted trees on {NUMBERS} numbers about spectrum, autocorrelation, "
        "sizes and slopes"
    )
    return f"""# Ventricular fibrillation

Whether a monitored patient's ECG shows ventricular fibrillation or flutter, second by second, for
the watch of streams. It finds no QRS complexes: in fibrillation there are none. It comes with the
station and needs no download and no GPU. **For research. Not a medical device; nothing here is
validated for the care of a patient.**

Written by `python -m training.fibrillation` together with the trees: `{description.version}`,
{made.bytes / 1e6:.2f} MB, sha256 `{description.sha256}`.

| | |
|---|---|
| trained on | {source}; {windows} |
| model | {model} |
| cost | {made.row_us:.0f} us of CPU for one lead and second |
| training | seed {made.seed}, {made.cpu_s:.0f} s of CPU with its cross-validation |
| licence | {description.licence} |"""


def _use(description: Description) -> str:
    return f"""## What goes in, and what comes out

Windows of {WINDOW_S:g} s of one lead in mV at {WATCH_HZ:g} Hz, filtered without delay to
{HIGH_PASS_HZ:g}-{LOW_PASS_HZ:g} Hz. Runs of one value of {CONSTANT_S:g} s and more are gaps: a lead
that is off, or whose amplifier saturates. A window of which less than {100 * MIN_KNOWN:.0f} % is
known, or whose range is below {FLAT_MV:g} mV, has no probability.

The probability is that of a collection in which half of the windows show fibrillation; among
monitored patients it is rare. A patient's probability is the mean over the leads that can be
judged, in log odds. The patient counts as fibrillating when it was {description.threshold:g} or
more in {rule.HITS} of the last {rule.OF_SECONDS} s, and until it was below for {rule.QUIET_S} s."""


def _accuracy(made: Made, found: Sequence[Outcome]) -> str:
    unmarked = ", ".join(sorted(UNMARKED))
    rows = "\n".join(_source_row(name, found) for name in (CUDB, DS1, SVDB))
    long = monitored(found)
    late = [
        f"{each.recording.name} at {episode[0]:.0f} s"
        for each in long
        for episode, delay in zip(each.recording.episodes, each.delays_s, strict=True)
        if delay > FOUND_WITHIN_S
    ]
    delays = [delay for each in long for delay in each.delays_s if np.isfinite(delay)]
    hours = sum(each.hours for each in long)
    episodes = sum(len(each.delays_s) for each in long)
    alarms = sum(len(each.alarms_s) for each in long)
    total = (
        f"| all | {hours:.1f} | {episodes} | {estimate(share_found, long)} | {alarms} | "
        f"{estimate(false_an_hour, long)} |"
    )
    return f"""## Accuracy

Out of fold: {made.folds} parts of the recordings; trees and threshold from the other parts, the
threshold being the lowest with at most {FALSE_AN_HOUR:g} false alarms an hour there. In brackets
the 95 % interval over {RESAMPLES} resamplings of the recordings. Written by

    OMP_NUM_THREADS=1 python -m training.fibrillation --data DATA --seed {made.seed}

An episode is found if the rule fires within {FOUND_WITHIN_S:g} s of its start. An alarm is false if
it begins more than {BEFORE_S:g} s before an episode or more than {AFTER_S:g} s after it. All
episodes of {CUDB} and the flutter of record 207 of {DS1} count; {unmarked} is left out, because its
fibrillation is not marked.

| recordings | hours without | episodes | found | false alarms | an hour |
|---|---|---|---|---|---|
{rows}
{total}

From an episode's start to the alarm: {np.median(delays):.1f} s (median), at most
{max(delays):.0f} s. Found late or not at all: {", ".join(late) or "none"}."""


def _source_row(name: str, found: Sequence[Outcome]) -> str:
    chosen = [each for each in monitored(found) if each.recording.source == name]
    episodes = sum(len(each.delays_s) for each in chosen)
    in_time = sum(each.found for each in chosen)
    share = f"{in_time}: {estimate(share_found, chosen)}" if episodes else ""
    alarms = sum(len(each.alarms_s) for each in chosen)
    return (
        f"| {len(chosen)} of {name} | {sum(each.hours for each in chosen):.1f} | {episodes} | "
        f"{share} | {alarms} | {estimate(false_an_hour, chosen)} |"
    )


def _alarms(found: Sequence[Outcome]) -> str:
    alarms = [each for each in found if each.recording.source == ALARMS]
    judged = [each for each in alarms if each.recording.alarm == VF_ALARM]
    hit, false, missed, rejected = alarm_counts(judged)
    names = sorted({(each.recording.alarm, each.recording.is_true) for each in alarms})
    rows = []
    for alarm, is_true in names:
        chosen = [
            each
            for each in alarms
            if each.recording.alarm == alarm and each.recording.is_true == is_true
        ]
        at_end = sum(each.at_end for each in chosen)
        ever = sum(each.at_end or bool(each.alarms_s) for each in chosen)
        words = f"{alarm.replace('_', ' ').lower()}, {'true' if is_true else 'false'}"
        rows.append(f"| {words} | {len(chosen)} | {at_end} | {ever} |")
    table = "\n".join(rows)
    silent = (rejected + false) / (rejected + false + MISSED_COSTS * (hit + missed))
    return f"""### Alarms of bedside monitors

{ALARMS}, training set, out of fold as above; the minute before each alarm, two leads. The monitors
announced fibrillation or flutter {len(judged)} times, truly {hit + missed} times. Firing in the
last {LAST_S} s confirms an alarm: {hit} true ones confirmed, {missed} missed, {rejected} false ones
rejected, {false} confirmed. The challenge's score, (TP + TN) / (TP + TN + FP + 5 FN), is
**{estimate(challenge_score, judged)}**; without any confirmation it would be {silent:.2f}.

| the monitor's alarm | recordings | fired in the last {LAST_S} s | fired at all |
|---|---|---|---|
{table}"""


def _elsewhere(elsewhere: Sequence[Outcome]) -> str:
    rows = []
    for label, words in DEVICE_LABELS.items():
        chosen = [each for each in elsewhere if each.recording.alarm == label]
        hours = sum(each.hours for each in chosen)
        fired = sum(bool(each.alarms_s) for each in chosen)
        rows.append(f"| {words} | {len(chosen)} | {hours:.1f} | {fired} |")
    table = "\n".join(rows)
    return f"""### Recordings that nothing was fitted to

The model that ships, on the PhysioNet/CinC Challenge 2017: one lead of hand-held devices, 9 to
61 s, none with ventricular fibrillation.

| label | recordings | hours | fired |
|---|---|---|---|
{table}"""


def _limits(found: Sequence[Outcome]) -> str:
    episodes = sum(len(each.delays_s) for each in found)
    patients = sum(bool(each.delays_s) for each in found)
    return f"""## Known limits

- {episodes} episodes of {patients} patients are few: the intervals above are wide.
- The borders of {CUDB} are those of its annotators. Ventricular tachycardia before fibrillation is
  not marked there, and firing on it counts as a false alarm.
- Fast ventricular tachycardia without distinct complexes, and chest compressions, look much like
  flutter. Fine fibrillation below the range above looks like asystole.
- Leads of other electrode positions than the usual ones were not seen.
"""
