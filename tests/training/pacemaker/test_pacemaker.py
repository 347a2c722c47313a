"""The pacemaker's training: trees as scikit-learn grows them, counted limits, separate folds."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from training.pacemaker import fit as pacemaker_fit
from training.pacemaker.fit import fit, prior_log_odds, spike_limits, threshold_at
from training.pacemaker.out_of_fold import fit_out_of_fold
from training.pacemaker.rows import SpikeRecording
from training.pacemaker.train import fit_shipped

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(600, 6)).astype(np.float32)
PACED = ROWS[:, 0] + 0.5 * RNG.normal(size=600) > 1.2


def spiked(paced: bool, ratio: float, *, visible: bool = True) -> SpikeRecording:
    return SpikeRecording("drawn", paced, 0, ROWS[0], visible, None, ratio)


def test_the_shipped_form_of_the_trees_says_what_scikit_learn_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacemaker_fit, "MEMBERS", 1)
    grown = HistGradientBoostingClassifier(
        max_iter=pacemaker_fit.TREES,
        learning_rate=0.06,
        max_leaf_nodes=12,
        l2_regularization=5.0,
        min_samples_leaf=20,
        max_features=0.3,
        early_stopping=False,
        random_state=3,
    ).fit(ROWS.astype(np.float64), PACED)
    unseen = RNG.normal(size=(300, 6)).astype(np.float32)
    np.testing.assert_allclose(
        fit(ROWS, PACED, 3).uncalibrated_log_odds(unseen),
        grown.decision_function(unseen.astype(np.float64)),
        atol=1e-4,
    )


def test_the_forest_is_the_mean_of_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    member = HistGradientBoostingClassifier(max_iter=20, random_state=5).fit(ROWS, PACED)
    monkeypatch.setattr(pacemaker_fit, "_boosted", lambda *_: member)
    model = fit(ROWS, PACED, 3)
    assert pacemaker_fit.MEMBERS == 3
    # Three equal members; without calibration.
    expected = member.decision_function(ROWS)
    np.testing.assert_allclose(model.log_odds(ROWS), expected, atol=1e-4)


def test_the_prior_log_odds_are_those_of_the_share_of_paced() -> None:
    paced = np.array([True, False, False, False])
    assert prior_log_odds(paced) == pytest.approx(log(1 / 3))


def test_limits_of_spikes_are_counted_with_half_a_recording_towards_undecided() -> None:
    seen = [spiked(True, 5.0)] * 8 + [spiked(True, -2.0)] + [spiked(False, -2.0)] * 99
    low, high = spike_limits([*seen, spiked(True, 0.0, visible=False)])
    assert exp(high) == pytest.approx((8.5 / 10) / (0.5 / 100))
    assert exp(low) == pytest.approx((1.5 / 10) / (99.5 / 100))


def test_the_threshold_leaves_so_many_of_the_unpaced_under_it() -> None:
    probability = np.linspace(0, 1, 1001)
    paced = np.zeros(1001, np.bool_)
    assert threshold_at(0.995, probability, paced) == pytest.approx(0.995)


def test_each_fold_is_judged_by_the_others_and_the_whole_is_calibrated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacemaker_fit, "TREES", 40)
    fold, chosen = np.arange(600) % 3 + 1, np.ones(600, np.bool_)
    recordings = [spiked(True, 5.0), spiked(False, -2.0)]
    unseen = fit_out_of_fold(ROWS, PACED, fold, chosen, recordings, 0)
    assert np.isfinite(unseen.log_odds).all()
    turned = PACED.copy()
    turned[fold == 1] = ~turned[fold == 1]
    again = fit_out_of_fold(ROWS, turned, fold, chosen, recordings, 0)
    np.testing.assert_array_equal(again.uncalibrated[fold == 1], unseen.uncalibrated[fold == 1])
    head = fit_shipped(ROWS, PACED, chosen, unseen, recordings, 0)
    assert 0 < head.threshold < 1
    mean = (1 / (1 + np.exp(-unseen.log_odds))).mean()
    assert mean == pytest.approx(PACED.mean(), abs=0.03)
