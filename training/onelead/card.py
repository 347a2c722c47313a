"""The one-lead model's card, docs/models/one-lead.md, and its section of docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.one_lead.features import NUMBERS
from heads.one_lead.model import (
    FIBRILLATION,
    LONGEST_S,
    NAMES,
    NOISY,
    NORMAL,
    OTHER,
    SHORTEST_S,
    WINDOW_S,
    Description,
)
from heads.one_lead.signal_input import BAND, INPUT_HZ
from training.onelead.scores import (
    RESAMPLES,
    Array,
    Truth,
    calibration_error,
    challenge_score,
    estimate,
    f1_of,
)

CARD: Final = "docs/models/one-lead.md"  # path in the repository
CARD_FILE: Final = Path(__file__).parents[2] / CARD
DESCRIPTIONS: Final = {
    NORMAL: "normal sinus rhythm (the challenge's N)",
    FIBRILLATION: "atrial fibrillation (A)",
    OTHER: "any other rhythm, extra beats included (O)",
    NOISY: "too noisy to be classified (~)",
}
# Bins of the probability of fibrillation in the table of calibration.
EDGES: Final = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)

Score = Callable[[NDArray[np.intp]], float]
Results = tuple[Array, Truth, NDArray[np.bool_]]
"""Probabilities, decisions and positive labels, out of fold."""


@dataclass(frozen=True)
class Made:
    """How the model was made.

    counts   recordings of each class
    cpu_s    CPU time of reading, cross-validation and fit
    bytes    of the trees
    read_ms  CPU time of one recording, without the search for R peaks
    """

    recordings: int
    counts: tuple[int, ...]
    folds: int
    seed: int
    cpu_s: float
    bytes: int
    trees: int
    read_ms: float


def card(description: Description, section: str, made: Made) -> str:
    """Return the card in Markdown."""
    accuracy = section.replace("## One lead", "## Accuracy", 1)
    return "\n\n".join([_summary(description, made), _use(description), accuracy, _limits()])


def accuracy_section(results: Results, truth: Truth, made: Made) -> str:
    """Return the section of docs/accuracy.md."""
    probabilities, decided, _ = results
    score = estimate(lambda rows: challenge_score(decided[rows], truth[rows]), len(truth))
    counts = ", ".join(f"{name} {count}" for name, count in zip(NAMES, made.counts, strict=True))
    return f"""## One lead

PhysioNet/CinC Challenge 2017: {made.recordings:,} recordings of AliveCor devices, one lead, 300 Hz,
9 to 61 s, labels of version 3 ({counts}).
Out of fold: {made.folds} folds, calibration and thresholds from the other folds; as far as known
each recording is of another patient. In brackets the 95 % interval over {RESAMPLES} resamplings of
the recordings. Written by

    OMP_NUM_THREADS=1 python -m training.onelead --data CINC2017 --seed {made.seed}

**Challenge score, the mean of the F1 of normal, fibrillation and other: {score}.**
The winners had 0.83 on the challenge's hidden recordings.

{_class_table(results, truth)}

`positive` compares each label with its own threshold. F1 is of the decision for one class: the one
whose probability is the largest multiple of its threshold. Recordings by their class (rows) and by
the decision (columns):

{_confusion_table(decided, truth)}

Calibration of the probability of atrial fibrillation:

{_reliability_table(probabilities[:, NAMES.index(FIBRILLATION)], truth)}
"""


def _class_table(results: Results, truth: Truth) -> str:
    probabilities, decided, positive = results
    lines = [
        "| label | recordings | F1 | positive: sensitivity | specificity | calibration error |",
        "|---|---|---|---|---|---|",
    ]
    for number, name in enumerate(NAMES):
        f1 = estimate(_f1(decided, truth, number), len(truth))
        is_true = truth == number
        sensitivity = estimate(_share(positive[is_true, number]), int(is_true.sum()))
        specificity = estimate(_share(~positive[~is_true, number]), int((~is_true).sum()))
        error = calibration_error(probabilities[:, number], is_true)
        lines.append(
            f"| {name} | {is_true.sum()} | {f1} | {sensitivity} | {specificity} | {error:.3f} |"
        )
    return "\n".join(lines)


def _f1(decided: Truth, truth: Truth, number: int) -> Score:
    return lambda rows: f1_of(decided[rows], truth[rows], number)


def _share(flags: NDArray[np.bool_]) -> Score:
    return lambda rows: float(flags[rows].mean())


def _confusion_table(decided: Truth, truth: Truth) -> str:
    lines = ["| | " + " | ".join(NAMES) + " |", "|---" * (len(NAMES) + 1) + "|"]
    for number, name in enumerate(NAMES):
        counts = np.bincount(decided[truth == number], minlength=len(NAMES))
        lines.append(f"| {name} | " + " | ".join(str(count) for count in counts) + " |")
    return "\n".join(lines)


def _reliability_table(probability: Array, truth: Truth) -> str:
    is_true = truth == NAMES.index(FIBRILLATION)
    lines = ["| probability | recordings | mean | share with fibrillation |", "|---|---|---|---|"]
    for low, high in pairwise(EDGES):
        inside = (probability >= low) & ((probability < high) | (high == EDGES[-1]))
        if inside.any():
            lines.append(
                f"| {low:g} to {high:g} | {inside.sum()} | {probability[inside].mean():.3f} | "
                f"{is_true[inside].mean():.3f} |"
            )
    return "\n".join(lines)


def _summary(description: Description, made: Made) -> str:
    source = "PhysioNet/CinC Challenge 2017 1.0.0 (doi 10.22489/CinC.2017.065-469)"
    model = (
        f"{made.trees} boosted trees, {made.trees // len(NAMES)} for each class, "
        f"on {NUMBERS} numbers about RR intervals, beats and spectrum"
    )
    return f"""# One-lead model

The rhythm of a recording of fewer than six leads, as watches, hand-held devices and straps send it.
It comes with the server and needs no download and no GPU. **For research. Not a medical device;
nothing here is validated for the care of a patient.**

Written by `python -m training.onelead` together with the trees: `{description.version}`,
{made.bytes / 1e6:.2f} MB, sha256 `{description.sha256}`.

| | |
|---|---|
| trained on | {source}, {made.recordings:,} recordings |
| model | {model} |
| cost | {made.read_ms:.1f} ms of CPU for a recording of 30 s, beside the R peaks |
| training | seed {made.seed}, {made.cpu_s:.0f} s of CPU with its cross-validation |
| licence | {description.licence} |"""


def _use(description: Description) -> str:
    rows = "\n".join(
        f"| {label.name} | {label.threshold:.3f} | {label.description} |"
        for label in description.labels
    )
    band = f"{BAND.low:g}-{BAND.high:g} Hz"
    return f"""## What goes in, and what comes out

One lead, any of the twelve, at {INPUT_HZ:g} Hz, filtered without delay to {band}; scaled to the
height of its QRS complexes, so that the unit does not count; turned so that its largest deflections
point upwards, so that an inverted lead gives the same answer. With it the R peaks that the server
finds.

A recording from {SHORTEST_S:g} to {LONGEST_S:g} s is read as a whole, a longer one in windows of
{WINDOW_S:g} s, whose probabilities are joined by their mean (with `aggregate=max` by the maximum).
Of several leads each is read, and the probabilities are the mean over the leads, which is less
noisy than one of them. Below {SHORTEST_S:g} s there are no labels: no recording of the training is
shorter.

The four classes exclude each other: in each window their probabilities sum to 1. A label is
positive from its threshold on; two of them or none may be.

| label | threshold | meaning |
|---|---|---|
{rows}"""


def _limits() -> str:
    return f"""## Known limits

- {OTHER} is a class of many rhythms and of extra beats. It does not say which; the rules on the
  measurements may.
- Each recording was labelled as a whole, and the labels of some changed from version to version.
- The patients' ages, sexes and diseases are unknown. All recordings are lead I of hand-held devices
  or its inverse; [other sources](../accuracy.md#one-lead-of-other-sources) show how it does there.
- Pacemakers and ventricular rhythms were not labelled. No label hides what the rules find.
"""
