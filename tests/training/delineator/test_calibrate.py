"""The fit of the calibration by length: what was put in comes out."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.calibration import calibration_from_card
from intervals.fiducials import INTERVALS
from training.delineator.calibrate import MIN_IN_GROUP, Outcome, card_of, fit_calibration

BIAS_MS = np.arange(15.0).reshape(5, 3)


def outcomes(count: int = 600) -> list[Outcome]:
    """Return outcomes whose length is a fifth of the distance from 100 ms too near to it."""
    rng = np.random.default_rng(0)
    found = []
    for name in INTERVALS:
        truth = rng.uniform(60.0, 180.0, count)
        spread = rng.uniform(1.0, 4.0, count)
        length = 100.0 + 0.8 * (truth - 100.0) + spread * rng.normal(size=count)
        found += [
            Outcome(name, *values)
            for values in zip(length.tolist(), spread.tolist(), truth.tolist(), strict=True)
        ]
    return found


def test_half_of_a_pull_towards_the_usual_length_is_corrected() -> None:
    by_length = fit_calibration(BIAS_MS, outcomes()).intervals["qrs_ms"]
    assert len(by_length.at_ms) > 3
    assert by_length.correction(100.0) == pytest.approx(0.0, abs=1.0)
    # Lengths of 70 and 160 ms were 62.5 and 175.
    assert by_length.correction(70.0) == pytest.approx(7.5 / 2, abs=1.5)
    assert by_length.correction(160.0) == pytest.approx(-15.0 / 2, abs=1.5)


def test_four_of_five_references_are_within_the_uncertainty() -> None:
    calibration = fit_calibration(BIAS_MS, outcomes())
    within = []
    for outcome in outcomes():
        by_length = calibration.intervals[outcome.interval]
        length_ms = outcome.length_ms - by_length.correction(outcome.length_ms)
        uncertainty_ms = by_length.uncertainty(length_ms, outcome.spread_ms)
        within.append(abs(length_ms - outcome.truth_ms) <= uncertainty_ms)
    assert np.mean(within) == pytest.approx(0.8, abs=0.03)


def test_few_outcomes_have_one_point() -> None:
    by_length = fit_calibration(BIAS_MS, outcomes(MIN_IN_GROUP)).intervals["qt_ms"]
    assert len(by_length.at_ms) == 1


def test_the_card_keeps_the_calibration() -> None:
    calibration = fit_calibration(BIAS_MS, outcomes())
    again = calibration_from_card(card_of(calibration))
    np.testing.assert_array_equal(again.bias_ms, calibration.bias_ms)
    assert again.intervals == calibration.intervals
