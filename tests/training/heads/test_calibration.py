"""Platt's calibration minimises his loss; the threshold lies half way below the best one."""

from __future__ import annotations

import numpy as np
import pytest

from signals.logistic import sigmoid
from training.calibration import best_f1_threshold, platt


def test_the_gradient_of_platts_loss_is_zero_at_the_solution() -> None:
    """With 3 positives and 5 negatives the targets are 4/5 and 1/7."""
    logits = np.array([-40.0, -25, -10, 5, 20, -5, 15, 30])
    truth = np.array([0.0, 0, 0, 0, 0, 1, 1, 1])
    slope, offset = platt(logits, truth)
    residual = sigmoid(slope * logits + offset) - np.where(truth == 1, 4 / 5, 1 / 7)
    assert slope > 0
    assert residual.sum() == pytest.approx(0, abs=1e-4)
    assert (residual * logits).sum() == pytest.approx(0, abs=1e-2)


def test_logits_without_spread_give_the_mean_target() -> None:
    slope, offset = platt(np.full(4, 2.0), np.array([1.0, 0, 0, 0]))
    mean = (2 / 3 + 3 * 1 / 5) / 4
    assert sigmoid(np.array(2 * slope + offset)) == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize(
    "probabilities, truth, threshold",
    [
        ([0.9, 0.3, 0.8], [1, 0, 1], 0.55),
        ([0.9, 0.5, 0.8], [1, 1, 1], 0.25),  # nothing is below the lowest
        ([0.9, 0.6, 0.6, 0.2], [1, 1, 0, 0], 0.4),  # ties are called together
        ([0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0], 0.4),
        ([0.9, 0.8, 0.7, 0.1], [1, 0, 0, 0], 0.85),
    ],
)
def test_the_threshold_is_half_way_to_the_next_record(
    probabilities: list[float], truth: list[int], threshold: float
) -> None:
    found = best_f1_threshold(np.array(probabilities), np.array(truth, float))
    assert found == pytest.approx(threshold)
