"""What the training of the quality model says about it: figures as a table, and their section of docs/accuracy.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.model import ReadableModel
from training.quality.fit import Score, score

if TYPE_CHECKING:
    from training.quality.train import Labelled

PAGE: Final = Path(__file__).parents[2] / "docs" / "accuracy.md"
TITLE: Final = "## Signal quality"
HEAD: Final = "Written by `python -m training.quality --data CINC2011` (PhysioNet/CinC Challenge 2011, set-a)."
ANCHORS: Final = (
    "Anchors: the challenge's winner had an accuracy of 0.932 on its test set (0.940 after relabelling); a rules-only entry fell "
    "from 0.914 to 0.857 (Silva, Moody, Celi: *Improving the quality of ECGs collected using mobile phones*, Computing in Cardiology 2011)."
)


@dataclass
class OutOfFold:
    """One division into outer folds: what each recording was given by a model that had not seen it."""

    probability: NDArray[np.float64]
    guessed: NDArray[np.float64]
    readable: NDArray[np.bool_]
    fold: NDArray[np.intp]

    @classmethod
    def empty(cls, count: int) -> OutOfFold:
        return cls(
            np.zeros(count), np.zeros(count), np.zeros(count, np.bool_), np.zeros(count, np.intp)
        )


def figures(data: Labelled, outer: Sequence[OutOfFold]) -> str:
    """The out-of-fold figures as a table in Markdown."""
    acceptable, some = data.acceptable, ~data.flat
    every = [score(acceptable, one.probability, one.readable) for one in outer]
    alive = [score(acceptable[some], one.probability[some], one.readable[some]) for one in outer]
    guessed = [
        score(acceptable[some], one.guessed[some], one.readable[some]).auroc for one in outer
    ]
    brier = np.mean([np.mean((one.probability - acceptable) ** 2) for one in outer])
    lines = [
        f"Nested cross-validation, {len(outer)} seeds, {int(outer[0].fold.max()) + 1} outer folds, identical recordings in one fold; "
        "calibration by 5 inner folds, readable at one half. Mean over seeds (lowest to highest seed; standard deviation over folds). "
        "The kind of model and its settings were settled on five other seeds' folds of the same recordings.",
        "",
        "| recordings | accuracy | AUROC |",
        "|---|---|---|",
        f"| {len(acceptable)} labelled | {_accuracy(every)}{_over_folds(data, outer)} | {_auroc(every)} |",
        f"| {int(some.sum())} without the wholly flat ones | {_accuracy(alive)} | {_auroc(alive)} |",
        f"| the same, units unknown (scaled to the usual QRS height) | | {_range(guessed)} |",
        "",
        _verdicts(acceptable, outer),
        f"Calibration, out of fold: Brier score {brier:.3f}. CPU of the features: {data.cpu_ms:.1f} ms a recording of 12 x 5000.",
    ]
    return "\n".join(lines)


def in_sample(data: Labelled, model: ReadableModel) -> str:
    """How the model that ships does on what it learned from, named so."""
    probability = model.probability(data.rows)
    found: Score = score(data.acceptable, probability, probability >= model.threshold)
    return (
        f"What ships is trained on all of them (threshold {model.threshold:.2f}); "
        f"**in sample** it has accuracy {found.accuracy:.4f} and AUROC {found.auroc:.4f}, which says nothing about new recordings."
    )


def write(page: Path, title: str, text: str) -> None:
    """The section of the page under that title, in place of the one that was there."""
    before = page.read_text(encoding="utf-8") if page.is_file() else "# Accuracy\n"
    kept = re.sub(
        rf"\n*^{title}\n.*?(?=\n## |\Z)", "\n", before, flags=re.DOTALL | re.MULTILINE
    ).rstrip("\n")
    page.write_text(f"{kept}\n\n{title}\n\n{text}\n", encoding="utf-8")


def _accuracy(scores: Sequence[Score]) -> str:
    return _range([one.accuracy for one in scores])


def _auroc(scores: Sequence[Score]) -> str:
    return _range([one.auroc for one in scores])


def _range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def _over_folds(data: Labelled, outer: Sequence[OutOfFold]) -> str:
    each = [
        float((one.readable == data.acceptable)[one.fold == number].mean())
        for one in outer
        for number in range(int(one.fold.max()) + 1)
    ]
    return f", sd over folds {np.std(each):.3f}"


def _verdicts(acceptable: NDArray[np.bool_], outer: Sequence[OutOfFold]) -> str:
    kept = np.mean([one.readable[acceptable].mean() for one in outer])
    refused = np.mean([(~one.readable[~acceptable]).mean() for one in outer])
    return f"Called readable: {kept:.3f} of the acceptable; called unreadable: {refused:.3f} of the unacceptable."
