"""The model of readability: its parts by their formulas, and the shipped model on sound input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signal_quality.features import FEATURE_NAMES
from signal_quality.model import (
    NORMAL_SCORES,
    ReadableModel,
    from_arrays,
    nearness,
    normal_scores,
    shipped_model,
    sigmoid,
    squares,
)

# Two features and three examples, made up.
QUANTILES = np.stack([np.arange(33.0), np.concatenate([np.zeros(20), np.arange(13.0)])])
MODEL = ReadableModel(
    quantiles=QUANTILES.astype(np.float32),
    examples=np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 1.5]], np.float32),
    pulls=np.array([1.0, -2.0, 0.5], np.float32),
    reach=0.8,
    shift=0.25,
    calibration=(1.5, -0.5),
    threshold=0.5,
    usual_height_mv=1.1,
)


def test_the_normal_scores_are_those_of_33_equal_steps_up_to_2_5() -> None:
    from scipy.stats import norm

    expected = np.clip(norm.ppf(np.arange(33) / 32), -2.5, 2.5)
    np.testing.assert_allclose(NORMAL_SCORES, expected, atol=1e-6)
    assert NORMAL_SCORES.dtype == np.float32


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (0.0, -2.5),
        (-1e9, -2.5),
        (16.0, 0.0),
        (8.0, NORMAL_SCORES[8]),
        (8.25, 0.75 * NORMAL_SCORES[8] + 0.25 * NORMAL_SCORES[9]),
        (32.0, 2.5),
        (1e9, 2.5),
    ],
)
def test_a_value_has_the_normal_score_of_its_rank(value: float, score: float) -> None:
    rows = np.array([[value, 6.0]], np.float32)
    assert normal_scores(rows, MODEL.quantiles)[0, 0] == pytest.approx(score, abs=1e-6)


def test_a_value_that_equals_many_quantiles_has_the_middle_of_their_scores() -> None:
    """0 is quantile 0 to 20 of the second feature."""
    rows = np.array([[3.0, 0.0], [3.0, 0.5]], np.float32)
    scores = normal_scores(rows, MODEL.quantiles)[:, 1]
    assert scores[0] == pytest.approx((NORMAL_SCORES[0] + NORMAL_SCORES[20]) / 2, abs=1e-6)
    assert scores[1] == pytest.approx((NORMAL_SCORES[20] + NORMAL_SCORES[21]) / 2, abs=1e-6)


def test_nearness_is_1_at_no_distance_and_one_half_at_the_reach() -> None:
    scores = np.array([[0.0, 0.0], [3.0, -1.0]], np.float32)
    others = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 4.0]], np.float32)
    # Square distances 0, 2, 16 and 10, 8, 34; the reach is 1 per feature.
    expected = [[1.0, 1 / 2, 1 / 9], [1 / 6, 1 / 5, 1 / 18]]
    near = nearness(scores, others, 1.0)
    np.testing.assert_allclose(near, expected, rtol=1e-6)
    np.testing.assert_array_equal(near, nearness(scores, others, 1.0, squares(others)))
    assert squares(others).tolist() == [0.0, 2.0, 16.0]


def test_the_probability_is_the_calibrated_sum_of_the_pulls() -> None:
    rows = np.array([[3.0, 0.5], [20.0, 11.0]])
    scores = normal_scores(rows.astype(np.float32), MODEL.quantiles)
    logits = []
    for score in scores.astype(np.float64):
        distance = np.square(score - MODEL.examples).sum(axis=1) / 2
        logits.append((MODEL.pulls / (1 + distance / 0.8)).sum() + 0.25)
    np.testing.assert_allclose(MODEL.logit(rows), logits, atol=1e-5)
    expected = 1 / (1 + np.exp(-(1.5 * np.array(logits) - 0.5)))
    np.testing.assert_allclose(MODEL.probability(rows), expected, atol=1e-5)


def test_the_logistic_function_is_clipped_and_never_overflows() -> None:
    probabilities = sigmoid(np.array([-1e9, -1.0, 0.0, 2.0, 1e9]))
    expected = [1 / (1 + np.exp(50)), 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-2)), 1.0]
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)


def test_a_model_is_restored_from_its_arrays() -> None:
    restored = from_arrays(MODEL.to_arrays())
    for name in ("reach", "shift", "threshold", "usual_height_mv", "calibration"):
        assert getattr(restored, name) == getattr(MODEL, name), name
    np.testing.assert_array_equal(restored.quantiles, MODEL.quantiles)
    np.testing.assert_array_equal(restored.pulls, MODEL.pulls)
    np.testing.assert_allclose(restored.examples, MODEL.examples, atol=1e-6)
    # Stored in steps of 0.02.
    rounded = from_arrays(replace(MODEL, examples=MODEL.examples + np.float32(0.013)).to_arrays())
    np.testing.assert_allclose(rounded.examples, MODEL.examples + 0.02, atol=1e-6)


def test_a_model_of_other_features_is_refused() -> None:
    stored = MODEL.to_arrays()
    stored["features"] = np.array([*FEATURE_NAMES[:-1], "another"])
    message = "trained on other features; train it again with python -m training.quality"
    with pytest.raises(ValueError, match=message):
        from_arrays(stored)


def test_the_shipped_model_has_the_features_of_the_code_and_no_objects() -> None:
    model = shipped_model()
    assert model.quantiles.shape == (len(FEATURE_NAMES), 33)
    assert model.examples.shape == (len(model.pulls), len(FEATURE_NAMES))
    assert model.threshold == 0.5
    assert shipped_model() is model
