"""The weighted AUROC equals scikit-learn's, with ties and weights, and patients are drawn whole."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from heads import auroc as auroc_module
from heads.auroc import RankedRecords, auroc, patient_resamples
from training.heads.scores import average_precision

RANDOM = np.random.default_rng(0)
TRUTH = (RANDOM.random(300) < 0.3).astype(float)
SCORE = np.round(RANDOM.random(300) + 0.3 * TRUTH, 1)  # many ties


def test_pairs_are_counted_and_ties_count_half() -> None:
    """Of 2 x 3 pairs, 4 are in order and 1 is tied."""
    truth = np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    score = np.array([0.1, 0.2, 0.2, 0.3, 0.9])
    assert auroc(truth, score) == 4.5 / 6


@pytest.mark.parametrize("score", [SCORE, SCORE + 1e-3 * RANDOM.random(300)], ids=["ties", "none"])
def test_it_equals_scikit_learn_with_weights(score: np.ndarray) -> None:
    weights = np.stack([np.ones(300), *RANDOM.integers(0, 4, (5, 300))])
    assert RankedRecords(TRUTH, score).auroc(weights) == pytest.approx(
        [roc_auc_score(TRUTH, score, sample_weight=row) for row in weights]
    )
    assert average_precision(RankedRecords(TRUTH, score), weights) == pytest.approx(
        [average_precision_score(TRUTH, score, sample_weight=row) for row in weights]
    )


def test_unknown_truths_are_left_out() -> None:
    truth = np.where(np.arange(300) % 3 == 0, np.nan, TRUTH)
    known = ~np.isnan(truth)
    assert auroc(truth, SCORE) == pytest.approx(roc_auc_score(TRUTH[known], SCORE[known]))


@pytest.mark.parametrize("truth", [np.zeros(4), np.ones(4), np.full(4, np.nan), np.zeros(0)])
def test_without_both_kinds_there_is_none(truth: np.ndarray) -> None:
    assert np.isnan(auroc(truth, np.arange(len(truth), dtype=float)))


def test_a_resample_without_positives_has_none_and_its_neighbours_have_one() -> None:
    ranked = RankedRecords(np.array([0.0, 1.0, 0.0]), np.array([0.1, 0.2, 0.3]))
    weights = np.array([[1.0, 1, 1], [1, 0, 2], [2, 1, 0]])
    np.testing.assert_array_equal(ranked.auroc(weights), [0.5, np.nan, 1.0])


def test_all_recordings_of_a_patient_are_drawn_together() -> None:
    patients = np.array(["a", "a", "b", "c", "c", "c"])
    drawn = np.concatenate(list(patient_resamples(patients, 50, seed=1)))
    assert drawn.shape == (50, 6) and drawn.dtype == np.float32
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 3] == drawn[:, 5]).all()
    assert (drawn[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert drawn[:, [0, 2, 3]].mean(axis=0) == pytest.approx([1, 1, 1], abs=0.35)


def test_resamples_do_not_depend_on_how_they_are_chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    patients = np.array(["a", "a", "b", "c", "c", "c"])
    whole = np.concatenate(list(patient_resamples(patients, 7, seed=1)))
    monkeypatch.setattr(auroc_module, "CHUNK_CELLS", 12)
    chunks = list(patient_resamples(patients, 7, seed=1))
    assert [len(chunk) for chunk in chunks] == [2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(chunks), whole)
    assert not np.array_equal(np.concatenate(list(patient_resamples(patients, 7, seed=2))), whole)


def test_no_resamples_are_none_also_without_records() -> None:
    assert list(patient_resamples(np.array(["a"]), 0, seed=1)) == []
    assert list(patient_resamples(np.zeros(0, str), 0, seed=1)) == []
