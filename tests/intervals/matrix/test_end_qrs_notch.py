"""Notches at the end of QRS, on complexes made by hand: each condition from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.matrix.end_qrs_notch import notch_peak_mv

SAMPLE_MS = 2.0
QRS_SAMPLES = 50


def lead(
    *, r_mv: float = 1.2, trough_mv: float = 0.1, peak_mv: float = 0.2, peak_ms: float = 84.0
) -> list[float]:
    """R at 40 ms, a trough 20 ms before a notch's peak, and the level 20 ms after it."""
    points_ms = (0.0, 40.0, peak_ms - 20.0, peak_ms, peak_ms + 20.0, 200.0)
    values = (0.0, r_mv, trough_mv, peak_mv, 0.0, 0.0)
    times_ms = np.arange(QRS_SAMPLES + 20) * SAMPLE_MS
    return [float(value) for value in np.interp(times_ms, points_ms, values)]


def test_the_peak_of_a_notch_is_measured() -> None:
    assert notch_peak_mv(lead(), QRS_SAMPLES) == pytest.approx(0.2)


def test_a_notch_on_the_first_half_hides_none_on_the_final_half() -> None:
    points_ms = (0.0, 30.0, 42.0, 50.0, 66.0, 82.0, 100.0, 200.0)
    values = (0.0, 1.2, 0.8, 0.9, 0.1, 0.2, 0.0, 0.0)
    times_ms = np.arange(QRS_SAMPLES + 20) * SAMPLE_MS
    notched = [float(value) for value in np.interp(times_ms, points_ms, values)]
    assert notch_peak_mv(notched, QRS_SAMPLES) == pytest.approx(0.2)


def test_a_notch_may_outlast_the_complex_of_all_leads() -> None:
    assert notch_peak_mv(lead(peak_ms=110.0), QRS_SAMPLES) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"trough_mv": -0.02}, "it reaches below the level"),
        ({"peak_mv": 0.115}, "it rises less than a slope"),
        ({"trough_mv": 0.5, "peak_mv": 0.65}, "it is on the first half of the downslope"),
        ({"r_mv": 0.48, "trough_mv": 0.05, "peak_mv": 0.15}, "R is not prominent"),
        ({"trough_mv": 0.25, "peak_mv": 0.2}, "it is a slur, without a turning point"),
    ],
)
def test_what_is_no_notch(shape: dict[str, float], reason: str) -> None:
    assert notch_peak_mv(lead(**shape), QRS_SAMPLES) is None, reason


def test_the_rise_to_t_is_no_notch() -> None:
    rising = [*lead()[:32], *np.linspace(0.1, 0.6, 38).tolist()]
    assert notch_peak_mv(rising, QRS_SAMPLES) is None
