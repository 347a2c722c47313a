"""Fit a head to embeddings and labels.

Every choice is made on patients that the weights were not fitted on: the penalty (or the number of
epochs), each label's calibration and its threshold come from out-of-fold logits of five folds that
keep patients apart. The weights that ship are then fitted on all patients. The same records give
the same linear head; a perceptron depends on the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadTrainingData
from heads.head import EncoderReference, Head, HeadLabel, patient_digests
from signals.logistic import sigmoid
from training.calibration import best_f1_threshold, platt
from training.heads.examples import Examples
from training.heads.fitted import FitOptions, Fitted
from training.heads.linear_fit import Scaling, fit_linear

Array = NDArray[np.float64]

# Strengths of the L2 penalty, tried in this order; a weaker one takes longer to fit.
STRENGTHS: Final = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
PATIENCE: Final = 2  # strengths in a row without a lower loss before the search ends
MIN_PATIENTS: Final = 10
MIN_EACH: Final = 10  # patients with a label, and without it: two in each fold


def fit_head(
    examples: Examples,
    labels: Sequence[str],
    name: str,
    encoder: EncoderReference,
    options: FitOptions,
) -> Head:
    """Return a calibrated head.

    labels  names of the columns of examples.truth
    Raises BadTrainingData if there are too few patients, in all or for a label.
    """
    _check(examples, labels)
    fitted = _fit(examples, patient_folds(examples.patients, options.folds), options)
    return Head(
        name=name,
        encoder=encoder,
        labels=tuple(
            _calibrated_label(label, fitted.out_of_fold[:, k], examples.truth[:, k])
            for k, label in enumerate(labels)
        ),
        layers=fitted.layers,
        trained_on=patient_digests(examples.patients.tolist()),
        training=_training(examples, labels, options, fitted),
    )


def _fit(examples: Examples, folds: NDArray[np.intp], options: FitOptions) -> Fitted:
    if options.kind == "linear":
        return _fit_linear(examples, folds, options)
    # Imported here: torch is slow to import, and a linear head does not need it.
    from training.heads.mlp_fit import fit_mlp

    return fit_mlp(examples, folds, options)


def _training(
    examples: Examples, labels: Sequence[str], options: FitOptions, fitted: Fitted
) -> dict[str, Any]:
    """Return the description of the training that a head carries."""
    positives = (examples.truth == 1).sum(axis=0).tolist()
    return {
        "records": len(examples.x),
        "patients": len(np.unique(examples.patients)),
        "positives": dict(zip(labels, positives, strict=True)),
        "class_weights": options.class_weights,
        "seed": options.seed,
        "folds": options.folds,
        **fitted.chosen,
    }


def patient_folds(patients: NDArray[np.str_], count: int) -> NDArray[np.intp]:
    """Return the fold of each record, (records,); all records of a patient are in one fold.

    Patients are assigned by digests of their ids, not by the seed: another assignment may choose
    another penalty, and training on the same records again would then give another head by chance.
    """
    unique, patient_of = np.unique(patients, return_inverse=True)
    digests = [hashlib.sha256(f"fold:{patient}".encode()).digest() for patient in unique.tolist()]
    by_digest = sorted(range(len(unique)), key=digests.__getitem__)
    fold_of_patient = np.empty(len(unique), np.intp)
    fold_of_patient[by_digest] = np.arange(len(unique)) % count
    return np.asarray(fold_of_patient[patient_of], np.intp)


def _calibrated_log_loss(logits: Array, truth: Array) -> float:
    """Return the log loss after calibration, the mean over the labels.

    Settings are chosen by it. logits, truth: (records, labels)
    """
    losses = []
    for k in range(truth.shape[1]):
        known = ~np.isnan(truth[:, k])
        z = logits[known, k]
        y = truth[known, k]
        slope, offset = platt(z, y)
        q = slope * z + offset
        losses.append(float((np.logaddexp(0, q) - y * q).mean()))
    return float(np.mean(losses))


def _fit_linear(examples: Examples, folds: NDArray[np.intp], options: FitOptions) -> Fitted:
    """Fit a linear head.

    Tries the strengths from the strongest penalty down. Each fit starts from the solution of the
    strength before. The search ends when PATIENCE strengths in a row have not lowered the loss.
    """
    balanced = options.class_weights == "balanced"
    search = _PenaltySearch(examples, folds, balanced)
    best_loss = np.inf
    best_strength = STRENGTHS[0]
    best_logits: Array | None = None
    without_gain = 0
    for strength in STRENGTHS:
        logits = search.out_of_fold(strength)
        loss = _calibrated_log_loss(logits, examples.truth)
        if best_logits is None or loss < best_loss:
            best_loss, best_strength, best_logits = loss, strength, logits
            without_gain = 0
            continue
        without_gain += 1
        if without_gain == PATIENCE:
            break
    assert best_logits is not None, "at least one strength is tried. This is a bug."

    scaling = Scaling.of(examples.x)
    theta = fit_linear(scaling.apply(examples.x), examples.truth, best_strength, balanced)
    layer = scaling.fold_into(theta[:, :-1], theta[:, -1])
    chosen = {"l2": best_strength, "out_of_fold_log_loss": round(best_loss, 5)}
    return Fitted((layer,), best_logits, chosen)


class _PenaltySearch:
    """Out-of-fold logits for one strength after the other."""

    def __init__(self, examples: Examples, folds: NDArray[np.intp], balanced: bool) -> None:
        self._examples = examples
        self._balanced = balanced
        self._held = [folds == fold for fold in np.unique(folds)]
        self._scalings = [Scaling.of(examples.x[~held]) for held in self._held]
        self._solutions: list[Array | None] = [None] * len(self._held)

    def out_of_fold(self, strength: float) -> Array:
        """Return logits (records, labels) of each fold by a fit to the other folds."""
        truth = self._examples.truth
        logits = np.zeros(truth.shape)
        for k, held in enumerate(self._held):
            x = self._scalings[k].apply(self._examples.x)
            theta = fit_linear(x[~held], truth[~held], strength, self._balanced, self._solutions[k])
            self._solutions[k] = theta
            logits[held] = x[held] @ theta[:, :-1].T + theta[:, -1]
        return logits


def _calibrated_label(name: str, logits: Array, truth: Array) -> HeadLabel:
    """Return one label with its calibration and threshold, from out-of-fold logits (records,)."""
    known = ~np.isnan(truth)
    slope, offset = platt(logits[known], truth[known])
    probabilities = sigmoid(slope * logits[known] + offset)
    return HeadLabel(name, best_f1_threshold(probabilities, truth[known]), slope, offset)


def _check(examples: Examples, labels: Sequence[str]) -> None:
    if not np.isfinite(examples.x).all():
        raise BadTrainingData("embeddings: some hold values that are not finite")
    patients = len(np.unique(examples.patients))
    if patients < MIN_PATIENTS:
        raise BadTrainingData(
            f"{patients} patients to train on; at least {MIN_PATIENTS} are needed"
        )
    for column, label in enumerate(labels):
        for kind, value in (("positives", 1), ("negatives", 0)):
            of_kind = examples.truth[:, column] == value
            count = len(np.unique(examples.patients[of_kind]))
            if count < MIN_EACH:
                raise BadTrainingData(
                    f"label {label}: {kind} of {count} patients to train on; "
                    f"at least {MIN_EACH} are needed"
                )
