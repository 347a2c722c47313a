"""The weighted AUROC is scikit-learn's, ties and weights included, and patients are drawn whole."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from heads.auroc import RankedRecords, auroc, patient_resamples
from training.heads.scores import average_precision

RANDOM = np.random.default_rng(0)
TRUTH = (RANDOM.random(300) < 0.3).astype(float)
SCORE = np.round(RANDOM.random(300) + 0.3 * TRUTH, 1)  # many ties


def test_it_is_scikit_learns_with_ties_and_weights() -> None:
    weights = np.stack([np.ones(300), *RANDOM.integers(0, 4, (5, 300))])
    found = RankedRecords(TRUTH, SCORE).auroc(weights)
    assert found == pytest.approx(
        [roc_auc_score(TRUTH, SCORE, sample_weight=one) for one in weights]
    )
    precision = average_precision(RankedRecords(TRUTH, SCORE), weights)
    assert precision == pytest.approx(
        [average_precision_score(TRUTH, SCORE, sample_weight=one) for one in weights]
    )


def test_unknown_truths_are_left_out() -> None:
    truth = np.where(np.arange(300) % 3 == 0, np.nan, TRUTH)
    known = ~np.isnan(truth)
    assert auroc(truth, SCORE) == pytest.approx(roc_auc_score(TRUTH[known], SCORE[known]))


@pytest.mark.parametrize("truth", [np.zeros(4), np.ones(4), np.full(4, np.nan), np.zeros(0)])
def test_without_both_kinds_there_is_none(truth: np.ndarray) -> None:
    assert np.isnan(auroc(truth, np.arange(len(truth), dtype=float)))


def test_all_recordings_of_a_patient_are_drawn_together() -> None:
    patients = np.array(["a", "a", "b", "c", "c", "c"])
    drawn = np.concatenate(list(patient_resamples(patients, 50, seed=1)))
    assert drawn.shape == (50, 6)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 3] == drawn[:, 5]).all()
    assert (drawn[:, [0, 2, 3]].sum(axis=1) == 3).all()
    np.testing.assert_array_equal(
        drawn, np.concatenate(list(patient_resamples(patients, 50, seed=1)))
    )
