"""How good a head is on recordings that it was not trained on.

Figures for each label, with 95 % intervals by a bootstrap over patients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import RankedRecords, patient_resamples
from heads.head import Head
from training.heads.examples import Examples

Array = NDArray[np.float64]
Weights = NDArray[np.floating[Any]]
Resamples = NDArray[np.float32]

RESAMPLES: Final = 1000
INTERVAL: Final = (0.025, 0.975)  # quantiles
CALIBRATION_BINS: Final = 15  # of equal size
MIN_FOR_INTERVAL: Final = 20  # patients
RESAMPLED: Final = ("auroc", "auprc", "f1")  # figures that have an interval


def score_head(head: Head, examples: Examples, *, seed: int = 0) -> dict[str, Any]:
    """Return the figures of a head. The columns of examples.truth are the head's labels."""
    probabilities = head.probabilities(examples.x)
    thresholds = np.array([label.threshold for label in head.labels])
    return score(probabilities, thresholds, head.label_names, examples, seed)


def score(
    probabilities: Array,
    thresholds: Array,
    labels: tuple[str, ...],
    examples: Examples,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the figures of every label and the means over labels ("macro"), for JSON.

    probabilities  (records, labels)
    thresholds     (labels,)
    With fewer than MIN_FOR_INTERVAL patients, intervals are null.
    """
    weights = _resamples(examples, seed)
    by_label = {}
    resampled = []
    for k, label in enumerate(labels):
        figures, of_resamples = _score_label(
            probabilities[:, k], thresholds[k], examples.truth[:, k], weights
        )
        by_label[label] = figures
        resampled.append(of_resamples)
    macro = {
        name: _macro(
            [figures[name]["value"] for figures in by_label.values()],
            [of_resamples[name] for of_resamples in resampled],
        )
        for name in RESAMPLED
    }
    return {
        "records": len(examples.x),
        "patients": len(np.unique(examples.patients)),
        "resamples": len(weights),
        "macro": macro,
        "labels": by_label,
    }


def _resamples(examples: Examples, seed: int) -> Resamples:
    """Return bootstrap weights (resamples, records); without rows if there are too few patients."""
    if len(np.unique(examples.patients)) < MIN_FOR_INTERVAL:
        return np.zeros((0, len(examples.x)), np.float32)
    return np.concatenate(list(patient_resamples(examples.patients, RESAMPLES, seed)))


def prevalence_baseline(labels: tuple[str, ...], examples: Examples) -> dict[str, Any]:
    """Return the figures of a head that only knows each label's frequency.

    It calls every recording positive. AUPRC and F1 are null for a label without known truths.
    """
    by_label: dict[str, dict[str, float | None]] = {}
    for k, label in enumerate(labels):
        truth = examples.truth[:, k]
        known = truth[~np.isnan(truth)]
        if known.size:
            share = float(known.mean())
            by_label[label] = {"auroc": 0.5, "auprc": share, "f1": 2 * share / (1 + share)}
        else:
            by_label[label] = {"auroc": 0.5, "auprc": None, "f1": None}
    auprc = [figures["auprc"] for figures in by_label.values() if figures["auprc"] is not None]
    f1 = [figures["f1"] for figures in by_label.values() if figures["f1"] is not None]
    macro = {"auroc": 0.5, "auprc": float(np.mean(auprc)), "f1": float(np.mean(f1))}
    return {"macro": macro, "labels": by_label}


def average_precision(ranked: RankedRecords, weights: Weights) -> Array:
    """Return the area under precision over recall: weights (resamples, records) -> (resamples,).

    It is a sum over thresholds, as scikit-learn's. NaN where a resample has no positive.
    """
    ordered = weights[:, ranked.order].astype(np.float64)
    # Ties are one threshold. Reversed, the sums run from the highest score down.
    positive = np.add.reduceat(ordered * ranked.positive, ranked.tie_starts, axis=1)[:, ::-1]
    all_records = np.add.reduceat(ordered, ranked.tie_starts, axis=1)[:, ::-1]
    hits = np.cumsum(positive, axis=1)
    precision = hits / np.maximum(np.cumsum(all_records, axis=1), 1e-12)
    positives = positive.sum(axis=1)
    areas = np.full(len(weights), np.nan)
    np.divide((precision * positive).sum(axis=1), positives, out=areas, where=positives > 0)
    return areas


def expected_calibration_error(probabilities: Array, truth: Array) -> float:
    """Return the mean difference between mean probability and share of positives, over bins.

    probabilities, truth  (records,), without unknown truths
    """
    order = np.argsort(probabilities, kind="stable")
    bins = np.array_split(order, min(CALIBRATION_BINS, len(order)))
    total = sum(len(rows) * abs(probabilities[rows].mean() - truth[rows].mean()) for rows in bins)
    return float(total / len(order))


def _f1(predicted: NDArray[np.bool_], truth: Array, weights: Weights) -> Array:
    """Return F1 of each resample, (resamples,); NaN where it has no positive."""
    positive = truth == 1
    hits = weights @ (predicted & positive).astype(np.float32)
    predictions = weights @ predicted.astype(np.float32)
    positives = weights @ positive.astype(np.float32)
    f1 = np.full(len(weights), np.nan)
    np.divide(2 * hits, predictions + positives, out=f1, where=positives > 0)
    return f1


def _score_label(
    probabilities: Array, threshold: float, truth: Array, weights: Resamples
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return one label's figures, and those with an interval for each resample.

    probabilities, truth  (records,), truth NaN where unknown
    """
    known = ~np.isnan(truth)
    p = probabilities[known]
    y = truth[known]
    functions = _figure_functions(p, y, p >= threshold)
    resampled = {name: figure(weights[:, known]) for name, figure in functions.items()}
    once = np.ones((1, len(y)), np.float32)
    figures: dict[str, Any] = {"positives": int((y == 1).sum()), "records": len(y)}
    for name, figure in functions.items():
        figures[name] = _interval(float(figure(once)[0]), resampled[name])
    figures |= _threshold_figures(p, y, threshold)
    figures["brier"] = float(((p - y) ** 2).mean()) if len(y) else None
    figures["expected_calibration_error"] = expected_calibration_error(p, y) if len(y) else None
    return figures, resampled


def _figure_functions(
    p: Array, y: Array, predicted: NDArray[np.bool_]
) -> dict[str, Callable[[Weights], Array]]:
    """Return the functions of weights (resamples, records) that give the figures of RESAMPLED."""
    ranked = RankedRecords(y, p)

    def auprc(weights: Weights) -> Array:
        if not len(y):
            return np.full(len(weights), np.nan)
        return average_precision(ranked, weights)

    def f1(weights: Weights) -> Array:
        return _f1(predicted, y, weights)

    return {"auroc": ranked.auroc, "auprc": auprc, "f1": f1}


def _threshold_figures(p: Array, y: Array, threshold: float) -> dict[str, Any]:
    """Return the figures at the threshold."""
    positive = p >= threshold
    confusion = {
        "true_positive": int((positive & (y == 1)).sum()),
        "false_positive": int((positive & (y == 0)).sum()),
        "false_negative": int((~positive & (y == 1)).sum()),
        "true_negative": int((~positive & (y == 0)).sum()),
    }
    return {
        "threshold": float(threshold),
        "sensitivity": _share(confusion["true_positive"], confusion["false_negative"]),
        "specificity": _share(confusion["true_negative"], confusion["false_positive"]),
        "confusion": confusion,
    }


def _share(part: int, rest: int) -> float | None:
    """Return the part's share of both, None if both are 0."""
    return part / (part + rest) if part + rest else None


def _interval(value: float, resampled: Array) -> dict[str, float | None]:
    """Return a figure with its interval; null for what cannot be computed."""
    usable = resampled[~np.isnan(resampled)]
    if not usable.size or np.isnan(value):
        return {"value": _or_null(value), "low": None, "high": None}
    low, high = np.quantile(usable, INTERVAL)
    return {"value": _or_null(value), "low": _or_null(low), "high": _or_null(high)}


def _macro(values: list[float | None], resampled: list[Array]) -> dict[str, float | None]:
    """Return the mean over the labels that have a value; null if none has."""
    scored = [(v, r) for v, r in zip(values, resampled, strict=True) if v is not None]
    if not scored:
        return {"value": None, "low": None, "high": None}
    mean = float(np.mean([value for value, _ in scored]))
    return _interval(mean, np.mean([of_resamples for _, of_resamples in scored], axis=0))


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
