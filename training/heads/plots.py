"""Plots of a head's scores: ROC, precision over recall, calibration, and confusion matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadTrainingData
from heads.head import Head, HeadLabel
from training.heads.examples import Examples
from training.heads.scores import CALIBRATION_BINS

Array = NDArray[np.float64]

MAX_MATRICES_IN_A_ROW: Final = 4


def write_plots(folder: Path, head: Head, examples: Examples, scores: dict[str, Any]) -> list[Path]:
    """Write PNG files into the folder and return their paths.

    scores  of `score_head`
    Raises BadTrainingData if matplotlib is not installed.
    """
    pyplot = _import_pyplot()
    probabilities = head.probabilities(examples.x)
    known_pairs = []
    for k in range(len(head.labels)):
        is_known = ~np.isnan(examples.truth[:, k])
        known_pairs.append((probabilities[is_known, k], examples.truth[is_known, k]))
    title = f"{head.name}, {len(examples.x)} recordings"
    paths = []
    for plot in CURVES:
        figure = _draw_curves(plot, head.label_names, known_pairs, title, pyplot)
        paths.append(_save(figure, folder / f"{plot.name}.png", pyplot))
    figure = _draw_confusions(head, scores, pyplot)
    paths.append(_save(figure, folder / "confusion.png", pyplot))
    return paths


def _import_pyplot() -> Any:
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        raise BadTrainingData(
            "plots need matplotlib: pip install -r requirements-training.txt, or --no-plots"
        ) from None
    return pyplot


def _save(figure: Any, path: Path, pyplot: Any) -> Path:
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def _counts(p: Array, y: Array) -> tuple[Array, Array]:
    """Return true and false positives at each threshold, from the highest down."""
    descending = y[np.argsort(-p, kind="stable")]
    return np.cumsum(descending == 1), np.cumsum(descending == 0)


def _roc(p: Array, y: Array) -> tuple[Array, Array]:
    true, false = _counts(p, y)
    return np.append(0, false / false[-1]), np.append(0, true / true[-1])


def _precision_recall(p: Array, y: Array) -> tuple[Array, Array]:
    true, false = _counts(p, y)
    return true / true[-1], true / (true + false)


def _calibration(p: Array, y: Array) -> tuple[Array, Array]:
    bins = np.array_split(np.argsort(p, kind="stable"), min(CALIBRATION_BINS, len(p)))
    mean = np.array([p[rows].mean() for rows in bins])
    share = np.array([y[rows].mean() for rows in bins])
    return mean, share


@dataclass(frozen=True)
class _Curves:
    """A plot with one curve for each label.

    points  (x, y) of a curve, from probabilities and truths (records,) of one label
    """

    name: str
    points: Callable[[Array, Array], tuple[Array, Array]]
    x_label: str
    y_label: str
    marker: str | None = None
    diagonal: bool = True


CURVES: Final = (
    _Curves("roc", _roc, "1 - specificity", "sensitivity"),
    _Curves("precision_recall", _precision_recall, "recall", "precision", diagonal=False),
    _Curves("calibration", _calibration, "probability", "share of positives", marker="o"),
)


def _draw_curves(
    plot: _Curves,
    labels: tuple[str, ...],
    known_pairs: list[tuple[Array, Array]],
    title: str,
    pyplot: Any,
) -> Any:
    """Draw the curves of the labels that have positives and negatives."""
    figure, axes = pyplot.subplots(figsize=(6, 6), layout="constrained")
    for label, (p, y) in zip(labels, known_pairs, strict=True):
        if 0 < y.sum() < len(y):
            axes.plot(*plot.points(p, y), label=label, marker=plot.marker)
    if plot.diagonal:
        axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axes.set(xlabel=plot.x_label, ylabel=plot.y_label, xlim=(0, 1), ylim=(0, 1.01), title=title)
    axes.legend(fontsize="small")
    return figure


def _draw_confusions(head: Head, scores: dict[str, Any], pyplot: Any) -> Any:
    """Draw one 2 x 2 matrix of counts for each label."""
    columns = min(len(head.labels), MAX_MATRICES_IN_A_ROW)
    rows = -(-len(head.labels) // columns)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(2.4 * columns, 2.6 * rows), squeeze=False, layout="constrained"
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, label in zip(grid.flat, head.labels, strict=False):
        _draw_confusion(axes, label, scores["labels"][label.name]["confusion"])
    return figure


def _draw_confusion(axes: Any, label: HeadLabel, confusion: dict[str, int]) -> None:
    table = np.array(
        [
            [confusion["true_negative"], confusion["false_positive"]],
            [confusion["false_negative"], confusion["true_positive"]],
        ]
    )
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(table):
        axes.text(column, row, str(value), ha="center", va="center")
    axes.set_title(f"{label.name}\nfrom {label.threshold:.3f}", fontsize="small")
    names = ["no", "yes"]
    axes.set(
        xticks=[0, 1],
        yticks=[0, 1],
        xticklabels=names,
        yticklabels=names,
        xlabel="head",
        ylabel="truth",
    )
    axes.axis("on")
