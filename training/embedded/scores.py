"""How good the embedded model is on recordings that it was not trained on.

Calibration, thresholds, AUROC and AUPRC by label and by group of patients.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import RankedRecords, auroc, patient_resamples
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
MIN_IN_GROUP: Final = 20  # positives, and negatives
AGE_LIMITS: Final = (18, 40, 60, 75)
ASSUMED_AGE_OVER_89: Final = 90.0  # PTB-XL conceals ages over 89


@dataclass(frozen=True)
class Figure:
    """A value and its bootstrap interval, by patient."""

    value: float
    low: float
    high: float

    @classmethod
    def of_resamples(cls, value: float, resampled: Array) -> Figure:
        """Return a value with the interval of its resamples; NaN ones are left out."""
        usable = resampled[~np.isnan(resampled)]
        if not usable.size:
            return cls(value, float("nan"), float("nan"))
        low, high = np.percentile(usable, INTERVAL_PERCENT)
        return cls(value, float(low), float(high))

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class LabelScore:
    """Figures of one label, out of fold.

    error   expected calibration error
    groups  name -> (positives, AUROC), for groups with enough positives and negatives
    """

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
    """All figures, and the calibration that ships.

    macro                     mean AUROC of the superclasses
    slope, offset, threshold  (labels,), fitted on every out-of-fold logit
    """

    macro: Figure
    labels: tuple[LabelScore, ...]
    slope: Array
    offset: Array
    threshold: Array


def cross_fitted(
    logits: NDArray[np.float32], truth: NDArray[np.float32], patient: NDArray[np.int64]
) -> Array:
    """Return calibrated probabilities (records, labels).

    Each fifth of the patients is calibrated by a fit to the out-of-fold logits of the other four.
    """
    probabilities = np.empty(logits.shape)
    for number in range(CALIBRATION_PARTS):
        held = patient % CALIBRATION_PARTS == number
        slope, offset = calibration(logits[~held], truth[~held])
        probabilities[held] = sigmoid(logits[held] * slope + offset)
    return probabilities


def calibration(logits: NDArray[np.float32], truth: NDArray[np.float32]) -> tuple[Array, Array]:
    """Return (slope, offset), each (labels,). A label without positives keeps its logits."""
    labels = truth.shape[1]
    slope = np.ones(labels)
    offset = np.zeros(labels)
    for k in range(labels):
        if truth[:, k].any():
            slope[k], offset[k] = platt(
                logits[:, k].astype(np.float64), truth[:, k].astype(np.float64)
            )
    return slope, offset


def score(examples: Examples, logits: NDArray[np.float32], known: Flags) -> Scores:
    """Return all figures of out-of-fold logits (records, labels).

    known  (records,) which records have logits
    """
    logits = logits[known]
    truth = examples.truth[known]
    patient = examples.patient[known]
    probabilities = cross_fitted(logits, truth, patient)
    weights = np.concatenate(list(patient_resamples(patient, RESAMPLES, seed=0)))
    groups = {name: members[known] for name, members in patient_groups(examples).items()}
    labels = []
    aurocs_of_resamples: list[Array] = []
    for k, target in enumerate(examples.labels):
        label, aurocs = _score_label(
            target.name, probabilities[:, k], truth[:, k] == 1, weights, groups
        )
        labels.append(label)
        aurocs_of_resamples.append(aurocs)
    count = len(SUPERCLASSES)
    macro = float(np.mean([label.auroc.value for label in labels[:count]]))
    macro_of_resamples = np.mean(aurocs_of_resamples[:count], axis=0)
    slope, offset = calibration(logits, truth)
    return Scores(
        macro=Figure.of_resamples(macro, macro_of_resamples),
        labels=tuple(labels),
        slope=slope,
        offset=offset,
        threshold=np.array([label.threshold for label in labels]),
    )


def patient_groups(examples: Examples) -> dict[str, Flags]:
    """Return the members of each group, (records,): sexes and ages. Unknown ages are in none."""
    sex = examples.table.sex[examples.rows]
    age = examples.table.age[examples.rows].copy()
    age[age == AGE_OVER_89] = ASSUMED_AGE_OVER_89
    groups = {"men": sex == 0, "women": sex == 1}
    for low, high in itertools.pairwise(AGE_LIMITS):
        groups[f"{low}-{high - 1}"] = (age >= low) & (age < high)
    oldest = AGE_LIMITS[-1]
    groups[f"{oldest} or older"] = age >= oldest
    return groups


def macro_auroc(truth: NDArray[np.float32], scores: NDArray[np.floating]) -> float:
    """Return the mean AUROC of the superclasses, which are the first columns of both."""
    aurocs = [
        auroc((truth[:, k] == 1).astype(np.float64), scores[:, k]) for k in range(len(SUPERCLASSES))
    ]
    return float(np.mean(aurocs))


def _score_label(
    name: str,
    probability: Array,
    truth: Flags,
    weights: NDArray[np.float32],
    groups: dict[str, Flags],
) -> tuple[LabelScore, Array]:
    """Return one label's figures, and its AUROC in each resample."""
    truth_values = truth.astype(np.float64)
    ranked = RankedRecords(truth_values, probability)
    once = np.ones((1, len(truth)), np.float32)
    aurocs = ranked.auroc(weights)
    auprcs = average_precision(ranked, weights)
    threshold = best_f1_threshold(probability, truth_values)
    positive = probability >= threshold
    label = LabelScore(
        name=name,
        positives=int(truth.sum()),
        auroc=Figure.of_resamples(float(ranked.auroc(once)[0]), aurocs),
        auprc=Figure.of_resamples(float(average_precision(ranked, once)[0]), auprcs),
        error=expected_calibration_error(probability, truth_values),
        threshold=threshold,
        sensitivity=_share(positive[truth]),
        specificity=_share(~positive[~truth]),
        groups=_score_groups(probability, truth, weights, groups),
    )
    return label, aurocs


def _score_groups(
    probability: Array,
    truth: Flags,
    weights: NDArray[np.float32],
    groups: dict[str, Flags],
) -> dict[str, tuple[int, Figure]]:
    by_group = {}
    for name, members in groups.items():
        positives = int(truth[members].sum())
        negatives = int((~truth[members]).sum())
        if positives < MIN_IN_GROUP or negatives < MIN_IN_GROUP:
            continue
        truth_values = truth[members].astype(np.float64)
        ranked = RankedRecords(truth_values, probability[members])
        value = auroc(truth_values, probability[members])
        by_group[name] = (positives, Figure.of_resamples(value, ranked.auroc(weights[:, members])))
    return by_group


def _share(flags: Flags) -> float:
    return float(flags.mean()) if flags.size else float("nan")
