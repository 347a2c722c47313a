"""Corrected QT, the frontal axis and heart rate variability against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from intervals.formulas import axis_deg, qtc_ms, variability_ms


def test_corrected_qt_by_each_formula() -> None:
    """RR 640 ms: its square root is 0.8, its rate 93.75 per minute; the cube root by math.cbrt."""
    corrected = qtc_ms(360.0, 640.0)
    assert corrected["qtc_bazett_ms"] == pytest.approx(360.0 / 0.8)
    assert corrected["qtc_fridericia_ms"] == pytest.approx(360.0 / math.exp(math.log(0.64) / 3))
    assert corrected["qtc_framingham_ms"] == pytest.approx(360.0 + 154.0 * 0.36)
    assert corrected["qtc_hodges_ms"] == pytest.approx(360.0 + 1.75 * 33.75)
    assert len(corrected) == 4


def test_qt_at_sixty_per_minute_is_not_corrected() -> None:
    assert set(qtc_ms(401.5, 1000.0).values()) == {401.5}


@pytest.mark.parametrize(
    "axis", [-170.0, -120.0, -75.0, -30.0, 0.0, 20.0, 60.0, 90.0, 135.0, 180.0]
)
def test_the_axis_is_that_of_the_vector_in_every_quadrant(axis: float) -> None:
    """A vector of 1 at the axis: I is its projection at 0 degrees.

    aVF is II - I / 2 (Goldberger), with II the projection at 60 degrees.
    """
    lead_i = math.cos(math.radians(axis))
    lead_ii = math.cos(math.radians(axis - 60.0))
    area_avf = lead_ii - lead_i / 2
    measured = axis_deg(lead_i, area_avf, size=1.0)
    assert measured is not None
    assert math.cos(math.radians(measured - axis)) == pytest.approx(1.0)
    assert -180.0 <= measured <= 180.0


def test_a_resultant_of_a_tenth_of_the_absolute_areas_has_no_axis() -> None:
    assert axis_deg(0.0999, 0.0, size=1.0) is None
    assert axis_deg(0.1, 0.0, size=1.0) is None
    assert axis_deg(0.101, 0.0, size=1.0) == 0.0
    # aVF counts by 2 / sqrt(3): 0.0875 of it is a resultant of 0.10104.
    assert axis_deg(0.0, 0.0860, size=1.0) is None
    assert axis_deg(0.0, -0.0875, size=1.0) == -90.0
    assert axis_deg(math.nan, 1.0, size=1.0) is None


RR = np.array([812.0, 790.0, 851.0, 803.0, 877.0])


def test_sdnn_is_the_sample_standard_deviation() -> None:
    """Mean 826.6; squared deviations 213.16 + 1339.56 + 595.36 + 556.96 + 2540.16 = 5245.2."""
    sdnn, _ = variability_ms(RR, np.array([False, True, True, True, True]))
    assert sdnn == pytest.approx(math.sqrt(5245.2 / 4))
    assert sdnn == pytest.approx(np.std(RR, ddof=1))


def test_rmssd_is_of_the_differences_of_intervals_that_follow_each_other() -> None:
    """Differences -22, 61, -48, 74; the third does not count where the fourth interval is apart."""
    _, all_follow = variability_ms(RR, np.array([False, True, True, True, True]))
    assert all_follow == pytest.approx(math.sqrt((22**2 + 61**2 + 48**2 + 74**2) / 4))
    _, one_apart = variability_ms(RR, np.array([False, True, True, False, True]))
    assert one_apart == pytest.approx(math.sqrt((22**2 + 61**2 + 74**2) / 3))


def test_sdnn_needs_three_intervals_and_rmssd_two_differences() -> None:
    three = np.array([800.0, 830.0, 790.0])
    sdnn, rmssd = variability_ms(three, np.array([False, True, True]))
    assert sdnn == pytest.approx(np.std(three, ddof=1))
    assert rmssd == pytest.approx(math.sqrt((30**2 + 40**2) / 2))
    assert variability_ms(three, np.array([False, True, False]))[1] is None
    assert variability_ms(three[:2], np.array([False, True])) == (None, None)
    assert variability_ms(np.zeros(0), np.zeros(0, np.bool_)) == (None, None)
