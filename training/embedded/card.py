"""The embedded model's card, docs/models/embedded.md, with all its figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from encoder.config import CompactConfig
from model_store.bundle import Bundle
from superclasses import SUPERCLASSES
from training.embedded.robustness import Cost, Shift
from training.embedded.scores import MIN_IN_GROUP, RESAMPLES, LabelScore, Scores
from training.embedded.targets import MIN_POSITIVES
from training.embedded.validated_fold import VALIDATED_FOLD, ValidatedFold

NAME: Final = "embedded"
CARD: Final = "docs/models/embedded.md"  # path in the repository
CARD_FILE: Final = Path(__file__).parents[2] / CARD


WEAKEST: Final = 4  # labels that the known failures name


@dataclass(frozen=True)
class Made:
    """How the model was made.

    folds             that were held out, in `groups` groups
    validation_cpu_s  CPU time of the cross-validation
    cpu_s             CPU time of what ships
    recordings        that what ships was trained on
    judged            recordings that were held out
    """

    folds: tuple[int, ...]
    groups: int
    epochs: int
    members: int
    seed: int
    validation_cpu_s: float
    cpu_s: float
    recordings: int
    judged: int


def card(
    bundle: Bundle,
    scores: Scores,
    validated: ValidatedFold,
    changed: list[Cost],
    shifts: list[Shift],
    made: Made,
) -> str:
    """Return the card in Markdown."""
    sections = [
        _summary(bundle, made),
        _inputs_and_outputs(bundle),
        _accuracy(scores, validated, made),
        _validated_fold(validated),
        _groups(scores),
        _robustness(changed, shifts),
        _failures(scores),
        _training(made),
        _sources(),
    ]
    return "\n\n".join(sections) + "\n"


def _summary(bundle: Bundle, made: Made) -> str:
    config = bundle.config
    assert isinstance(config, CompactConfig), "the model is a compact network. This is a bug."
    numbers = bundle.weights.bytes // 2  # of half precision
    network = (
        f"{config.members} networks of residual 1-D convolutions with squeeze-and-excitation, "
        f"{numbers:,} numbers in all; pooled by mean, maximum and {config.attention} learned "
        "weightings; the mean of their logits"
    )
    outputs = (
        f"five superclasses, {len(bundle.labels) - len(SUPERCLASSES)} labels, "
        f"an embedding ({config.width})"
    )
    recordings = f"{made.recordings:,} recordings of 10 s"
    return f"""# Embedded model

The network that comes with the server. It needs no download, no GPU and no internet connection. It
answers where ECG-FM is not loaded; with ECG-FM, it gives the superclasses. **For research. Not a
medical device; nothing here is validated for the care of a patient.**

Written by `python -m training.embedded` together with the weights: `{bundle.name}`,
{bundle.weights.bytes / 1e6:.2f} MB, sha256 `{bundle.sha256}`.

| | |
|---|---|
| trained on | PTB-XL 1.0.3, folds 1-9, {recordings}; fold 10 was never used |
| network | {network} |
| gives | {outputs} |
| licence | {bundle.licence} |"""


def _inputs_and_outputs(bundle: Bundle) -> str:
    preprocessing = bundle.preprocessing
    millivolt = preprocessing.millivolt
    assert millivolt is not None, "the embedded model reads mV. This is a bug."
    band = millivolt.band
    rows = "\n".join(
        f"| {label.name} | {label.joining} | {label.threshold:.3f} | {label.description} |"
        for label in bundle.labels
    )
    return f"""## What goes in, and what comes out

Twelve leads in mV at {preprocessing.fs:g} Hz, filtered without delay to
{band.low:g}-{band.high:g} Hz (flat to {band.flat:g}), so that filters, wander, mains and the
sampling rate change little; clipped at ±{millivolt.clip_mv:g} mV. Windows of
{preprocessing.segment_seconds:g} s. A recording from {preprocessing.needed_seconds:g} s on that
is shorter is padded with zeros, which are not read. A longer one is read window by window; the
last window ends with the recording. Missing and flat leads are zeros. Where the units are
unknown, all leads are scaled together until a median lead's QRS is {millivolt.usual_height_mv:g}
mV high, the median of PTB-XL; labels that need volts (hypertrophy) are then less certain. Age
and sex are not inputs.

Labels are SCP statements of PTB-XL by cardiologists and machines, at any likelihood. Those with
ECG-FM's names are a cross-walk, not the same definition (ECG-FM's come from the text of another
hospital's machine reports). A label with fewer than {MIN_POSITIVES} positives is left out.
Labels that PTB-XL has no statement for (Poor data quality, Ventricular tachycardia,
Supraventricular tachycardia with aberrancy) are absent, not zero. ECG-FM's 'Accessory pathway
conduction' means fibrillation and flutter in its training; WPW therefore has another name here.

| label | windows joined by | threshold | what it is |
|---|---|---|---|
{rows}"""


def _accuracy(scores: Scores, validated: ValidatedFold, made: Made) -> str:
    rows = "\n".join(_row(label) for label in scores.labels)
    folds = ", ".join(str(fold) for fold in made.folds)
    return f"""## How good it is

**Out of fold**: {made.judged:,} recordings of folds {folds}, held out in {made.groups} groups of
folds 1-9, patients apart. Each is judged by a network that was not trained on its patient, and
calibrated (Platt) on four fifths of the others. Threshold: the highest F1 there. Intervals:
95 %, {RESAMPLES} bootstrap resamples of patients. ECE: expected calibration error, 15 bins of equal
mass.

Macro AUROC of the five superclasses: **{scores.macro}**; on fold {VALIDATED_FOLD} alone, whose
recordings people validated: **{validated.macro}**.

| label | positives | AUROC | AUPRC | ECE | sensitivity | specificity |
|---|---|---|---|---|---|---|
{rows}

What ships is trained on all nine folds with the same settings, and calibrated on all held-out
logits, fold {VALIDATED_FOLD}'s too; its figures on these recordings would be too good. Published
networks reach a macro AUROC of 0.930 (resnet1d_wang) and 0.928 (xresnet1d101) on fold 10
(Strodthoff et al., IEEE J Biomed Health Inform 25:1519, 2021), trained on folds 1-8."""


def _validated_fold(validated: ValidatedFold) -> str:
    rows = "\n".join(
        f"| {label.name} | {label.positives:,} | {label.auroc} | {label.error:.3f} "
        f"| {label.by_chance:.3f} |"
        for label in validated.labels
    )
    return f"""### Fold {VALIDATED_FOLD} alone

At least one person validated each recording of folds 9 and 10; other folds hold some that nobody
did (Wagner et al.). Compare this figure with others'. {validated.recordings:,} recordings, judged
by the network that was trained without fold {VALIDATED_FOLD}, calibrated on the out-of-fold logits
of the other folds alone. By chance: the mean ECE that right probabilities would have with these
recordings.

| label | positives | AUROC | ECE | by chance |
|---|---|---|---|---|
{rows}"""


def _row(label: LabelScore) -> str:
    return (
        f"| {label.name} | {label.positives:,} | {label.auroc} | {label.auprc} | {label.error:.3f} "
        f"| {label.sensitivity:.3f} | {label.specificity:.3f} |"
    )


def _groups(scores: Scores) -> str:
    names = sorted({name for label in scores.labels for name in label.groups}, key=_group_order)
    rows = []
    for label in scores.labels:
        cells = []
        for name in names:
            if name in label.groups:
                positives, area = label.groups[name]
                cells.append(f"{area}, n={positives}")
            else:
                cells.append("")
        rows.append(f"| {label.name} | {' | '.join(cells)} |")
    table = "\n".join(rows)
    return f"""### By sex and age

AUROC out of fold, n positives; empty where a group has fewer than {MIN_IN_GROUP} positives.

| label | {" | ".join(names)} |
|---|{"---|" * len(names)}
{table}"""


def _group_order(name: str) -> tuple[bool, str]:
    return name not in ("men", "women"), name


def _robustness(changed: list[Cost], shifts: list[Shift]) -> str:
    rows = "\n".join(f"| {cost.name} | {cost.auroc:.4f} | {cost.lost:+.4f} |" for cost in changed)
    shift_rows = "\n".join(
        f"| {shift.name} | {shift.recordings} | {shift.median:.4f} | {shift.percentile_95:.4f} |"
        for shift in shifts
    )
    return f"""## What changes of a recording cost

Fold {VALIDATED_FOLD}, by the network that was not trained on it. Each change is made to the
released signal, before the server's preprocessing.

| change | macro AUROC | lost |
|---|---|---|
{rows}

The same recordings at other rates: |difference| of the superclasses' probabilities from those of
the 500 Hz file.

| against 500 Hz | recordings | median | 95th percentile |
|---|---|---|---|
{shift_rows}"""


def _failures(scores: Scores) -> str:
    by_auroc = sorted(scores.labels, key=lambda label: label.auroc.value)
    by_auprc = sorted(scores.labels, key=lambda label: label.auprc.value)
    weakest = ", ".join(f"{label.name} {label.auroc.value:.3f}" for label in by_auroc[:WEAKEST])
    lowest = ", ".join(f"{label.name} {label.auprc.value:.3f}" for label in by_auprc[:WEAKEST])
    rare = [label.name for label in scores.labels if label.positives < 2 * MIN_POSITIVES]
    few = ", ".join(rare) or f"no label has fewer than {2 * MIN_POSITIVES}"
    return f"""## Known failures

- Weakest by AUROC: {weakest}.
- Few positives, so wide intervals: {few}.
- A positive is often wrong where a finding is rare: lowest AUPRC {lowest}.
- The statements themselves disagree: many were written by one reader or by the machine, so part of
  what counts as an error is not one.
- Trained on one German cohort of 1989-1996, adults with few exceptions; children, other devices and
  other hospitals are not covered. What it is worth at other hospitals:
  [accuracy](../accuracy.md#the-embedded-model-at-other-hospitals).
- Probabilities are calibrated to PTB-XL's prevalences. Where findings are rarer or more common,
  they are off by as much.
- Nothing above 42 Hz is read: late potentials, pacing spikes and similar notches are not visible to
  the network."""


def _training(made: Made) -> str:
    options = (
        f"--groups {made.groups} --epochs {made.epochs} --members {made.members} --seed {made.seed}"
    )
    validation_minutes = made.validation_cpu_s / 60
    minutes = made.cpu_s / 60
    processor = torch.backends.cpu.get_cpu_capability()
    return f"""## How to train it again

```
python -m training.embedded --data PTBXL --keep FOLDER --cross-validate {options}
python -m training.embedded --data PTBXL --keep FOLDER
```

PTBXL is the database as PhysioNet has it (records100/, ptbxl_database.csv, scp_statements.csv).
Either may be stopped and given again: it goes on after the last complete epoch, to the same
weights.
For the folds held out above, the first command took {validation_minutes:.0f} minutes of CPU time
on one core ({processor}); the training of what ships took {minutes:.0f}."""


def _sources() -> str:
    return """## Sources

Wagner et al., PTB-XL, a large publicly available electrocardiography dataset, Scientific Data 7:154
(2020), doi 10.1038/s41597-020-0495-6; PhysioNet ptb-xl/1.0.3, CC BY 4.0. Changes made to the data:
filtered, cropped, augmented; statements turned into labels."""
