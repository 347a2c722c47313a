"""How good a head is on recordings it never saw: figures for each label, with intervals by a bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import RankedRecords, patient_resamples
from heads.head import Head
from training.heads.examples import Examples

Array = NDArray[np.float64]

RESAMPLES: Final = 1000
INTERVAL: Final = (0.025, 0.975)
CALIBRATION_BINS: Final = 15  # of equal mass
MIN_FOR_INTERVAL: Final = 20  # patients


def score_head(head: Head, examples: Examples, *, seed: int = 0) -> dict[str, Any]:
    """Figures of every label and their macro means; examples.truth has the head's labels as columns."""
    return score(
        head.probabilities(examples.x),
        np.array([label.threshold for label in head.labels]),
        head.label_names,
        examples,
        seed,
    )


def score(
    probabilities: Array,
    thresholds: Array,
    labels: tuple[str, ...],
    examples: Examples,
    seed: int = 0,
) -> dict[str, Any]:
    patients = len(np.unique(examples.patients))
    resamples = list(
        patient_resamples(examples.patients, RESAMPLES if patients >= MIN_FOR_INTERVAL else 0, seed)
    )
    weights = np.concatenate(resamples) if resamples else np.zeros((0, len(examples.x)), np.float32)
    found, draws = {}, []
    for k, label in enumerate(labels):
        figures, drawn = _label(probabilities[:, k], thresholds[k], examples.truth[:, k], weights)
        found[label] = figures
        draws.append(drawn)
    return {
        "records": len(examples.x),
        "patients": patients,
        "resamples": len(weights),
        "macro": {
            name: _macro(
                [one[name]["value"] for one in found.values()], [drawn[name] for drawn in draws]
            )
            for name in DRAWN
        },
        "labels": found,
    }


def prevalence_baseline(labels: tuple[str, ...], examples: Examples) -> dict[str, Any]:
    """What a head scores that knows nothing but how frequent each label is, and calls every recording positive."""
    found = {}
    for k, label in enumerate(labels):
        truth = examples.truth[~np.isnan(examples.truth[:, k]), k]
        share = float(truth.mean()) if truth.size else None
        found[label] = {
            "auroc": 0.5,
            "auprc": share,
            "f1": None if share is None else 2 * share / (1 + share),
        }
    shares = [one["auprc"] for one in found.values() if one["auprc"] is not None]
    f1 = [one["f1"] for one in found.values() if one["f1"] is not None]
    return {
        "macro": {"auroc": 0.5, "auprc": float(np.mean(shares)), "f1": float(np.mean(f1))},
        "labels": found,
    }


def average_precision(ranked: RankedRecords, weights: NDArray[np.floating[Any]]) -> Array:
    """(resamples,): the area under precision over recall, as a sum over thresholds; NaN without a positive."""
    ordered = weights[:, ranked.order].astype(np.float64)
    positive = np.add.reduceat(ordered * ranked.positive, ranked.tie_starts, axis=1)[:, ::-1]
    every = np.add.reduceat(ordered, ranked.tie_starts, axis=1)[:, ::-1]
    precision = np.cumsum(positive, axis=1) / np.maximum(np.cumsum(every, axis=1), 1e-12)
    count = positive.sum(axis=1)
    found = np.divide(
        (precision * positive).sum(axis=1),
        count,
        out=np.full(len(weights), np.nan),
        where=count > 0,
    )
    return np.asarray(found, np.float64)


def expected_calibration_error(probabilities: Array, truth: Array) -> float:
    """Mean distance of mean probability and share of positives, over bins of equal mass."""
    order = np.argsort(probabilities, kind="stable")
    bins = np.array_split(order, min(CALIBRATION_BINS, len(order)))
    return float(
        sum(len(rows) * abs(probabilities[rows].mean() - truth[rows].mean()) for rows in bins)
        / len(order)
    )


def _f1(predicted: NDArray[np.bool_], truth: Array, weights: NDArray[np.floating[Any]]) -> Array:
    hit, said, true = (
        weights @ rows.astype(np.float32)
        for rows in (predicted & (truth == 1), predicted, truth == 1)
    )
    return np.asarray(
        np.divide(2 * hit, said + true, out=np.full(len(weights), np.nan), where=true > 0),
        np.float64,
    )


DRAWN: Final = ("auroc", "auprc", "f1")


def _label(
    probabilities: Array, threshold: float, truth: Array, weights: NDArray[np.float32]
) -> tuple[dict[str, Any], dict[str, Array]]:
    known = ~np.isnan(truth)
    p, y, w = probabilities[known], truth[known], weights[:, known]
    once = np.ones((1, len(y)), np.float32)
    ranked, positive = RankedRecords(y, p), p >= threshold
    of: dict[str, Callable[[NDArray[np.float32]], Array]] = {
        "auroc": ranked.auroc,
        "auprc": lambda drawn: (
            average_precision(ranked, drawn) if len(y) else np.full(len(drawn), np.nan)
        ),
        "f1": lambda drawn: _f1(positive, y, drawn),
    }
    drawn = {name: figure(w) for name, figure in of.items()}
    confusion = {
        "true_positive": int((positive & (y == 1)).sum()),
        "false_positive": int((positive & (y == 0)).sum()),
        "false_negative": int((~positive & (y == 1)).sum()),
        "true_negative": int((~positive & (y == 0)).sum()),
    }
    figures = {
        "positives": int((y == 1).sum()),
        "records": len(y),
        **{name: _interval(float(figure(once)[0]), drawn[name]) for name, figure in of.items()},
        "threshold": float(threshold),
        "sensitivity": _share(confusion["true_positive"], confusion["false_negative"]),
        "specificity": _share(confusion["true_negative"], confusion["false_positive"]),
        "confusion": confusion,
        "brier": float(((p - y) ** 2).mean()) if len(y) else None,
        "expected_calibration_error": expected_calibration_error(p, y) if len(y) else None,
    }
    return figures, drawn


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None


def _interval(value: float, drawn: Array) -> dict[str, float | None]:
    usable = drawn[~np.isnan(drawn)]
    low, high = (
        np.quantile(usable, INTERVAL) if usable.size and not np.isnan(value) else (np.nan, np.nan)
    )
    return {"value": _number(value), "low": _number(low), "high": _number(high)}


def _macro(values: list[float | None], drawn: list[Array]) -> dict[str, float | None]:
    """Over the labels that have a value; null where none has."""
    there = [k for k, value in enumerate(values) if value is not None]
    if not there:
        return {"value": None, "low": None, "high": None}
    return _interval(
        float(np.mean([values[k] for k in there])), np.mean([drawn[k] for k in there], axis=0)
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
