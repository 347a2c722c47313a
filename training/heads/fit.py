"""A head from embeddings and labels. Everything that is chosen is chosen on patients that the weights were not fitted on.

Five folds, patients apart: the penalty (or the number of epochs), each label's calibration and threshold come from
out-of-fold logits; then the weights that ship are fitted on all of them. The same records give the same linear head; a
perceptron is seeded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from errors import BadTrainingData
from heads.head import EncoderReference, Head, HeadLabel, Kind, patient_digests
from signals.logistic import sigmoid
from training.calibration import best_f1_threshold, platt
from training.heads.linear_fit import Scaling, fit_linear

Array = NDArray[np.float64]

PATIENCE: Final = 2  # penalties in a row that bring nothing
STRENGTHS: Final = (
    10.0,
    3.0,
    1.0,
    0.3,
    0.1,
    0.03,
    0.01,
    0.003,
    0.001,
)  # of the L2 penalty; a weaker one takes longer
MIN_PATIENTS: Final = 10
MIN_EACH: Final = 10  # positives, and negatives, of a label: two a fold


@dataclass(frozen=True, eq=False)
class Examples:
    """x (records, width), truth (records, labels) of 0, 1 and NaN for unknown, patients (records,) texts."""

    x: Array
    truth: Array
    patients: NDArray[np.str_]

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Examples:
        return Examples(self.x[rows], self.truth[rows], self.patients[rows])


@dataclass(frozen=True)
class FitOptions:
    kind: Kind = "linear"
    class_weights: Literal["balanced", "none"] = "balanced"
    hidden: int = 128
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Fitted:
    """layers as a Head has them; out_of_fold (records, labels) logits; what was chosen, in words."""

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    out_of_fold: Array
    chosen: dict[str, float]


def fit_head(
    examples: Examples,
    labels: Sequence[str],
    name: str,
    encoder: EncoderReference,
    options: FitOptions,
) -> Head:
    """Raises BadTrainingData where there is too little of something, naming it."""
    _check(examples, labels)
    folds = patient_folds(examples.patients, options.folds)
    if options.kind == "linear":
        fitted = _linear(examples, folds, options)
    else:
        from training.heads.mlp_fit import (
            fit_mlp,  # here: torch takes its time, and a linear head needs none of it
        )

        fitted = fit_mlp(examples, folds, options)
    calibrated = tuple(
        _label(label, fitted.out_of_fold[:, k], examples.truth[:, k])
        for k, label in enumerate(labels)
    )
    made = {
        "records": len(examples.x),
        "patients": len(np.unique(examples.patients)),
        "positives": {
            label: int((examples.truth[:, k] == 1).sum()) for k, label in enumerate(labels)
        },
        "class_weights": options.class_weights,
        "seed": options.seed,
        "folds": options.folds,
        **fitted.chosen,
    }
    return Head(
        name, encoder, calibrated, fitted.layers, patient_digests(examples.patients.tolist()), made
    )


def patient_folds(patients: NDArray[np.str_], count: int) -> NDArray[np.intp]:
    """(records,): the fold of each record; all of a patient's are in one.

    Dealt by digests of the ids, not by the seed: another deal may choose another penalty, and the same records trained on
    again would give another head by that luck alone.
    """
    unique, index = np.unique(patients, return_inverse=True)
    digests = [hashlib.sha256(f"fold:{patient}".encode()).digest() for patient in unique.tolist()]
    of_patient = np.empty(len(unique), np.intp)
    of_patient[sorted(range(len(unique)), key=digests.__getitem__)] = np.arange(len(unique)) % count
    return np.asarray(of_patient[index], np.intp)


def calibrated_log_loss(logits: Array, truth: Array) -> float:
    """Mean over labels of the log loss after calibration: what a choice between settings is made by."""
    losses = []
    for k in range(truth.shape[1]):
        known = ~np.isnan(truth[:, k])
        z, y = logits[known, k], truth[known, k]
        slope, offset = platt(z, y)
        q = slope * z + offset
        losses.append(float((np.logaddexp(0, q) - y * q).mean()))
    return float(np.mean(losses))


def _linear(examples: Examples, folds: NDArray[np.intp], options: FitOptions) -> Fitted:
    """From the strongest penalty down, each from the one before, until twice in a row nothing is gained."""
    balanced = options.class_weights == "balanced"
    numbers = np.unique(folds)
    scalings = [Scaling.of(examples.x[folds != fold]) for fold in numbers]
    starts: list[Array | None] = [None] * len(numbers)
    best: tuple[float, float, Array] | None = None
    worse = 0
    for strength in STRENGTHS:
        logits = np.zeros(examples.truth.shape)
        for k, (fold, scaling) in enumerate(zip(numbers, scalings, strict=True)):
            x = scaling.apply(examples.x)
            theta = starts[k] = fit_linear(
                x[folds != fold], examples.truth[folds != fold], strength, balanced, starts[k]
            )
            logits[folds == fold] = x[folds == fold] @ theta[:, :-1].T + theta[:, -1]
        loss = calibrated_log_loss(logits, examples.truth)
        if best is None or loss < best[0]:
            best, worse = (loss, strength, logits), 0
        elif (worse := worse + 1) == PATIENCE:
            break
    assert best is not None, "there is a first penalty. This is a bug."
    scaling = Scaling.of(examples.x)
    theta = fit_linear(scaling.apply(examples.x), examples.truth, best[1], balanced)
    layer = scaling.fold_into(theta[:, :-1], theta[:, -1])
    return Fitted((layer,), best[2], {"l2": best[1], "out_of_fold_log_loss": round(best[0], 5)})


def _label(name: str, logits: Array, truth: Array) -> HeadLabel:
    known = ~np.isnan(truth)
    slope, offset = platt(logits[known], truth[known])
    threshold = best_f1_threshold(sigmoid(slope * logits[known] + offset), truth[known])
    return HeadLabel(name, threshold, slope, offset)


def _check(examples: Examples, labels: Sequence[str]) -> None:
    if not np.isfinite(examples.x).all():
        raise BadTrainingData("embeddings: some hold values that are not finite")
    patients = len(np.unique(examples.patients))
    if patients < MIN_PATIENTS:
        raise BadTrainingData(
            f"{patients} patients to train on; at least {MIN_PATIENTS} are needed"
        )
    for column, label in enumerate(labels):
        for word, value in (("positives", 1), ("negatives", 0)):
            count = len(np.unique(examples.patients[examples.truth[:, column] == value]))
            if count < MIN_EACH:
                raise BadTrainingData(
                    f"label {label}: {word} of {count} patients to train on; at least {MIN_EACH} are needed"
                )
