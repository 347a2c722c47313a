"""Write the section of docs/accuracy.md about the quality model and its training."""

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
SOURCE: Final = (
    "Written by `python -m training.quality --data CINC2011` (PhysioNet/CinC Challenge 2011,"
    " set-a)."
)
COMPARISON: Final = (
    "For comparison: the challenge's winner had an accuracy of 0.932 on its test set (0.940 after"
    " relabelling). The accuracy of an entry that used only rules fell from 0.914 to 0.857 (Silva,"
    " Moody, Celi: *Improving the quality of ECGs collected using mobile phones*, Computing in"
    " Cardiology 2011)."
)


def section(examples: LabelledExamples, results: Sequence[OutOfFold], model: ReadableModel) -> str:
    """Return the section's text: scores of the cross-validation and of the shipped model.

    results  one for each seed
    """
    paragraphs = [
        SOURCE,
        cross_validation(examples, results),
        in_sample(examples, model),
        COMPARISON,
    ]
    return "\n\n".join(paragraphs)


def cross_validation(examples: LabelledExamples, results: Sequence[OutOfFold]) -> str:
    """Return the out-of-fold scores as Markdown: sentences and a table.

    results  one for each seed
    """
    acceptable = examples.acceptable
    varying = ~examples.flat
    all_scores = []
    varying_scores = []
    scaled_aurocs = []
    briers = []
    for result in results:
        all_scores.append(score(acceptable, result.probability, result.readable))
        truth = acceptable[varying]
        readable = result.readable[varying]
        varying_scores.append(score(truth, result.probability[varying], readable))
        scaled = score(truth, result.scaled_probability[varying], readable)
        scaled_aurocs.append(scaled.auroc)
        briers.append(np.mean((result.probability - acceptable) ** 2))
    fold_count = int(results[0].fold.max()) + 1
    lines = [
        f"Nested cross-validation with {len(results)} seeds and {fold_count} outer folds;"
        " identical recordings are in one fold. The calibration is fitted on"
        f" {INNER_FOLDS} inner folds, and a recording counts as readable if its probability is at"
        " least one half. Means over seeds (lowest to highest seed; standard deviation over folds)."
        " The kind of model and its settings were chosen on the same recordings, but on the folds"
        " of five other seeds.",
        "",
        "| recordings | accuracy | AUROC |",
        "|---|---|---|",
        f"| {len(acceptable)} labelled"
        f" | {_accuracy(all_scores)}, sd over folds {_fold_deviation(examples, results):.3f}"
        f" | {_auroc(all_scores)} |",
        f"| {int(varying.sum())} without the entirely flat ones"
        f" | {_accuracy(varying_scores)} | {_auroc(varying_scores)} |",
        "| the same, units unknown (scaled to the usual QRS height)"
        f" | | {_mean_and_range(scaled_aurocs)} |",
        "",
        _verdicts(acceptable, results),
        f"Calibration, out of fold: Brier score {np.mean(briers):.3f}. CPU time of the features:"
        f" {examples.cpu_ms:.1f} ms for a recording of 12 leads and 5000 samples.",
    ]
    return "\n".join(lines)


def in_sample(examples: LabelledExamples, model: ReadableModel) -> str:
    """Return the scores of the shipped model on the recordings it was trained on."""
    probability = model.probability(examples.rows)
    in_sample_score = score(examples.acceptable, probability, probability >= model.threshold)
    return (
        f"The shipped model is trained on all of them (threshold {model.threshold:.2f})."
        f" **In-sample** it has an accuracy of {in_sample_score.accuracy:.4f} and an AUROC of"
        f" {in_sample_score.auroc:.4f}, which does not tell how it judges new recordings."
    )


def write_section(page: Path, title: str, text: str) -> None:
    """Write a section at the end of a Markdown page in place of the old one with its title.

    title  the heading with its signs: "## Signal quality"
    """
    old_page = page.read_text(encoding="utf-8") if page.is_file() else "# Accuracy\n"
    old_section = rf"\n*^{re.escape(title)}\n.*?(?=\n## |\Z)"
    without_it = re.sub(old_section, "\n", old_page, flags=re.DOTALL | re.MULTILINE)
    other_sections = without_it.rstrip("\n")
    page.write_text(f"{other_sections}\n\n{title}\n\n{text}\n", encoding="utf-8")


def _accuracy(scores: Sequence[Score]) -> str:
    return _mean_and_range([seed_score.accuracy for seed_score in scores])


def _auroc(scores: Sequence[Score]) -> str:
    return _mean_and_range([seed_score.auroc for seed_score in scores])


def _mean_and_range(values: Sequence[float]) -> str:
    """Return "mean (lowest to highest)"."""
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def _fold_deviation(examples: LabelledExamples, results: Sequence[OutOfFold]) -> float:
    """Return the standard deviation of the accuracy over the folds of all seeds."""
    accuracies = []
    for result in results:
        is_right = result.readable == examples.acceptable
        for fold in range(int(result.fold.max()) + 1):
            accuracies.append(float(is_right[result.fold == fold].mean()))
    return float(np.std(accuracies))


def _verdicts(acceptable: NDArray[np.bool_], results: Sequence[OutOfFold]) -> str:
    """Return sensitivity and specificity as a sentence, means over seeds."""
    sensitivity = np.mean([result.readable[acceptable].mean() for result in results])
    specificity = np.mean([(~result.readable[~acceptable]).mean() for result in results])
    return (
        f"Judged readable: {sensitivity:.3f} of the acceptable recordings; judged unreadable:"
        f" {specificity:.3f} of the unacceptable ones."
    )
