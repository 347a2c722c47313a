"""A head from embeddings and labels. Everything that is chosen is chosen on patients that the weights were not fitted on.

Five folds, patients apart: the penalty (or the number of epochs), each label's calibration and threshold come from
out-of-fold logits; then the weights that ship are fitted on all of them. Seeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from errors import BadTrainingData
from heads.head import EncoderReference, Head, HeadLabel, Kind, patient_digests, sigmoid
from training.calibration import best_f1_threshold, platt
from training.linear_fit import Scaling, fit_linear

Array = NDArray[np.float64]

STRENGTHS: Final = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # of the L2 penalty; strongest first, each starts from the one before
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


def fit_head(examples: Examples, labels: Sequence[str], name: str, encoder: EncoderReference, options: FitOptions) -> Head:
    """Raises BadTrainingData where there is too little of something, naming it."""
    _check(examples, labels)
    folds = patient_folds(examples.patients, options.folds, options.seed)
    if options.kind == "linear":
        fitted = _linear(examples, folds, options)
    else:
        from training.mlp_fit import fit_mlp  # here: torch takes its time, and a linear head needs none of it

        fitted = fit_mlp(examples, folds, options)
    calibrated = tuple(_label(label, fitted.out_of_fold[:, k], examples.truth[:, k]) for k, label in enumerate(labels))
    made = {
        "records": len(examples.x),
        "patients": len(np.unique(examples.patients)),
        "positives": {label: int((examples.truth[:, k] == 1).sum()) for k, label in enumerate(labels)},
        "class_weights": options.class_weights,
        "seed": options.seed,
        "folds": options.folds,
        **fitted.chosen,
    }
    return Head(name, encoder, calibrated, fitted.layers, patient_digests(examples.patients.tolist()), made)


def patient_folds(patients: NDArray[np.str_], count: int, seed: int) -> NDArray[np.intp]:
    """(records,): the fold of each record; all of a patient's are in one."""
    _, index = np.unique(patients, return_inverse=True)
    of_patient = np.random.default_rng(seed).permutation(int(index.max()) + 1) % count
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
    balanced = options.class_weights == "balanced"
    logits = np.zeros((len(STRENGTHS), *examples.truth.shape))
    for fold in np.unique(folds):
        seen, unseen = examples.at(folds != fold), examples.at(folds == fold)
        scaling, start = Scaling.of(seen.x), None
        x, held = scaling.apply(seen.x), scaling.apply(unseen.x)
        for number, strength in enumerate(STRENGTHS):
            start = fit_linear(x, seen.truth, strength, balanced, start)
            logits[number, folds == fold] = held @ start[:, :-1].T + start[:, -1]
    losses = [calibrated_log_loss(found, examples.truth) for found in logits]
    best = int(np.argmin(losses))
    scaling = Scaling.of(examples.x)
    theta = fit_linear(scaling.apply(examples.x), examples.truth, STRENGTHS[best], balanced)
    layer = scaling.fold_into(theta[:, :-1], theta[:, -1])
    return Fitted((layer,), logits[best], {"l2": STRENGTHS[best], "out_of_fold_log_loss": round(losses[best], 5)})


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
        raise BadTrainingData(f"{patients} patients to train on; at least {MIN_PATIENTS} are needed")
    for column, label in enumerate(labels):
        for word, value in (("positives", 1), ("negatives", 0)):
            count = len(np.unique(examples.patients[examples.truth[:, column] == value]))
            if count < MIN_EACH:
                raise BadTrainingData(f"label {label}: {word} of {count} patients to train on; at least {MIN_EACH} are needed")
