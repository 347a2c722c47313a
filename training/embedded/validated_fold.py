"""The embedded model's figures on the fold whose recordings people validated.

At least one human reader validated each recording of PTB-XL's folds 9 and 10; other folds hold some
that nobody did (Wagner et al., Scientific Data 7:154, 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import RankedRecords, auroc, patient_resamples
from signals.logistic import sigmoid
from superclasses import SUPERCLASSES
from training.embedded.data import Examples
from training.embedded.scores import RESAMPLES, Array, Figure, Flags, calibration
from training.heads.scores import expected_calibration_error

VALIDATED_FOLD: Final = 9
CHANCE_DRAWS: Final = 200


@dataclass(frozen=True)
class ValidatedLabel:
    """One superclass's figures.

    error      expected calibration error
    by_chance  the error that right probabilities would have on average with these recordings
    """

    name: str
    positives: int
    auroc: Figure
    error: float
    by_chance: float


@dataclass(frozen=True)
class ValidatedFold:
    """The figures on the validated fold: `macro` is the mean AUROC of the superclasses."""

    recordings: int
    macro: Figure
    labels: tuple[ValidatedLabel, ...]

    @property
    def largest_error(self) -> float:
        return max(label.error for label in self.labels)


def score_validated_fold(
    examples: Examples, logits: NDArray[np.float32], known: Flags
) -> ValidatedFold:
    """Return the figures of the validated fold, calibrated on the other folds' logits alone.

    logits  (records, labels) by networks that were not trained on the record
    known   (records,) which records have logits
    Raises FileNotFoundError if the fold, or all other folds, have none.
    """
    of_fold = examples.fold == VALIDATED_FOLD
    others = known & ~of_fold
    if not known[of_fold].all() or not others.any():
        raise FileNotFoundError(
            f"fold {VALIDATED_FOLD} and other folds must be held out first: run --cross-validate "
            "for them"
        )
    slope, offset = calibration(logits[others], examples.truth[others])
    probability = sigmoid(logits[of_fold] * slope + offset)
    truth = examples.truth[of_fold].astype(np.float64)
    patient = examples.patient[of_fold]
    weights = np.concatenate(list(patient_resamples(patient, RESAMPLES, seed=0)))
    labels = []
    resampled = []
    for k, name in enumerate(SUPERCLASSES):
        resampled.append(RankedRecords(truth[:, k], probability[:, k]).auroc(weights))
        labels.append(
            ValidatedLabel(
                name=name,
                positives=int(truth[:, k].sum()),
                auroc=Figure.of_resamples(auroc(truth[:, k], probability[:, k]), resampled[-1]),
                error=expected_calibration_error(probability[:, k], truth[:, k]),
                by_chance=_error_by_chance(probability[:, k]),
            )
        )
    macro = float(np.mean([label.auroc.value for label in labels]))
    return ValidatedFold(
        recordings=int(of_fold.sum()),
        macro=Figure.of_resamples(macro, np.mean(resampled, axis=0)),
        labels=tuple(labels),
    )


def _error_by_chance(probability: Array) -> float:
    """Return the mean calibration error of truths that are drawn with these probabilities."""
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(CHANCE_DRAWS):
        drawn = (rng.random(len(probability)) < probability).astype(np.float64)
        errors.append(expected_calibration_error(probability, drawn))
    return float(np.mean(errors))
