"""The axes of P, QRS and T on a beat whose limb leads are projections of known vectors."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from intervals.axes import frontal_axes
from signals.limb_leads import LIMB_LEADS
from tests.intervals.made_beats import TIMES

NO_AXES: dict[str, float | None] = {"p_axis_deg": None, "qrs_axis_deg": None, "t_axis_deg": None}
LEAD_ANGLES = {0: 0.0, 1: 60.0, 2: 120.0}  # I, II and III


def beat_with_axes(p: float, qrs: float, t: float) -> np.ndarray:
    """Return a beat (12, 360) with waves P, QRS and T at these axes in degrees.

    I, II and III are projections at 0, 60 and 120 degrees; the augmented leads follow from I and II
    (Goldberger). The chest leads are left at zero.
    """
    at_ms = np.arange(360) * 4.0 - 600.0
    p_on, p_off, qrs_on, qrs_off, t_off = TIMES
    limb = np.zeros((3, 360))
    # T begins after the 60 ms of ST that its area leaves out.
    spans = [(p, p_on, p_off, 0.1), (qrs, qrs_on, qrs_off, 1.0), (t, qrs_off + 60.0, t_off, 0.3)]
    for axis, start, stop, height in spans:
        position = np.clip((at_ms - start) / (stop - start), 0.0, 1.0)
        wave = height * np.sin(np.pi * position) ** 2
        for row, angle in LEAD_ANGLES.items():
            limb[row] += wave * math.cos(math.radians(axis - angle))
    lead_i, lead_ii = limb[0], limb[1]
    avr, avl, avf = -(lead_i + lead_ii) / 2, lead_i - lead_ii / 2, lead_ii - lead_i / 2
    return np.concatenate([limb, [avr, avl, avf], np.zeros((6, 360))])


def axes_of(
    beat: np.ndarray, times: np.ndarray | None = None
) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Return the axes, measured on all limb leads."""
    return frontal_axes(beat, np.array(TIMES) if times is None else times, LIMB_LEADS)


def difference(measured: float | None, axis: float) -> float:
    assert measured is not None
    return abs((measured - axis + 180.0) % 360.0 - 180.0)


@pytest.mark.parametrize(
    ("p", "qrs", "t"),
    [(60.0, 50.0, 40.0), (130.0, -60.0, 100.0), (-80.0, 160.0, -20.0), (-150.0, -110.0, 170.0)],
)
def test_axes_in_every_quadrant(p: float, qrs: float, t: float) -> None:
    axes, warnings = axes_of(beat_with_axes(p, qrs, t))
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
    axes, warnings = axes_of(beat)
    assert warnings == ()
    assert difference(axes["p_axis_deg"], 130.0) < 0.5
    assert difference(axes["qrs_axis_deg"], -60.0) < 0.5
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


def test_the_baseline_is_the_mean_of_the_last_20_ms_before_the_qrs() -> None:
    """1 mV until 24 ms before the QRS complex does not change the axes of QRS and T."""
    beat = beat_with_axes(60.0, -60.0, 100.0)
    before = int((TIMES[2] - 24.0 + 600.0) / 4.0)
    beat[[0, 1], : before + 1] += 1.0
    axes, _ = axes_of(beat)
    assert difference(axes["qrs_axis_deg"], -60.0) < 0.5
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


def test_the_st_segment_is_not_part_of_t() -> None:
    """1 mV in lead I until 56 ms after the QRS complex does not change the axis of T."""
    beat = beat_with_axes(60.0, 50.0, 100.0)
    start, stop = int((52.0 + 600.0) / 4.0) + 1, int((52.0 + 56.0 + 600.0) / 4.0)
    beat[0, start : stop + 1] += 1.0
    beat[2, start : stop + 1] -= 1.0
    axes, _ = axes_of(beat)
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


def test_without_a_boundary_only_the_axis_of_its_wave_is_missing() -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    for missing, name in ((0, "p_axis_deg"), (1, "p_axis_deg"), (4, "t_axis_deg")):
        times = np.array(TIMES)
        times[missing] = np.nan
        axes, warnings = axes_of(beat, times)
        assert warnings == ()
        assert {field for field, axis in axes.items() if axis is None} == {name}


def test_a_wave_under_four_samples_has_no_axis() -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    times = np.array(TIMES)
    times[1] = times[0] + 8.0  # three samples, both ends included
    assert axes_of(beat, times)[0]["p_axis_deg"] is None
    times[1] = times[0] + 12.0
    assert axes_of(beat, times)[0]["p_axis_deg"] is not None


@pytest.mark.parametrize("missing", range(6))
def test_any_two_limb_leads_are_enough(missing: int) -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    beat[missing] = 0.0
    axes, warnings = axes_of(beat)
    assert warnings == () and difference(axes["qrs_axis_deg"], 50.0) < 0.5
    for right in combinations([lead for lead in LIMB_LEADS if lead != LIMB_LEADS[missing]], 2):
        axes, warnings = frontal_axes(beat, np.array(TIMES), right)
        assert warnings == () and difference(axes["qrs_axis_deg"], 50.0) < 0.5


def test_with_one_limb_lead_there_are_no_axes() -> None:
    beat = beat_with_axes(60.0, 50.0, 40.0)
    beat[1:6] = 0.0
    needed = ("qrs_axis_deg: the axes need two limb leads; fewer are recorded",)
    assert axes_of(beat) == (NO_AXES, needed)
    assert axes_of(beat[:1]) == (NO_AXES, needed)


def test_axes_are_measured_on_the_right_leads_alone() -> None:
    beat = beat_with_axes(130.0, -60.0, 100.0)
    beat[[0, 5]] = beat[[5, 0]]
    axes, warnings = frontal_axes(beat, np.array(TIMES), ("II", "III", "aVR", "aVL"))
    assert warnings == ()
    assert difference(axes["p_axis_deg"], 130.0) < 0.5
    assert difference(axes["qrs_axis_deg"], -60.0) < 0.5
    assert difference(axes["t_axis_deg"], 100.0) < 0.5


@pytest.mark.parametrize("right", [(), ("II",)])
def test_without_two_right_leads_there_are_no_axes(right: tuple[str, ...]) -> None:
    """`signals.leads` has warned that it is unknown which leads are right."""
    beat = beat_with_axes(60.0, 50.0, 40.0)
    assert frontal_axes(beat, np.array(TIMES), right) == (NO_AXES, ())
