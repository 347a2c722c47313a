"""The sections of docs/models/beats.md that `python -m training.beats` writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from heads.beats.single import NUMBERS
from training.beats.class_scores import (
    RESAMPLES,
    SCORED,
    Tables,
    estimate,
    f1,
    macro_f1,
    pooled_rows,
)
from training.beats.single import FOLDS, UNITS
from training.beats.stream_scores import FALSE, MISSED, share_found, share_true
from training.beats.train_streams import FOLDS as FOLDS_OF_STREAMS
from training.beats.train_streams import RANDOM_PARTS, Validated

CARD_FILE: Final = Path(__file__).parents[2] / "docs" / "models" / "beats.md"
MARKS: Final = {
    part: (f"<!-- {part} -->\n", f"<!-- /{part} -->\n") for part in ("single", "streams")
}
S, V = 1, 2


@dataclass(frozen=True)
class SingleMade:
    """How the model of single beats was made.

    beats    of all leads
    cpu_s    CPU time of cross-validation and fit
    beat_us  CPU time of classing one beat
    """

    sha256: str
    beats: int
    patients: int
    seed: int
    cpu_s: float
    beat_us: float


def single_section(made: SingleMade, apart: Sequence[Tables], mixed: Sequence[Tables]) -> str:
    """Return the section about single beats.

    apart, mixed  the patients' tables for each lead: patients apart, and mixed at random
    """
    leads = "\n\n".join(
        f"Lead {number + 1}:\n\n| class | beats | F1 | sensitivity | positive predictive value |\n"
        f"|---|---|---|---|---|\n{pooled_rows(tables)}"
        for number, tables in enumerate(apart)
    )
    beside = "\n".join(
        f"| {number + 1} | {_short(tables)} | {_short(other)} |"
        for number, (tables, other) in enumerate(zip(apart, mixed, strict=True))
    )
    return f"""
| | |
|---|---|
| file | `heads/beats/single.npz`, sha256 `{made.sha256}` |
| fitted to | {made.beats:,} beats of single leads, {made.patients} patients |
| model | {UNITS} rectified units on {NUMBERS} numbers |
| cost | {made.beat_us:.0f} us of CPU a beat |
| training | seed {made.seed}, {made.cpu_s:.0f} s of CPU with its cross-validation |

Patients apart: {FOLDS} parts of the patients, each classed by a network that was fitted to the
others. In brackets the 95 % interval over {RESAMPLES} resamplings of the patients.

{leads}

The same network with the beats of all patients mixed at random over the {FOLDS} parts, as tables
without a column for the patient force one to, knows each patient already, and looks better than it
is:

| lead | patients apart: macro-F1, F1 of S, of V | mixed at random: macro-F1, F1 of S, of V |
|---|---|---|
{beside}

"""


def _short(tables: Tables) -> str:
    figures = (macro_f1, partial(f1, label=S), partial(f1, label=V))
    return ", ".join(str(estimate(figure, tables)) for figure in figures)


@dataclass(frozen=True)
class StreamsMade:
    """How detector and classes of streams were made.

    beats           of two leads that the classes were fitted to
    usual_beats     normal ones of the Challenge 2017
    cpu_s           CPU time of cross-validation and fit
    false_a_minute  beats found in a minute of noise, of one lead and of two
    """

    detector_sha256: str
    classes_sha256: str
    beats: int
    usual_beats: int
    seed: int
    cpu_s: float
    false_a_minute: Sequence[float]


def streams_section(
    made: StreamsMade, names: Sequence[str], apart: Validated, mixed: Tables
) -> str:
    """Return the section about streams.

    mixed  tables of two leads, with the beats of all patients mixed at random
    """
    two, one = apart.two, apart.one
    one_by_patient = one.reshape(len(names), -1, *one.shape[1:]).sum(axis=1)
    detected = "\n".join(
        f"| {name} | {estimate(share_found, tables, 4)} | {estimate(share_true, tables, 4)} |"
        for name, tables in (("two leads", two), ("each lead alone", one_by_patient))
    )
    one_lead, two_leads = made.false_a_minute
    return f"""
| | |
|---|---|
| detector | `heads/beats/detector.npz`, sha256 `{made.detector_sha256}` |
| classes | `heads/beats/classes.npz`, sha256 `{made.classes_sha256}` |
| fitted to | {made.beats:,} beats of {len(names)} patients, and {made.usual_beats:,} usual beats |
| training | seed {made.seed}, {made.cpu_s:.0f} s of CPU with its cross-validation |

Patients apart: {FOLDS_OF_STREAMS} parts of the patients; detector and classes of each part were
fitted to the other parts. In brackets the 95 % interval over {RESAMPLES} resamplings of the
patients. All marked beats count, a missed one as not found, and all beats found, but those within
1 s of ventricular flutter (record 207), in which no beats are marked. A found beat is right within
150 ms (EC57). The class is the one with the largest product of probability and weight; the weights
of S and V were chosen on the other parts, for the macro-F1.

| beats found | sensitivity | positive predictive value |
|---|---|---|
{detected}

In noise alone the detector finds {one_lead:.1f} beats a minute on one lead and {two_leads:.1f} on
two: synthetic noise of another seed than that in its training. The watch reads no beats in a stream
that it judges to be noise.

{_classes_text(names, two, one_by_patient, mixed)}"""


def _classes_text(names: Sequence[str], two: Tables, one_by_patient: Tables, mixed: Tables) -> str:
    patients = "\n".join(
        _patient_row(name, two[number : number + 1]) for number, name in enumerate(names)
    )
    return f"""Classes, two leads:

| class | beats | F1 | sensitivity | positive predictive value |
|---|---|---|---|---|
{pooled_rows(two)}

Classes, each lead alone (both leads of each patient):

| class | beats | F1 | sensitivity | positive predictive value |
|---|---|---|---|---|
{pooled_rows(one_by_patient)}

The same trees with the beats of all patients mixed at random, one of {RANDOM_PARTS} parts of those
that were found on two leads held out:

| patients apart: macro-F1, F1 of S, of V | mixed at random: macro-F1, F1 of S, of V |
|---|---|
| {_short(two)} | {_short(mixed)} |

Two leads, patient by patient: beats marked, how many of them were found with that class, and how
many others were given it.

| record | N | found | others | S | found | others | V | found | others | missed | false |
|---|---|---|---|---|---|---|---|---|---|---|---|
{patients}

"""


def _patient_row(name: str, tables: Tables) -> str:
    table = tables.sum(axis=0)
    cells = []
    for label in range(SCORED):
        right = table[label, label]
        cells += [table[label].sum(), right, table[:, label].sum() - right]
    cells += [table[:FALSE, MISSED].sum(), table[FALSE, :MISSED].sum()]
    return f"| {name} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |"
