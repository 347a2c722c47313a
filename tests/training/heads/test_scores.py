"""Scores are scikit-learn's figures, intervals are quantiles over resampled patients."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    roc_auc_score,
)

from heads.auroc import patient_resamples
from training.heads.examples import Examples
from training.heads.scores import (
    MIN_FOR_INTERVAL,
    expected_calibration_error,
    prevalence_baseline,
    score,
)

RANDOM = np.random.default_rng(3)
P = np.round(RANDOM.random((90, 2)), 2)
TRUTH = (RANDOM.random((90, 2)) < P).astype(float)
PATIENTS = np.array([f"p{row // 2}" for row in range(90)])
THRESHOLDS = np.array([0.4, 0.7])


def examples(truth: np.ndarray = TRUTH) -> Examples:
    return Examples(np.zeros((len(truth), 1)), truth, PATIENTS[: len(truth)])


def test_figures_are_scikit_learns() -> None:
    scores = score(P, THRESHOLDS, ("a", "b"), examples())
    assert (scores["records"], scores["patients"], scores["resamples"]) == (90, 45, 1000)
    for k, label in enumerate(("a", "b")):
        y = TRUTH[:, k]
        predicted = P[:, k] >= THRESHOLDS[k]
        figures = scores["labels"][label]
        assert figures["positives"] == y.sum()
        assert figures["records"] == 90
        assert figures["threshold"] == THRESHOLDS[k]
        assert figures["auroc"]["value"] == pytest.approx(roc_auc_score(y, P[:, k]))
        assert figures["auprc"]["value"] == pytest.approx(average_precision_score(y, P[:, k]))
        assert figures["f1"]["value"] == pytest.approx(f1_score(y, predicted))
        assert figures["brier"] == pytest.approx(brier_score_loss(y, P[:, k]))
        (tn, fp), (fn, tp) = confusion_matrix(y, predicted).tolist()
        assert figures["confusion"] == {
            "true_positive": tp,
            "false_positive": fp,
            "false_negative": fn,
            "true_negative": tn,
        }
        assert figures["sensitivity"] == pytest.approx(tp / (tp + fn))
        assert figures["specificity"] == pytest.approx(tn / (tn + fp))
    for name in ("auroc", "auprc", "f1"):
        values = [scores["labels"][label][name]["value"] for label in ("a", "b")]
        assert scores["macro"][name]["value"] == pytest.approx(np.mean(values))


def test_intervals_are_quantiles_over_the_resamples() -> None:
    scores = score(P, THRESHOLDS, ("a", "b"), examples(), seed=5)
    weights = np.concatenate(list(patient_resamples(PATIENTS, 1000, 5)))
    aurocs = np.array(
        [[roc_auc_score(TRUTH[:, k], P[:, k], sample_weight=w) for k in (0, 1)] for w in weights]
    )
    for k, label in enumerate(("a", "b")):
        figure = scores["labels"][label]["auroc"]
        low, high = np.quantile(aurocs[:, k], (0.025, 0.975))
        assert (figure["low"], figure["high"]) == pytest.approx((low, high), abs=1e-6)
    low, high = np.quantile(aurocs.mean(axis=1), (0.025, 0.975))
    macro = scores["macro"]["auroc"]
    assert (macro["low"], macro["high"]) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(
    "patients, resamples", [(MIN_FOR_INTERVAL - 1, 0), (MIN_FOR_INTERVAL, 1000)]
)
def test_intervals_need_enough_patients(patients: int, resamples: int) -> None:
    rows = 2 * patients
    scores = score(P[:rows], THRESHOLDS, ("a", "b"), examples(TRUTH[:rows]))
    assert scores["resamples"] == resamples
    figure = scores["labels"]["a"]["auroc"]
    assert figure["value"] is not None
    assert (figure["low"] is None, figure["high"] is None) == (not resamples, not resamples)


def test_unknown_truths_take_no_part() -> None:
    truth = TRUTH.copy()
    truth[::3, 0] = np.nan
    known = ~np.isnan(truth[:, 0])
    figures = score(P, THRESHOLDS, ("a", "b"), examples(truth))["labels"]["a"]
    assert figures["records"] == known.sum()
    assert figures["auroc"]["value"] == pytest.approx(roc_auc_score(truth[known, 0], P[known, 0]))


def test_a_label_without_negatives_has_no_auroc_and_no_specificity() -> None:
    truth = TRUTH.copy()
    truth[:, 1] = 1.0
    scores = score(P, THRESHOLDS, ("a", "b"), examples(truth))
    figures = scores["labels"]["b"]
    assert figures["auroc"] == {"value": None, "low": None, "high": None}
    assert figures["specificity"] is None
    assert figures["sensitivity"] == pytest.approx((P[:, 1] >= 0.7).mean())
    assert scores["macro"]["auroc"]["value"] == scores["labels"]["a"]["auroc"]["value"]


def test_the_calibration_error_is_the_mean_difference_over_bins() -> None:
    """30 records in 15 bins of two: by hand from the sorted pairs."""
    p = RANDOM.random(30)
    y = (RANDOM.random(30) < 0.5).astype(float)
    order = np.argsort(p)
    pairs = np.abs(p[order].reshape(15, 2).mean(axis=1) - y[order].reshape(15, 2).mean(axis=1))
    assert expected_calibration_error(p, y) == pytest.approx(pairs.mean())
    assert expected_calibration_error(np.array([0.25, 1.0]), np.array([0.0, 1.0])) == 0.125


def test_the_prevalence_baseline_calls_every_recording_positive() -> None:
    truth = np.array([[1.0, np.nan, 1], [0, np.nan, 1], [0, np.nan, 0], [np.nan, np.nan, 1]])
    baseline = prevalence_baseline(("a", "b", "c"), examples(truth))
    assert baseline["labels"] == {
        "a": {"auroc": 0.5, "auprc": pytest.approx(1 / 3), "f1": pytest.approx(0.5)},
        "b": {"auroc": 0.5, "auprc": None, "f1": None},
        "c": {"auroc": 0.5, "auprc": 0.75, "f1": pytest.approx(f1_score([1, 1, 0, 1], [1] * 4))},
    }
    assert baseline["macro"]["auroc"] == 0.5
    assert baseline["macro"]["auprc"] == pytest.approx((1 / 3 + 0.75) / 2)
