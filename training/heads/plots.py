"""A head's figures as pictures: ROC, precision over recall, calibration, and confusion at the thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import BadTrainingData
from heads.head import Head
from training.heads.examples import Examples
from training.heads.scores import CALIBRATION_BINS

Array = NDArray[np.float64]


def write_plots(folder: Path, head: Head, examples: Examples, scores: dict[str, Any]) -> list[Path]:
    """PNG files in the folder. Raises BadTrainingData where matplotlib is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        raise BadTrainingData(
            "plots need matplotlib: pip install -r requirements-training.txt, or --no-plots"
        ) from None
    probabilities = head.probabilities(examples.x)
    columns = [_known(probabilities[:, k], examples.truth[:, k]) for k in range(len(head.labels))]
    written = []
    for name, draw, title in (
        ("roc", _roc, ("1 - specificity", "sensitivity")),
        ("precision_recall", _precision_recall, ("recall", "precision")),
        ("calibration", _calibration, ("probability", "share of positives")),
    ):
        figure, axes = pyplot.subplots(figsize=(6, 6), layout="constrained")
        for label, (p, y) in zip(head.label_names, columns, strict=True):
            if 0 < y.sum() < len(y):
                axes.plot(*draw(p, y), label=label, marker="o" if name == "calibration" else None)
        if name != "precision_recall":
            axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
        axes.set(
            xlabel=title[0],
            ylabel=title[1],
            xlim=(0, 1),
            ylim=(0, 1.01),
            title=f"{head.name}, {len(examples.x)} recordings",
        )
        axes.legend(fontsize="small")
        written.append(_save(figure, folder / f"{name}.png", pyplot))
    written.append(_save(_confusions(head, scores, pyplot), folder / "confusion.png", pyplot))
    return written


def _known(p: Array, y: Array) -> tuple[Array, Array]:
    known = ~np.isnan(y)
    return p[known], y[known]


def _save(figure: Any, path: Path, pyplot: Any) -> Path:
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def _counts(p: Array, y: Array) -> tuple[Array, Array]:
    """True and false positives at each threshold, from the highest down."""
    ranked = y[np.argsort(-p, kind="stable")]
    return np.cumsum(ranked == 1), np.cumsum(ranked == 0)


def _roc(p: Array, y: Array) -> tuple[Array, Array]:
    hits, misses = _counts(p, y)
    return np.append(0, misses / misses[-1]), np.append(0, hits / hits[-1])


def _precision_recall(p: Array, y: Array) -> tuple[Array, Array]:
    hits, misses = _counts(p, y)
    return hits / hits[-1], hits / (hits + misses)


def _calibration(p: Array, y: Array) -> tuple[Array, Array]:
    bins = np.array_split(np.argsort(p, kind="stable"), min(CALIBRATION_BINS, len(p)))
    return np.array([p[rows].mean() for rows in bins]), np.array([y[rows].mean() for rows in bins])


def _confusions(head: Head, scores: dict[str, Any], pyplot: Any) -> Any:
    """One 2 x 2 table a label, in counts."""
    count = len(head.labels)
    across = min(count, 4)
    down = -(-count // across)
    figure, grid = pyplot.subplots(
        down, across, figsize=(2.4 * across, 2.6 * down), squeeze=False, layout="constrained"
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, label in zip(grid.flat, head.labels, strict=False):
        found = scores["labels"][label.name]["confusion"]
        table = np.array(
            [
                [found["true_negative"], found["false_positive"]],
                [found["false_negative"], found["true_positive"]],
            ]
        )
        axes.imshow(
            table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1
        )
        for (row, column), value in np.ndenumerate(table):
            axes.text(column, row, str(value), ha="center", va="center")
        axes.set_title(f"{label.name}\nfrom {label.threshold:.3f}", fontsize="small")
        axes.set(
            xticks=[0, 1],
            yticks=[0, 1],
            xticklabels=["no", "yes"],
            yticklabels=["no", "yes"],
            xlabel="head",
            ylabel="truth",
        )
        axes.axis("on")
    return figure
