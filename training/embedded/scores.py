"""How good the embedded model is on recordings it never saw: calibration, thresholds, AUROC and AUPRC by label and group of patients."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import RankedRecords, patient_resamples
from signals.logistic import sigmoid
from superclasses import SUPERCLASSES
from training.calibration import best_f1_threshold, platt
from training.datasets.ptbxl import AGE_OVER_89
from training.embedded.data import Examples
from training.heads.scores import average_precision, expected_calibration_error

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

RESAMPLES: Final = 500
INTERVAL_PERCENT: Final = (2.5, 97.5)
CALIBRATION_PARTS: Final = 5
MIN_IN_GROUP: Final = 20  # positives
AGE_LIMITS: Final = (18, 40, 60, 75)


@dataclass(frozen=True)
class Figure:
    """A value and its bootstrap interval, by patient."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class LabelScore:
    """One label, out of fold. `groups`: name -> (positives, AUROC), where a group has enough of both."""

    name: str
    positives: int
    auroc: Figure
    auprc: Figure
    error: float
    threshold: float
    sensitivity: float
    specificity: float
    groups: dict[str, tuple[int, Figure]]


@dataclass(frozen=True, eq=False)
class Scores:
    """macro: of the superclasses. slope, offset, threshold (labels,): what ships, fitted on every held-out logit."""

    macro: Figure
    labels: tuple[LabelScore, ...]
    slope: Array
    offset: Array
    threshold: Array


def cross_fitted(
    logits: NDArray[np.float32], truth: NDArray[np.float32], patient: NDArray[np.int64]
) -> Array:
    """Probabilities of each fifth of the patients by a calibration on the other four's held-out logits."""
    found = np.empty(logits.shape)
    for number in range(CALIBRATION_PARTS):
        held = patient % CALIBRATION_PARTS == number
        slope, offset = calibration(logits[~held], truth[~held])
        found[held] = sigmoid(logits[held] * slope + offset)
    return found


def calibration(logits: NDArray[np.float32], truth: NDArray[np.float32]) -> tuple[Array, Array]:
    """(slope, offset), each (labels,). A label without a positive here keeps its logits."""
    pairs = [
        platt(logits[:, k].astype(np.float64), truth[:, k].astype(np.float64))
        if truth[:, k].any()
        else (1.0, 0.0)
        for k in range(truth.shape[1])
    ]
    return np.array([slope for slope, _ in pairs]), np.array([offset for _, offset in pairs])


def score(examples: Examples, logits: NDArray[np.float32], known: Flags) -> Scores:
    """All figures of out-of-fold logits (records, labels), of the records where there are some."""
    logits, truth, patient = logits[known], examples.truth[known], examples.patient[known]
    probabilities = cross_fitted(logits, truth, patient)
    weights = np.concatenate(list(patient_resamples(patient, RESAMPLES, seed=0)))
    groups = {name: members[known] for name, members in groups_of(examples).items()}
    drawn: list[Array] = []
    found = []
    for k, target in enumerate(examples.labels):
        one, draws = _label(target.name, probabilities[:, k], truth[:, k] == 1, weights, groups)
        found.append(one)
        drawn.append(draws)
    macro = np.mean(drawn[: len(SUPERCLASSES)], axis=0)
    slope, offset = calibration(logits, truth)
    threshold = np.array([one.threshold for one in found])
    return Scores(
        _figure(float(np.mean([one.auroc.value for one in found[: len(SUPERCLASSES)]])), macro),
        tuple(found),
        slope,
        offset,
        threshold,
    )


def groups_of(examples: Examples) -> dict[str, Flags]:
    """Sexes and ages; unknown ages are in none."""
    sex, age = examples.table.sex[examples.rows], examples.table.age[examples.rows].copy()
    groups = {"men": sex == 0, "women": sex == 1}
    limits = (*AGE_LIMITS, np.inf)
    age[age == AGE_OVER_89] = 90.0
    for low, high in itertools.pairwise(limits):
        groups[f"{low:g} or older" if np.isinf(high) else f"{low:g}-{high - 1:g}"] = (
            age >= low
        ) & (age < high)
    return groups


def macro_auroc(truth: NDArray[np.float32], scores: NDArray[np.floating]) -> float:
    """Of the superclasses, in their columns."""
    return float(np.mean([auroc(truth[:, k] == 1, scores[:, k]) for k in range(len(SUPERCLASSES))]))


def auroc(truth: Flags, scores: NDArray[np.floating]) -> float:
    return float(
        RankedRecords(truth.astype(np.float64), scores).auroc(np.ones((1, len(scores))))[0]
    )


def _label(
    name: str,
    probability: Array,
    truth: Flags,
    weights: NDArray[np.float32],
    groups: dict[str, Flags],
) -> tuple[LabelScore, Array]:
    ranked, once = (
        RankedRecords(truth.astype(np.float64), probability),
        np.ones((1, len(truth)), np.float32),
    )
    draws = ranked.auroc(weights)
    area = _figure(float(ranked.auroc(once)[0]), draws)
    precision = _figure(
        float(average_precision(ranked, once)[0]), average_precision(ranked, weights)
    )
    threshold = best_f1_threshold(probability, truth.astype(np.float64))
    positive = probability >= threshold
    by_group = {
        group: (int(truth[rows].sum()), _group(truth[rows], probability[rows], weights[:, rows]))
        for group, rows in groups.items()
        if truth[rows].sum() >= MIN_IN_GROUP and (~truth[rows]).sum() >= MIN_IN_GROUP
    }
    hit, spared = _share(positive[truth]), _share(~positive[~truth])
    error = expected_calibration_error(probability, truth.astype(np.float64))
    return LabelScore(
        name, int(truth.sum()), area, precision, error, threshold, hit, spared, by_group
    ), draws


def _group(truth: Flags, probability: Array, weights: NDArray[np.float32]) -> Figure:
    ranked = RankedRecords(truth.astype(np.float64), probability)
    return _figure(float(ranked.auroc(np.ones((1, len(truth))))[0]), ranked.auroc(weights))


def _share(flags: Flags) -> float:
    return float(flags.mean()) if flags.size else float("nan")


def _figure(value: float, draws: Array) -> Figure:
    usable = draws[~np.isnan(draws)]
    low, high = np.percentile(usable, INTERVAL_PERCENT) if usable.size else (np.nan, np.nan)
    return Figure(value, float(low), float(high))
