"""Three readings of each boundary become one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.beat_grid import CENTRE_SAMPLE as CENTRE
from intervals.delineator import Delineation
from intervals.fiducials import (
    NAMES,
    P_OFF,
    P_ON,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    find_fiducials,
    join_readings,
    read_boundaries,
)

BOUNDARIES_MS = np.array([-200.0, -100.0, -40.0, 48.0, 360.0])


def said(boundaries_ms: np.ndarray = BOUNDARIES_MS, leads: int = 12) -> Delineation:
    """What a network that is sure of itself says."""
    places = np.arange(288.0)
    at = CENTRE + boundaries_ms / 4.0
    times = np.exp(-0.5 * ((places - at[:, None]) / 1.5) ** 2)
    times /= times.sum(axis=1, keepdims=True)
    classes = np.full((4, leads, 288), 0.01, np.float32)
    for wave, (on, off) in {
        1: (at[P_ON], at[P_OFF]),
        2: (at[QRS_ON], at[QRS_OFF]),
        3: (at[QRS_OFF] + 10, at[T_OFF]),
    }.items():
        classes[wave] = 1 / (1 + np.exp(-np.minimum(places - on, off - places) * 2))
    each = np.repeat(times[:, None], leads, axis=1)
    return Delineation(
        classes, each.astype(np.float32), times.astype(np.float32), 1.0, np.ones(leads, np.bool_)
    )


def test_readings_that_agree_are_the_boundary() -> None:
    found = find_fiducials(said())
    np.testing.assert_allclose(found.times, BOUNDARIES_MS, atol=0.5)
    assert read_boundaries(said()).times.shape == (3, len(NAMES)) and (found.spread < 12.0).all()


def test_one_reading_on_another_wave_moves_nothing_but_is_uncertain() -> None:
    sure, plain = said(), find_fiducials(said())
    elsewhere = np.roll(sure.leads, 30, axis=2)  # 120 ms later, in every lead
    found = find_fiducials(replace(sure, leads=elsewhere))
    np.testing.assert_allclose(found.times, plain.times, atol=0.5)
    assert (found.spread > plain.spread + 40.0).all()


def test_each_reading_loses_its_own_bias() -> None:
    bias = np.array([[5.0, -3.0, 1.0]] * len(NAMES))
    plain = read_boundaries(said())
    found = join_readings(replace(plain, times=plain.times + bias.T), bias)
    np.testing.assert_allclose(found.times, join_readings(plain).times, atol=1e-9)
    np.testing.assert_allclose(found.spread, join_readings(plain).spread, atol=1e-9)


def test_a_reading_that_is_missing_is_left_out() -> None:
    plain = read_boundaries(said())
    times = plain.times.copy()
    times[2, T_OFF] = np.nan
    assert join_readings(replace(plain, times=times)).times[T_OFF] == pytest.approx(
        plain.times[:2, T_OFF].mean()
    )
