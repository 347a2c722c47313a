"""A person's heart is turned and stronger or weaker, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from signals.synthetic.position import (
    MAX_FRONTAL_DEG,
    MAX_HORIZONTAL_DEG,
    STRENGTHS,
    heart_position,
)


@pytest.mark.parametrize("seed", range(20))
def test_a_position_is_a_small_turn_and_a_strength(seed: int) -> None:
    position = heart_position(default_rng(seed))
    strength = float(np.cbrt(np.linalg.det(position)))
    assert STRENGTHS[0] <= strength <= STRENGTHS[1]
    turn = position / strength
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    # The angle of a rotation from the trace of its matrix.
    angle_deg = np.degrees(np.arccos((np.trace(turn) - 1.0) / 2.0))
    assert angle_deg <= MAX_FRONTAL_DEG + MAX_HORIZONTAL_DEG


def test_the_axes_of_people_lie_on_both_sides_of_the_mean() -> None:
    to_the_left = np.array([1.0, 0.0, 0.0])
    turned = np.array([heart_position(default_rng(seed)) @ to_the_left for seed in range(50)])
    axes_deg = np.degrees(np.arctan2(turned[:, 1], turned[:, 0]))
    assert axes_deg.min() < -5.0 and axes_deg.max() > 5.0
    assert np.abs(axes_deg).max() < MAX_FRONTAL_DEG + 1.0
