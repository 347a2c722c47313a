"""The sections of docs/models/beats.md that `python -m training.beats` writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from heads.beats.single import NUMBERS
from training.beats.class_scores import RESAMPLES, Tables, estimate, f1, macro_f1, pooled_rows
from training.beats.single import FOLDS, UNITS

CARD_FILE: Final = Path(__file__).parents[2] / "docs" / "models" / "beats.md"
MARKS: Final = {"single": ("<!-- single -->\n", "<!-- /single -->\n")}
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
