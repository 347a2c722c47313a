"""Cross-validation: a model that was trained without a recording judges it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signal_quality.model import ReadableModel
from training.quality.examples import LabelledExamples
from training.quality.fit import calibrate, fit, folds, score


@dataclass
class OutOfFold:
    """The result of a cross-validation with one seed, i.e. one division into outer folds.

    probability         (recordings,) by a model that was trained on the other folds
    scaled_probability  (recordings,) the same if the units were unknown
    readable            (recordings,) the model's verdict
    fold                (recordings,) the number of the fold
    """

    probability: NDArray[np.float64]
    scaled_probability: NDArray[np.float64]
    readable: NDArray[np.bool_]
    fold: NDArray[np.intp]

    @classmethod
    def empty(cls, count: int) -> OutOfFold:
        return cls(
            probability=np.zeros(count),
            scaled_probability=np.zeros(count),
            readable=np.zeros(count, np.bool_),
            fold=np.zeros(count, np.intp),
        )


def cross_validate(examples: LabelledExamples, seed: int, fold_count: int) -> OutOfFold:
    """Judge every recording by a model that was trained on the other folds.

    The models are restored from their stored arrays, as a shipped model would be.
    """
    result = OutOfFold.empty(len(examples.rows))
    outer_folds = folds(examples.acceptable, examples.group, fold_count, seed)
    for number, (train, test) in enumerate(outer_folds):
        model = train_calibrated(
            examples.rows[train],
            examples.acceptable[train],
            examples.group[train],
            seed,
            examples.usual_height_mv,
        )
        probability = model.probability(examples.rows[test])
        result.fold[test] = number
        result.probability[test] = probability
        result.scaled_probability[test] = model.probability(examples.scaled_rows[test])
        result.readable[test] = probability >= model.threshold
    overall = score(examples.acceptable, result.probability, result.readable)
    print(
        f"seed {seed}: accuracy {overall.accuracy:.4f}, AUROC {overall.auroc:.4f}", file=sys.stderr
    )
    return result


def train_calibrated(
    rows: NDArray[np.float64],
    acceptable: NDArray[np.bool_],
    group: NDArray[np.intp],
    seed: int,
    usual_height_mv: float,
) -> ReadableModel:
    """Return a model that is trained on all rows (recordings, features).

    Its calibration is fitted on inner folds of the same rows.
    """
    calibration = calibrate(rows, acceptable, group, seed)
    return fit(rows, acceptable, usual_height_mv, calibration)
