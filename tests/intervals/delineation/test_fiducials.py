"""Three readings of each boundary become one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.delineator import Delineation
from intervals.fiducials import (
    NAMES,
    P_OFF,
    P_ON,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    Readings,
    find_fiducials,
    join_readings,
    median_time,
    read_boundaries,
)

CENTRE = 150  # the sample of the centre: 600 ms at 250 Hz
BOUNDARIES_MS = np.array([-200.0, -100.0, -40.0, 48.0, 360.0])
IS_ONSET = np.array([True, False, True, False, False])
SAMPLES = np.arange(360.0)


def gaussian(sample: np.ndarray) -> np.ndarray:
    """(...) -> (..., 360) a distribution over time about each sample."""
    density = np.exp(-0.5 * ((SAMPLES - sample[..., None]) / 1.5) ** 2)
    return density / density.sum(axis=-1, keepdims=True)


def delineation(boundaries_ms: np.ndarray = BOUNDARIES_MS, leads: int = 12) -> Delineation:
    """Return the output of a network that is sure; (5,) boundaries, or (5, leads)."""
    by_lead_ms = np.broadcast_to(boundaries_ms.reshape(5, -1), (5, leads))
    by_lead = CENTRE + by_lead_ms / 4.0
    classes = np.full((4, leads, 360), 0.01, np.float32)
    spans = {
        1: (by_lead[P_ON], by_lead[P_OFF]),
        2: (by_lead[QRS_ON], by_lead[QRS_OFF]),
        3: (by_lead[QRS_OFF] + 10, by_lead[T_OFF]),
    }
    for wave, (onset, offset) in spans.items():
        inside = np.minimum(SAMPLES - onset[:, None], offset[:, None] - SAMPLES)
        classes[wave] = 1 / (1 + np.exp(-inside * 2))
    overall = gaussian(CENTRE + np.median(by_lead_ms, axis=1) / 4.0)
    return Delineation(
        classes=classes,
        leads=gaussian(by_lead).astype(np.float32),
        overall=overall.astype(np.float32),
        p_present=0.97,
        has_signal=np.ones(leads, np.bool_),
    )


def test_readings_that_agree_are_the_boundary() -> None:
    joined = find_fiducials(delineation())
    np.testing.assert_allclose(joined.times, BOUNDARIES_MS, atol=0.5)
    # The half width of the distributions alone: 1.5 samples of 4 ms, in steps of half a sample.
    np.testing.assert_allclose(joined.spread, 6.0, atol=2.1)
    assert joined.p_present == 0.97
    assert joined.qrs_seen == pytest.approx(1.0, abs=0.01)
    assert joined.t_seen == pytest.approx(1.0, abs=0.01)


def test_leads_are_joined_by_the_quartile_of_onsets_and_of_offsets() -> None:
    """Leads differ by up to 33 ms; the percentiles are numpy's."""
    shifts_ms = np.array([0.0, 3.0, -9.0, 24.0, 12.0, -6.0, 7.0])
    by_lead_ms = BOUNDARIES_MS[:, None] + shifts_ms
    readings = read_boundaries(delineation(by_lead_ms, leads=7))
    assert readings.times.shape == (3, len(NAMES))
    expected = np.where(
        IS_ONSET, np.percentile(by_lead_ms, 25, axis=1), np.percentile(by_lead_ms, 75, axis=1)
    )
    np.testing.assert_allclose(readings.times[0], np.median(by_lead_ms, axis=1), atol=0.5)
    np.testing.assert_allclose(readings.times[1], expected, atol=0.5)
    np.testing.assert_allclose(readings.times[2], expected, atol=0.5)


def test_leads_without_a_signal_do_not_count() -> None:
    shifts_ms = np.array([0.0, 40.0, -40.0, 0.0])
    sure = delineation(BOUNDARIES_MS[:, None] + shifts_ms, leads=4)
    has_signal = np.array([True, False, False, True])
    readings = read_boundaries(replace(sure, has_signal=has_signal))
    np.testing.assert_allclose(readings.times, np.tile(BOUNDARIES_MS, (3, 1)), atol=0.5)


def test_without_any_lead_only_the_overall_reading_is_left() -> None:
    readings = read_boundaries(replace(delineation(), has_signal=np.zeros(12, np.bool_)))
    np.testing.assert_allclose(readings.times[0], BOUNDARIES_MS, atol=0.5)
    assert np.isnan(readings.times[1:]).all()
    assert (readings.qrs_seen, readings.t_seen) == (0.0, 0.0)


def test_how_clearly_a_wave_is_seen_is_the_median_peak_over_leads() -> None:
    sure = delineation(leads=5)
    classes = sure.classes.copy()
    peaks = np.array([0.2, 0.9, 0.7, 0.6, 0.95])
    classes[2] *= peaks[:, None].astype(np.float32)
    classes[3] *= (peaks / 2)[:, None].astype(np.float32)
    readings = read_boundaries(replace(sure, classes=classes))
    assert readings.qrs_seen == pytest.approx(0.7, abs=0.01)
    assert readings.t_seen == pytest.approx(0.35, abs=0.01)


@pytest.mark.parametrize(("distance_ms", "counts"), [(56.0, True), (64.0, False), (-64.0, False)])
def test_a_crossing_farther_than_60_ms_belongs_to_another_wave(
    distance_ms: float, counts: bool
) -> None:
    sure = delineation()
    elsewhere = delineation(BOUNDARIES_MS + np.array([0.0, 0.0, 0.0, 0.0, distance_ms]))
    readings = read_boundaries(replace(sure, classes=elsewhere.classes))
    np.testing.assert_allclose(readings.times[2, :T_OFF], BOUNDARIES_MS[:T_OFF], atol=0.5)
    if counts:
        assert readings.times[2, T_OFF] == pytest.approx(360.0 + distance_ms, abs=0.5)
    else:
        assert np.isnan(readings.times[2, T_OFF])


def test_of_several_crossings_the_nearest_counts() -> None:
    """A second, narrow P begins 40 ms before the first and ends 24 ms before it begins."""
    sure = delineation()
    classes = sure.classes.copy()
    classes[1, :, CENTRE - 60 : CENTRE - 56] = 0.9
    readings = read_boundaries(replace(sure, classes=classes))
    np.testing.assert_allclose(readings.times[2], BOUNDARIES_MS, atol=0.5)


def test_a_class_crosses_one_half_between_two_samples() -> None:
    """From 0.3 to 0.7 the middle, from 0.4 to 0.9 a fifth of the way, from 0.8 to 0.3 three."""
    classes = np.zeros((4, 1, 360), np.float32)
    classes[2, 0, 140:162] = [0.4, *[0.9] * 20, 0.8]
    classes[2, 0, 162] = 0.3
    sure = delineation(np.array([-200.0, -100.0, -40.0, 48.0, 360.0]), leads=1)
    readings = read_boundaries(replace(sure, classes=classes))
    assert readings.times[2, QRS_ON] == pytest.approx((140 + 0.2 - CENTRE) * 4.0, abs=0.01)
    assert readings.times[2, QRS_OFF] == pytest.approx((161 + 0.6 - CENTRE) * 4.0, abs=0.01)
    assert np.isnan(readings.times[2, [P_ON, P_OFF, T_OFF]]).all()


def test_the_width_is_half_of_the_middle_68_percent() -> None:
    """Uniform over 100 samples: 68 of them, half of that is 34 samples of 4 ms."""
    overall = np.zeros((5, 360), np.float32)
    overall[:, 50:150] = 0.01
    overall[3, 50:150], overall[3, 100:125] = 0.0, 0.04
    readings = read_boundaries(replace(delineation(), overall=overall))
    np.testing.assert_allclose(readings.width[[0, 1, 2, 4]], 136.0, atol=2.0)
    assert readings.width[3] == pytest.approx(34.0, abs=2.0)


def readings_of(times: list[list[float]], width_ms: float = 3.0) -> Readings:
    """Return readings with these three times of each boundary."""
    return Readings(np.array(times).T, np.full(5, width_ms), 0.5, 0.6, 0.7)


NAN = float("nan")


def test_readings_are_joined_by_their_median_and_standard_deviation() -> None:
    """By hand: 10, 14, 30 have the mean 18 and the squared deviations 64, 16, 144."""
    times = [[10.0, 14.0, 30.0], [10.0, NAN, 20.0], [NAN, 7.0, NAN], [NAN] * 3, [5.0, -9.0, 1.0]]
    joined = join_readings(readings_of(times))
    np.testing.assert_allclose(joined.times, [14.0, 15.0, 7.0, NAN, 1.0])
    variance = np.array([224 / 3, 25.0, 0.0, NAN, ((5 + 1) ** 2 + (-9 + 1) ** 2 + 4) / 3])
    np.testing.assert_allclose(joined.spread, np.sqrt(variance + 9.0))
    assert (joined.p_present, joined.qrs_seen, joined.t_seen) == (0.5, 0.6, 0.7)


def test_each_reading_loses_its_own_bias() -> None:
    times = [[10.0, 14.0, 30.0]] * 5
    bias_ms = np.array([[1.0, 5.0, 21.0]] * 4 + [[0.0, 0.0, 30.0]])
    joined = join_readings(readings_of(times), bias_ms)
    np.testing.assert_allclose(joined.times, [9.0, 9.0, 9.0, 9.0, 10.0])
    np.testing.assert_allclose(joined.spread[:4], 3.0)


def test_one_reading_on_another_wave_moves_nothing_but_is_uncertain() -> None:
    sure = delineation()
    plain = find_fiducials(sure)
    elsewhere = np.roll(sure.leads, 30, axis=2)  # 120 ms later, in every lead
    moved = find_fiducials(replace(sure, leads=elsewhere))
    np.testing.assert_allclose(moved.times, plain.times, atol=0.5)
    # Two readings agree, one is 120 ms off: a standard deviation of 120 x sqrt(2) / 3.
    np.testing.assert_allclose(moved.spread, np.hypot(120 * 2**0.5 / 3, plain.spread), atol=1.0)


def test_the_median_of_a_distribution_is_between_samples() -> None:
    """A quarter at sample 1, the rest at sample 2, which is spread over 1.5 to 2.5: 1.5 + 1/3."""
    assert median_time(np.array([0.0, 1.0, 3.0, 0.0])) == pytest.approx(1.5 + 1 / 3)
    for sample in (57.0, 57.3, 140.8):
        assert median_time(gaussian(np.array(sample))) == pytest.approx(sample, abs=0.02)
    both = median_time(gaussian(np.array([[57.3, 60.0], [140.8, 9.0]])))
    np.testing.assert_allclose(both, [[57.3, 60.0], [140.8, 9.0]], atol=0.02)
