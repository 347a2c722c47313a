"""The figures of the quality model's training, as a section of docs/accuracy.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.model import ReadableModel
from training.quality.examples import LabelledExamples
from training.quality.fit import INNER_FOLDS, Score, score
from training.quality.out_of_fold import OutOfFold

TITLE: Final = "## Signal quality"
HEAD: Final = (
    "Written by `python -m training.quality --data CINC2011` (PhysioNet/CinC Challenge 2011,"
    " set-a)."
)
ANCHORS: Final = (
    "For comparison: the challenge's winner had an accuracy of 0.932 on its test set (0.940 after"
    " relabelling). The accuracy of an entry that used only rules fell from 0.914 to 0.857 (Silva,"
    " Moody, Celi: *Improving the quality of ECGs collected using mobile phones*, Computing in"
    " Cardiology 2011)."
)


def section(
    examples: LabelledExamples, divisions: Sequence[OutOfFold], model: ReadableModel
) -> str:
    """Return the section's text: the cross-validation, and the shipped model in-sample."""
    paragraphs = [
        HEAD,
        cross_validation(examples, divisions),
        in_sample(examples, model),
        ANCHORS,
    ]
    return "\n\n".join(paragraphs)


def cross_validation(examples: LabelledExamples, divisions: Sequence[OutOfFold]) -> str:
    """Return the out-of-fold figures with a table in Markdown.

    divisions  one result for each seed
    """
    acceptable = examples.acceptable
    varying = ~examples.flat
    all_scores = []
    varying_scores = []
    scaled_aurocs = []
    briers = []
    for result in divisions:
        all_scores.append(score(acceptable, result.probability, result.readable))
        truth = acceptable[varying]
        readable = result.readable[varying]
        varying_scores.append(score(truth, result.probability[varying], readable))
        scaled = score(truth, result.scaled_probability[varying], readable)
        scaled_aurocs.append(scaled.auroc)
        briers.append(np.mean((result.probability - acceptable) ** 2))
    fold_count = int(divisions[0].fold.max()) + 1
    lines = [
        f"Nested cross-validation with {len(divisions)} seeds and {fold_count} outer folds;"
        " identical recordings are in one fold. The calibration is made on"
        f" {INNER_FOLDS} inner folds, and a recording is readable from a probability of one half"
        " on. Means over seeds (lowest to highest seed; standard deviation over folds). The kind of"
        " model and its settings were chosen on the folds of five other seeds, of the same"
        " recordings.",
        "",
        "| recordings | accuracy | AUROC |",
        "|---|---|---|",
        f"| {len(acceptable)} labelled"
        f" | {_accuracy(all_scores)}, sd over folds {_fold_deviation(examples, divisions):.3f}"
        f" | {_auroc(all_scores)} |",
        f"| {int(varying.sum())} without the entirely flat ones"
        f" | {_accuracy(varying_scores)} | {_auroc(varying_scores)} |",
        "| the same, units unknown (scaled to the usual QRS height)"
        f" | | {_mean_and_range(scaled_aurocs)} |",
        "",
        _verdicts(acceptable, divisions),
        f"Calibration, out of fold: Brier score {np.mean(briers):.3f}. CPU time of the features:"
        f" {examples.cpu_ms:.1f} ms a recording of 12 x 5000.",
    ]
    return "\n".join(lines)


def in_sample(examples: LabelledExamples, model: ReadableModel) -> str:
    """Return the scores of the shipped model on the recordings it was trained on."""
    probability = model.probability(examples.rows)
    in_sample_score = score(examples.acceptable, probability, probability >= model.threshold)
    return (
        f"The shipped model is trained on all of them (threshold {model.threshold:.2f})."
        f" **In-sample** it has an accuracy of {in_sample_score.accuracy:.4f} and an AUROC of"
        f" {in_sample_score.auroc:.4f}, which says nothing about new recordings."
    )


def write_section(page: Path, title: str, text: str) -> None:
    """Write a section at the end of a page, and remove the old section with that title."""
    before = page.read_text(encoding="utf-8") if page.is_file() else "# Accuracy\n"
    old_section = rf"\n*^{re.escape(title)}\n.*?(?=\n## |\Z)"
    kept = re.sub(old_section, "\n", before, flags=re.DOTALL | re.MULTILINE).rstrip("\n")
    page.write_text(f"{kept}\n\n{title}\n\n{text}\n", encoding="utf-8")


def _accuracy(scores: Sequence[Score]) -> str:
    return _mean_and_range([one_score.accuracy for one_score in scores])


def _auroc(scores: Sequence[Score]) -> str:
    return _mean_and_range([one_score.auroc for one_score in scores])


def _mean_and_range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def _fold_deviation(examples: LabelledExamples, divisions: Sequence[OutOfFold]) -> float:
    """Return the standard deviation of the accuracy over the folds of all seeds."""
    accuracies = []
    for result in divisions:
        is_right = result.readable == examples.acceptable
        for number in range(int(result.fold.max()) + 1):
            accuracies.append(float(is_right[result.fold == number].mean()))
    return float(np.std(accuracies))


def _verdicts(acceptable: NDArray[np.bool_], divisions: Sequence[OutOfFold]) -> str:
    kept = np.mean([result.readable[acceptable].mean() for result in divisions])
    refused = np.mean([(~result.readable[~acceptable]).mean() for result in divisions])
    return (
        f"Called readable: {kept:.3f} of the acceptable recordings; called unreadable:"
        f" {refused:.3f} of the unacceptable ones."
    )
