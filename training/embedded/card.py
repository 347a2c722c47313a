"""The embedded model's card, docs/models/embedded.md: every figure in it comes from here."""

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

NAME: Final = "embedded"
CARD: Final = "docs/models/embedded.md"
PAGE: Final = Path(__file__).parents[2] / CARD


@dataclass(frozen=True)
class Made:
    """How it was made: folds held out so far, in how many groups; CPU times of the cross-validation and of what ships."""

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
    bundle: Bundle, scores: Scores, changed: list[Cost], shifts: list[Shift], made: Made
) -> str:
    parts = [
        _head(bundle, made),
        _reads(bundle),
        _accuracy(scores, made),
        _groups(scores),
        _robustness(changed, shifts, made),
    ]
    return "\n\n".join([*parts, _failures(scores), _again(made), _sources()]) + "\n"


def _head(bundle: Bundle, made: Made) -> str:
    config = bundle.config
    assert isinstance(config, CompactConfig), (
        "the embedded model is a compact network. This is a bug."
    )
    network = f"{config.members} networks of residual 1-D convolutions with squeeze-and-excitation, {bundle.weights.bytes // 2:,} numbers in all"
    return f"""# Embedded model

The network that comes with the server: it needs no download, no GPU and no network, and answers where ECG-FM is not loaded; beside
ECG-FM it gives the superclasses. **For research. Not a medical device; nothing here is validated for the care of a patient.**

Written by `python -m training.embedded` together with the weights: `{bundle.name}`, {bundle.weights.bytes / 1e6:.2f} MB,
sha256 `{bundle.sha256}`.

| | |
|---|---|
| trained on | PTB-XL 1.0.3, folds 1-9, {made.recordings:,} recordings of 10 s; fold 10 was never used |
| network | {network}; pooled by mean, maximum and {config.attention} learned weightings; the mean of their logits |
| gives | five superclasses, {len(bundle.labels) - len(SUPERCLASSES)} labels, an embedding ({config.width}) |
| licence | {bundle.licence} |"""


def _reads(bundle: Bundle) -> str:
    own = bundle.preprocessing
    assert own.millivolt is not None, "the embedded model reads mV. This is a bug."
    band = own.millivolt.band
    rows = "\n".join(
        f"| {label.name} | {label.joining} | {label.threshold:.3f} | {label.description} |"
        for label in bundle.labels
    )
    return f"""## What goes in, and what comes out

Twelve leads in mV at {own.fs:g} Hz, filtered without delay to {band.low:g}-{band.high:g} Hz (flat to {band.flat:g}), so that filters,
wander, mains and the sampling rate change little; cut off at ±{own.millivolt.clip_mv:g} mV. Windows of {own.segment_seconds:g} s; from
{own.needed_seconds:g} s on, a shorter recording is followed by zeros that are not read. Longer ones are read window by window, the last
one ending with the recording. Missing and flat leads are zeros. Where the units are unknown, all leads are scaled together until a median
lead's QRS is {own.millivolt.usual_height_mv:g} mV high, the median of PTB-XL: what needs volts (hypertrophy) is then less certain.
Age and sex are no inputs.

Labels are cardiologists' and machines' SCP statements of PTB-XL, whatever their likelihood; those with ECG-FM's names are a cross-walk, not
the same definition (ECG-FM's come from the text of another hospital's machine reports). A label with fewer than {MIN_POSITIVES} positives
is left out; what PTB-XL does not tell (Poor data quality, Ventricular tachycardia,
Supraventricular tachycardia with aberrancy) is absent, not zero.
ECG-FM's 'Accessory pathway conduction' means fibrillation and flutter in its training; WPW therefore has a name of its own here.

| label | windows joined by | threshold | what it is |
|---|---|---|---|
{rows}"""


def _accuracy(scores: Scores, made: Made) -> str:
    rows = "\n".join(_row(label) for label in scores.labels)
    folds = ", ".join(str(fold) for fold in made.folds)
    return f"""## How good it is

**Out of fold**: {made.judged:,} recordings of folds {folds}, held out in {made.groups} groups of folds 1-9, patients apart; each is
judged by a network that never saw its patient, and calibrated (Platt) on four fifths of the others. Threshold: the highest F1 there.
Intervals: 95 %, {RESAMPLES} bootstrap resamples of patients.
ECE: expected calibration error, 15 bins of equal mass.

Macro AUROC of the five superclasses: **{scores.macro}**.

| label | positives | AUROC | AUPRC | ECE | sensitivity | specificity |
|---|---|---|---|---|---|---|
{rows}

What ships is trained on all nine folds with the same settings, and calibrated on all held-out logits; on these recordings it would look
better than it is. Published networks reach a macro AUROC of 0.930 (resnet1d_wang) and 0.928 (xresnet1d101) on fold 10 (Strodthoff et al.,
IEEE J Biomed Health Inform 25:1519, 2021), trained on folds 1-8."""


def _row(label: LabelScore) -> str:
    return (
        f"| {label.name} | {label.positives:,} | {label.auroc} | {label.auprc} | {label.error:.3f} "
        f"| {label.sensitivity:.3f} | {label.specificity:.3f} |"
    )


def _groups(scores: Scores) -> str:
    names = sorted({name for label in scores.labels for name in label.groups}, key=_group_order)
    rows = []
    for label in scores.labels:
        cells = [
            f"{label.groups[name][1]}, n={label.groups[name][0]}" if name in label.groups else ""
            for name in names
        ]
        rows.append(f"| {label.name} | {' | '.join(cells)} |")
    return f"""### By sex and age

AUROC out of fold, n positives; empty where a group has fewer than {MIN_IN_GROUP} positives.

| label | {" | ".join(names)} |
|---|{"---|" * len(names)}
{chr(10).join(rows)}"""


def _group_order(name: str) -> tuple[int, str]:
    return (0, name) if name in ("men", "women") else (1, name)


def _robustness(changed: list[Cost], shifts: list[Shift], made: Made) -> str:
    rows = "\n".join(f"| {cost.name} | {cost.auroc:.4f} | {cost.lost:+.4f} |" for cost in changed)
    moved = "\n".join(
        f"| {shift.name} | {shift.recordings} | {shift.median:.4f} | {shift.percentile_95:.4f} |"
        for shift in shifts
    )
    return f"""## What it costs when a recording comes otherwise

Fold {max(made.folds)}, by the network that never saw it; each change is made to the released signal, before the server's own way
from signal to segments.

| change | macro AUROC | lost |
|---|---|---|
{rows}

The same recordings at other rates: |difference| of the superclasses' probabilities against the 500 Hz file.

| against 500 Hz | recordings | median | 95th percentile |
|---|---|---|---|
{moved}"""


def _failures(scores: Scores) -> str:
    worst = sorted(scores.labels, key=lambda label: label.auroc.value)[:4]
    rare = [label.name for label in scores.labels if label.positives < 2 * MIN_POSITIVES]
    loud = sorted(scores.labels, key=lambda label: label.auprc.value)[:4]
    return f"""## Known failures

- Weakest by AUROC: {", ".join(f"{label.name} {label.auroc.value:.3f}" for label in worst)}.
- Few positives, so wide intervals: {", ".join(rare) or "none under twice the least"}.
- A positive is often wrong where a finding is rare: lowest AUPRC {", ".join(f"{label.name} {label.auprc.value:.3f}" for label in loud)}.
- The statements themselves disagree: many were written by one reader or by the machine, so part of what counts as an error is not.
- Trained on one German cohort of 1989-1996, adults with few exceptions; children, other devices and other hospitals are not covered.
- Probabilities are calibrated to PTB-XL's prevalences. Where findings are rarer or commoner, they are off by as much.
- Nothing above 42 Hz is read: late potentials, pacing spikes and notches of that kind are invisible to it."""


def _again(made: Made) -> str:
    options = (
        f"--groups {made.groups} --epochs {made.epochs} --members {made.members} --seed {made.seed}"
    )
    return f"""## How to train it again

```
python -m training.embedded --data PTBXL --keep FOLDER --cross-validate {options}
python -m training.embedded --data PTBXL --keep FOLDER
```

PTBXL is the database as PhysioNet has it (records100/, ptbxl_database.csv, scp_statements.csv). The first command took, for the
folds held out above, {made.validation_cpu_s / 60:.0f} minutes of CPU time on one core ({torch.backends.cpu.get_cpu_capability()}), the
training of what ships {made.cpu_s / 60:.0f}."""


def _sources() -> str:
    return """## Sources

Wagner et al., PTB-XL, a large publicly available electrocardiography dataset, Scientific Data 7:154 (2020),
doi 10.1038/s41597-020-0495-6; PhysioNet ptb-xl/1.0.3, CC BY 4.0. Changes made to the data: filtered, cut, disturbed, statements turned
into labels."""
