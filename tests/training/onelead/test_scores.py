"""Calibration, decision and scores."""

from __future__ import annotations

import numpy as np
import pytest

from training.onelead.data import CLASSES
from training.onelead.scores import (
    calibrate,
    calibration_error,
    challenge_score,
    estimate,
    f1_of,
    out_of_fold,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.choice(len(CLASSES), 3000, p=[0.6, 0.09, 0.28, 0.03])
# Scores whose log odds are 3 times too small.
SCORES = (2.5 * np.eye(len(CLASSES))[TRUTH] + RNG.normal(0, 1, (TRUTH.size, len(CLASSES)))) / 3


@pytest.mark.parametrize(
    ("decided", "truth", "score"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], 1.0),
        # Normal 2/3, fibrillation 2/3, other 1.
        ([0, 1, 1, 2], [0, 0, 1, 2], (2 / 3 + 2 / 3 + 1) / 3),
        # A noisy recording that is called normal costs precision of normal.
        ([0, 0, 1, 2], [0, 3, 1, 2], (2 / 3 + 1 + 1) / 3),
    ],
)
def test_the_challenge_score_is_the_mean_f1_of_three_classes(
    decided: list[int], truth: list[int], score: float
) -> None:
    assert challenge_score(np.array(decided), np.array(truth)) == pytest.approx(score)


def test_calibrated_probabilities_hold() -> None:
    calibration = calibrate(SCORES, TRUTH)
    probabilities = calibration.probabilities(SCORES)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert calibration.slope > 2.0
    assert probabilities.mean(axis=0) == pytest.approx(np.bincount(TRUTH) / TRUTH.size, abs=0.01)
    for number in range(len(CLASSES)):
        assert calibration_error(probabilities[:, number], number == TRUTH) < 0.03


def test_the_thresholds_do_no_worse_than_the_most_probable_class() -> None:
    calibration = calibrate(SCORES, TRUTH)
    probabilities = calibration.probabilities(SCORES)
    most_probable = challenge_score(probabilities.argmax(axis=1), TRUTH)
    assert challenge_score(calibration.decide(probabilities), TRUTH) >= most_probable - 0.002


def test_out_of_fold_each_fold_is_calibrated_on_the_others() -> None:
    fold = np.arange(TRUTH.size) % 5
    spoilt = SCORES.copy()
    spoilt[fold == 0] = 0.0
    probabilities, decided, positive = out_of_fold(spoilt, TRUTH, fold)
    others = calibrate(SCORES[fold != 0], TRUTH[fold != 0])
    held = fold == 0
    assert np.allclose(probabilities[held], others.probabilities(spoilt[held]))
    assert np.array_equal(decided[held], others.decide(probabilities[held]))
    assert np.array_equal(positive[held], probabilities[held] >= others.thresholds)


@pytest.mark.parametrize(("share", "error"), [(0.2, 0.0), (0.5, 0.3), (0.0, 0.2)])
def test_the_calibration_error_is_the_distance_from_the_share(share: float, error: float) -> None:
    is_positive = np.arange(1000) < share * 1000
    assert calibration_error(np.full(1000, 0.2), is_positive) == pytest.approx(error)


def test_an_estimate_has_an_interval_around_its_value() -> None:
    hits = np.arange(400) < 300
    share = estimate(lambda rows: float(hits[rows].mean()), 400)
    assert share.value == 0.75
    # The standard error is sqrt(0.75 x 0.25 / 400) = 0.022.
    assert share.low == pytest.approx(0.75 - 1.96 * 0.0217, abs=0.01)
    assert share.high == pytest.approx(0.75 + 1.96 * 0.0217, abs=0.01)
    assert str(share).startswith("0.750 (0.7")


def test_a_class_that_never_occurs_has_no_f1() -> None:
    assert np.isnan(f1_of(np.array([0, 0]), np.array([0, 1]), 2))
