"""The axes of P, QRS and T on a beat whose limb leads are projections of known vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from intervals.axes import frontal_axes
from tests.intervals.made_beats import TIMES

NO_AXES = {"p_axis_deg": None, "qrs_axis_deg": None, "t_axis_deg": None}
LEAD_ANGLES = {0: 0.0, 1: 60.0, 2: 120.0}  # I, II and III


def beat_with_axes(p: float, qrs: float, t: float) -> np.ndarray:
    """Return a beat (12, 288) with waves P, QRS and T at these axes in degrees.

    I, II and III are projections at 0, 60 and 120 degrees; the augmented leads follow from I and II
    (Goldberger). The chest leads are left at zero.
    """
    at_ms = np.arange(288) * 4.0 - 496.0
    p_on, p_off, qrs_on, qrs_off, t_off = TIMES
    limb = np.zeros((3, 288))
    # T begins after the 60 ms of ST that its area leaves out.
    spans = [(p, p_on, p_off, 0.1), (qrs, qrs_on, qrs_off, 1.0), (t, qrs_off + 60.0, t_off, 0.3)]
    for axis, start, stop, height in spans:
        position = np.clip((at_ms - start) / (stop - start), 0.0, 1.0)
        wave = height * np.sin(np.pi * position) ** 2
        for row, angle in LEAD_ANGLES.items():
            limb[row] += wave * math.cos(math.radians(axis - angle))
    lead_i, lead_ii = limb[0], limb[1]
    avr, avl, avf = -(lead_i + lead_ii) / 2, lead_i - lead_ii / 2, lead_ii - lead_i / 2
    return np.concatenate([limb, [avr, avl, avf], np.zeros((6, 288))])


def difference(measured: float | None, axis: float) -> float:
    assert measured is not None
    return abs((measured - axis + 180.0) % 360.0 - 180.0)


@pytest.mark.parametrize(
    ("p", "qrs", "t"),
    [(60.0, 50.0, 40.0), (130.0, -60.0, 100.0), (-80.0, 160.0, -20.0), (-150.0, -110.0, 170.0)],
)
def test_axes_in_every_quadrant(p: float, qrs: float, t: float) -> None:
    axes, warnings = frontal_axes(beat_with_axes(p, qrs, t), np.array(TIMES))
    assert warnings == ()
    assert difference(axes["p_axis_deg"], p) < 0.5
    assert difference(axes["qrs_axis_deg"], qrs) < 0.5
    assert difference(axes["t_axis_deg"], t) < 0.5


def test_a_constant_offset_does_not_change_the_axes() -> None:
    """QRS and T are measured from the baseline, P from the line between its ends."""
    beat = beat_with_axes(130.0, -60.0, 100.0)
    beat[0] += 0.3
    beat[1] += 0.3  # I + III remains II
    beat[5] += 0.15
    axes, warnings = frontal_axes(beat, np.array(TIMES))
    assert warnings == ()
    assert difference(axes["p_axis_deg"], 130.0) < 0.5
    assert difference(axes["qrs_axis_deg"], -60.0) < 0.5
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


def test_the_baseline_is_the_mean_of_the_last_20_ms_before_the_qrs() -> None:
    """1 mV until 24 ms before the QRS complex does not change the axes of QRS and T."""
    beat = beat_with_axes(60.0, -60.0, 100.0)
    before = int((TIMES[2] - 24.0 + 496.0) / 4.0)
    beat[[0, 1], : before + 1] += 1.0
    axes, _ = frontal_axes(beat, np.array(TIMES))
    assert difference(axes["qrs_axis_deg"], -60.0) < 0.5
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


def test_the_st_segment_is_not_part_of_t() -> None:
    """1 mV in lead I until 56 ms after the QRS complex does not change the axis of T."""
    beat = beat_with_axes(60.0, 50.0, 100.0)
    start, stop = int((52.0 + 496.0) / 4.0) + 1, int((52.0 + 56.0 + 496.0) / 4.0)
    beat[0, start : stop + 1] += 1.0
    beat[2, start : stop + 1] -= 1.0
    axes, _ = frontal_axes(beat, np.array(TIMES))
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


def test_without_a_boundary_only_the_axis_of_its_wave_is_missing() -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    for missing, name in ((0, "p_axis_deg"), (1, "p_axis_deg"), (4, "t_axis_deg")):
        times = np.array(TIMES)
        times[missing] = np.nan
        axes, warnings = frontal_axes(beat, times)
        assert warnings == ()
        assert {field for field, axis in axes.items() if axis is None} == {name}


def test_a_wave_under_four_samples_has_no_axis() -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    times = np.array(TIMES)
    times[1] = times[0] + 8.0  # three samples, both ends included
    assert frontal_axes(beat, times)[0]["p_axis_deg"] is None
    times[1] = times[0] + 12.0
    assert frontal_axes(beat, times)[0]["p_axis_deg"] is not None


@pytest.mark.parametrize("missing", [0, 5])
def test_without_i_or_avf_there_are_no_axes(missing: int) -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    beat[missing] = 0.0
    axes, warnings = frontal_axes(beat, np.array(TIMES))
    assert axes == NO_AXES
    assert warnings == ("qrs_axis_deg: the axes need leads I and aVF; not both are recorded",)
    assert frontal_axes(beat[:5], np.array(TIMES)) == (axes, warnings)


def test_without_lead_iii_no_contradiction_is_found() -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    beat[2] = 0.0
    axes, warnings = frontal_axes(beat, np.array(TIMES))
    assert warnings == () and difference(axes["qrs_axis_deg"], 50.0) < 0.5


@pytest.mark.parametrize(("share", "contradicts"), [(0.24, False), (0.26, True), (-0.26, True)])
def test_contradictory_limb_leads_have_no_axes(share: float, contradicts: bool) -> None:
    """With all waves at 60 degrees, II is the largest lead, and I and III are half of it.

    If a share of II is subtracted from III, II - I - III is that share of II.
    """
    beat = beat_with_axes(60.0, 60.0, 60.0)
    beat[2] -= share * beat[1]
    axes, warnings = frontal_axes(beat, np.array(TIMES))
    if contradicts:
        assert axes == NO_AXES
        assert warnings == (
            "qrs_axis_deg: I, II and III contradict each other (I + III is not II); no axes",
        )
    else:
        assert warnings == () and None not in axes.values()
