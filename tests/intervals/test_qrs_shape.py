"""Each limit on what passes for a QRS complex, from both sides, on waves made to lie next to it."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.fiducials import Fiducials
from intervals.qrs_shape import why_no_qrs
from tests.intervals.made_beats import fiducials_of

NO_ENDS = "no complex has the onset and the offset of a QRS complex"
NOT_PLACED = "the onset of a QRS complex cannot be placed"
STEP = "the recurring wave is a step from one level to another, not a QRS complex"
NARROW = "the recurring wave is narrower than any QRS complex"
NOT_STEEP = "the recurring wave is not as steep as a QRS complex"
RR_S = 0.8

# Samples of the complex's onset and offset: -24 and 24 ms from the centre.
START, STOP = 118, 130


def qrs(start: int = START, stop: int = STOP, **changes: object) -> Fiducials:
    """Return fiducials whose QRS complex begins and ends at these samples."""
    times = (-200.0, -96.0, start * 4.0 - 496.0, stop * 4.0 - 496.0, 360.0)
    return fiducials_of(times, **changes)  # type: ignore[arg-type]


def of_slopes(slope: np.ndarray, leads: int = 8) -> np.ndarray:
    """(12, 288): the same wave, with these 287 differences, in some leads; the others flat."""
    beat = np.zeros((12, 288))
    beat[:leads, 1:] = np.cumsum(slope)
    return beat


def up_and_down(steep_samples: int, start: int = START, rest: float = 0.0) -> np.ndarray:
    """(287,) slopes of 1 for so many samples, up and then down; before and after of another size.

    Up and down alternate outside, so that the level does not move away.
    """
    slope = rest * np.where(np.arange(287) % 2, 1.0, -1.0)
    half = steep_samples // 2
    slope[start : start + steep_samples] = 1.0
    slope[start + half : start + steep_samples] = -1.0
    return slope


def test_a_complex_passes() -> None:
    assert why_no_qrs(of_slopes(up_and_down(12)), qrs(), RR_S) is None
    assert why_no_qrs(of_slopes(up_and_down(12)), qrs(), None) is None


@pytest.mark.parametrize(("samples", "passes"), [(9, False), (10, True), (60, True), (61, False)])
def test_the_duration_is_40_to_240_ms(samples: int, passes: bool) -> None:
    reason = why_no_qrs(of_slopes(up_and_down(10)), qrs(stop=START + samples), RR_S)
    assert (reason == NO_ENDS) is not passes


def test_a_complex_without_ends_is_none() -> None:
    beat = of_slopes(up_and_down(12))
    for times in ((0.0, 0.0, np.nan, 24.0, 0.0), (0.0, 0.0, -24.0, np.nan, 0.0)):
        assert why_no_qrs(beat, fiducials_of(times), RR_S) == NO_ENDS


@pytest.mark.parametrize(("qrs_seen", "reason"), [(0.9, None), (0.89, NO_ENDS)])
def test_the_complex_must_be_seen(qrs_seen: float, reason: str | None) -> None:
    assert why_no_qrs(of_slopes(up_and_down(12)), qrs(qrs_seen=qrs_seen), RR_S) == reason


@pytest.mark.parametrize(("spread_ms", "reason"), [(40.0, None), (41.0, NOT_PLACED)])
def test_the_onset_must_be_placed(spread_ms: float, reason: str | None) -> None:
    fiducials = qrs(spread=(99.0, 99.0, spread_ms, 99.0, 99.0))
    assert why_no_qrs(of_slopes(up_and_down(12)), fiducials, RR_S) == reason


@pytest.mark.parametrize("before", [0.0, 0.3])
@pytest.mark.parametrize(("step", "is_step"), [(0.69, False), (0.71, True), (-0.71, True)])
def test_a_step_over_seven_tenths_of_the_height_is_none(
    step: float, is_step: bool, before: float
) -> None:
    """The height is 1 mV from the level before; levels are those of 5 samples before, 6 after.

    The means are taken from 20 ms before the onset and from 8 to 32 ms after the offset: the
    samples next to these ranges are far away and do not count.
    """
    beat = np.zeros((12, 288))
    beat[:, START - 5 : START] = before
    beat[:, START - 6] = before + 9.0
    beat[:, START : STOP + 1] = before + 0.5
    beat[:, (START + STOP) // 2] = before + 1.0
    beat[:, STOP + 1 : STOP + 2] = before + 9.0
    beat[:, STOP + 2 : STOP + 8] = before + step
    beat[:, STOP + 8 :] = before + 9.0
    assert (why_no_qrs(beat, qrs(), RR_S) == STEP) is is_step


def test_the_step_counts_over_all_leads_together() -> None:
    """The step is 1 of 1 in one lead, none of 1 in three others: 0.5 of all."""
    beat = np.zeros((12, 288))
    beat[:4, (START + STOP) // 2] = 1.0
    beat[0, STOP + 1 :] = 1.0
    assert why_no_qrs(beat, qrs(), RR_S) != STEP
    beat[1, STOP + 1 :] = 1.0  # two of four: the root of a half is 0.707
    assert why_no_qrs(beat, qrs(), RR_S) == STEP


@pytest.mark.parametrize(
    ("leads", "steep_samples", "reason"),
    [(7, 7, NARROW), (7, 8, None), (6, 6, NARROW), (6, 7, None), (1, 6, NARROW), (1, 7, None)],
)
def test_a_spike_is_narrower_than_a_complex(
    leads: int, steep_samples: int, reason: str | None
) -> None:
    """Of n equally steep samples, those that hold under four fifths count, and one more.

    7 x 0.8 = 5.6 and 8 x 0.8 = 6.4: 6 and 7 samples, 24 and 28 ms, on either side of 26 ms. Six
    leads and fewer: 6 x 0.8 = 4.8 gives 5 samples, 20 ms, and 24 ms, on either side of 22 ms.
    """
    # An odd number of slopes of 1 does not return to the level: the last one is left out there.
    slope = up_and_down(steep_samples)
    if steep_samples % 2:
        slope[START + steep_samples // 2] = 1.0
        slope[START + steep_samples : START + steep_samples + 4] -= 0.25
    assert why_no_qrs(of_slopes(slope, leads), qrs(), RR_S) == reason


@pytest.mark.parametrize(("steep_samples", "reason"), [(42, None), (44, NOT_STEEP)])
def test_a_pulse_wave_is_wider_than_a_complex(steep_samples: int, reason: str | None) -> None:
    """42 x 0.8 = 33.6 gives 34 samples, 136 ms; 44 x 0.8 = 35.2 gives 36, 144 ms (limit 138)."""
    start = 100
    fiducials = qrs(start, start + steep_samples)
    assert why_no_qrs(of_slopes(up_and_down(steep_samples, start)), fiducials, RR_S) == reason


@pytest.mark.parametrize(("rest", "reason"), [(1 / 4.05, None), (1 / 3.95, NOT_STEEP)])
@pytest.mark.parametrize("rr_s", [0.4, 0.8, None])
def test_a_complex_is_four_times_as_steep_as_the_rest_of_its_cycle(
    rest: float, reason: str | None, rr_s: float | None
) -> None:
    slope = up_and_down(12, rest=rest)
    # The mean of squares in the complex is over 2 samples before its onset to 2 before its end's.
    slope[START - 2 : START] = 1.0
    slope[STOP : STOP + 2] = -1.0
    assert why_no_qrs(of_slopes(slope), qrs(), rr_s) == reason


@pytest.mark.parametrize(("rr_s", "cycle"), [(0.8, 200), (0.4, 100)])
def test_the_rest_ends_with_the_cycle(rr_s: float, cycle: int) -> None:
    """It begins 35 % of the cycle before the complex; what is beyond it may be as steep as any."""
    first = START - round(0.35 * cycle)
    slope = up_and_down(12, rest=1 / 4.05)
    slope[START - 2 : START] = 1.0
    slope[STOP : STOP + 2] = -1.0
    slope[:first] *= 50.0
    slope[first + cycle :] *= 50.0
    assert why_no_qrs(of_slopes(slope), qrs(), rr_s) is None


def test_without_a_rate_the_cycle_is_1_1_s() -> None:
    """275 samples: from 96 before the complex on. What is before may be as steep as any."""
    slope = up_and_down(12, rest=1 / 4.05)
    slope[START - 2 : START] = 1.0
    slope[STOP : STOP + 2] = -1.0
    slope[: START - 96] *= 50.0
    assert why_no_qrs(of_slopes(slope), qrs(), None) is None
    assert why_no_qrs(of_slopes(slope), qrs(), 1.5) is None


@pytest.mark.parametrize(("spikes", "reason"), [(17, None), (21, NOT_STEEP)])
def test_the_steepest_tenth_of_the_rest_is_left_out(spikes: int, reason: str | None) -> None:
    """Of the 178 samples of the rest, 160 count: up to 18 may belong to a pacing spike."""
    slope = up_and_down(12, rest=1 / 4.05)
    slope[START - 2 : START] = 1.0
    slope[STOP : STOP + 2] = -1.0
    slope[80 : 80 + spikes] *= 8.0
    assert why_no_qrs(of_slopes(slope), qrs(), RR_S) == reason


def test_a_short_rest_is_not_trimmed() -> None:
    """RR 280 ms: 70 samples less 22 about the complex are under the 50 of 200 ms."""
    slope = up_and_down(12, rest=1 / 4.05)
    slope[START - 2 : START] = 1.0
    slope[STOP : STOP + 2] = -1.0
    assert why_no_qrs(of_slopes(slope), qrs(), 0.28) is None
    slope[140] *= 4.0
    assert why_no_qrs(of_slopes(slope), qrs(), 0.28) == NOT_STEEP
