"""The calibration by length: between its points, beyond them, and where it moves the boundaries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.calibration import (
    TWO_LEADS,
    ByLength,
    Calibration,
    calibration_from_card,
    corrected,
    shipped_calibration,
)
from intervals.fiducials import INTERVALS, NAMES, Fiducials

BY_LENGTH = ByLength((80.0, 100.0, 160.0), (4.0, 0.0, -6.0), (2.0, 1.0, 3.0), 1.5)


@pytest.mark.parametrize(
    ("length_ms", "correction_ms"),
    [(40.0, 4.0), (80.0, 4.0), (90.0, 2.0), (100.0, 0.0), (130.0, -3.0), (160.0, -6.0)],
)
def test_a_correction_is_interpolated_between_lengths_and_constant_beyond(
    length_ms: float, correction_ms: float
) -> None:
    assert BY_LENGTH.correction(length_ms) == pytest.approx(correction_ms)
    assert BY_LENGTH.correction(500.0) == -6.0


@pytest.mark.parametrize(
    ("length_ms", "spread_ms", "uncertainty_ms"),
    [(100.0, 5.0, 5.0), (100.0, 1.0, 1.5), (130.0, 5.0, 10.0), (300.0, 5.0, 15.0)],
)
def test_an_uncertainty_is_the_spread_or_its_floor_by_a_factor_of_the_length(
    length_ms: float, spread_ms: float, uncertainty_ms: float
) -> None:
    assert BY_LENGTH.uncertainty(length_ms, spread_ms) == pytest.approx(uncertainty_ms)


def _by(correction_ms: float) -> ByLength:
    return ByLength((100.0,), (correction_ms,), (1.0,), 1.0)


def test_each_interval_is_corrected_at_its_end_away_from_the_qrs_onset() -> None:
    times = np.array([-200.0, -90.0, -40.0, 50.0, 360.0])
    fiducials = Fiducials(times, np.full(5, 2.0), 0.9, 0.8, 0.7)
    corrections = {"pr_ms": 5.0, "p_duration_ms": -3.0, "qrs_ms": 7.0, "qt_ms": -11.0}
    calibration = Calibration(
        np.zeros((5, 3)), {name: _by(value) for name, value in corrections.items()}
    )
    moved = corrected(fiducials, calibration)
    for name in INTERVALS:
        length_ms = fiducials.length_ms(name) - corrections[name]
        assert moved.length_ms(name) == pytest.approx(length_ms)
    assert moved.times[NAMES.index("qrs_onset")] == -40.0
    np.testing.assert_array_equal(fiducials.times, times)
    np.testing.assert_array_equal(moved.spread, fiducials.spread)


def test_a_missing_boundary_moves_no_other() -> None:
    times = np.array([np.nan, np.nan, -40.0, 50.0, np.nan])
    fiducials = Fiducials(times, np.full(5, 2.0), 0.1, 0.8, 0.1)
    calibration = Calibration(np.zeros((5, 3)), dict.fromkeys(INTERVALS, BY_LENGTH))
    moved = corrected(fiducials, calibration).times
    np.testing.assert_array_equal(np.isnan(moved), np.isnan(times))
    assert moved[2:4].tolist() == pytest.approx([-40.0, 50.0 - BY_LENGTH.correction(90.0)])


def test_one_or_two_leads_have_a_calibration_of_their_own() -> None:
    two, many = shipped_calibration(TWO_LEADS), shipped_calibration(TWO_LEADS + 1)
    assert shipped_calibration(1).intervals == two.intervals
    assert shipped_calibration(8).intervals == many.intervals
    assert two.intervals != many.intervals


@pytest.mark.parametrize("leads", [1, 2, 8])
def test_the_shipped_calibration_is_complete_and_rises_in_length(leads: int) -> None:
    calibration = shipped_calibration(leads)
    assert calibration.bias_ms.shape == (5, 3) and np.isfinite(calibration.bias_ms).all()
    assert set(calibration.intervals) == set(INTERVALS)
    for by_length in calibration.intervals.values():
        assert list(by_length.at_ms) == sorted(set(by_length.at_ms))
        points = len(by_length.at_ms)
        assert points == len(by_length.correction_ms) == len(by_length.scale)
        assert min(by_length.scale) > 0 and by_length.floor_ms > 0
        # A longer reading never becomes the shorter interval.
        lengths = np.array(by_length.at_ms) - by_length.correction_ms
        assert (np.diff(lengths) > 0).all()


def test_a_card_gives_its_calibration_back() -> None:
    interval = {"at_ms": [90.0], "correction_ms": [1.0], "scale": [2.0], "floor_ms": 0.5}
    card = {
        "bias_ms": {name: [index, 0.0, -index] for index, name in enumerate(NAMES)},
        "intervals": dict.fromkeys(INTERVALS, interval),
    }
    calibration = calibration_from_card(card)
    np.testing.assert_array_equal(calibration.bias_ms[:, 0], np.arange(5))
    expected = replace(BY_LENGTH, at_ms=(90.0,), correction_ms=(1.0,), scale=(2.0,), floor_ms=0.5)
    assert calibration.intervals == dict.fromkeys(INTERVALS, expected)
