"""Each limit on what passes for a QRS complex, from both sides, on waves made to lie next to it."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.fiducials import Fiducials
from intervals.qrs_shape import is_shallow, why_no_qrs, why_shallow
from tests.intervals.made_beats import fiducials_of

NO_ENDS = "no complex has the onset and the offset of a QRS complex"
NOT_PLACED = "the onset of a QRS complex cannot be placed"
STEP = "the recurring wave is a step from one level to another, not a QRS complex"
NARROW = "the recurring wave is narrower than any QRS complex"
SHALLOW = "the recurring wave is as smooth and shallow as a P wave; no QRS complex is found"
LONG = "the recurring wave takes more than half of the cycle, as no QRS complex does"
NOT_STEEP = "the recurring wave is not as steep as a QRS complex"
RR_S = 0.8

# Samples of the complex's onset and offset: -24 and 24 ms from the centre.
START, STOP = 118, 130


def qrs(start: int = START, stop: int = STOP, **changes: object) -> Fiducials:
    """Return fiducials whose QRS complex begins and ends at these samples."""
    times = (-200.0, -96.0, start * 4.0 - 600.0, stop * 4.0 - 600.0, 360.0)
    return fiducials_of(times, **changes)  # type: ignore[arg-type]


def of_slopes(slope: np.ndarray, leads: int = 8) -> np.ndarray:
    """(12, 360): the same wave, with these 359 differences, in some leads; the others flat."""
    beat = np.zeros((12, 360))
    beat[:leads, 1:] = np.cumsum(slope)
    return beat


def up_and_down(steep_samples: int, start: int = START, rest: float = 0.0) -> np.ndarray:
    """(359,) slopes of 1 for so many samples, up and then down; before and after of another size.

    Up and down alternate outside, so that the level does not move away.
    """
    slope = rest * np.where(np.arange(359) % 2, 1.0, -1.0)
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
    beat = np.zeros((12, 360))
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
    beat = np.zeros((12, 360))
    beat[:4, (START + STOP) // 2] = 1.0
    beat[0, STOP + 1 :] = 1.0
    assert why_no_qrs(beat, qrs(), RR_S) != STEP
    beat[1, STOP + 1 :] = 1.0  # two of four: the root of a half is 0.707
    assert why_no_qrs(beat, qrs(), RR_S) == STEP


@pytest.mark.parametrize("leads", [1, 6, 7, 12])
@pytest.mark.parametrize(("steep_samples", "reason"), [(8, NARROW), (10, None)])
def test_a_spike_is_narrower_than_a_complex(
    leads: int, steep_samples: int, reason: str | None
) -> None:
    """Of n equally steep samples, those that hold under 95 % count, and one more.

    8 x 0.95 = 7.6 and 10 x 0.95 = 9.5: 8 and 10 samples, 32 and 40 ms, on either side of 34 ms.
    """
    assert why_no_qrs(of_slopes(up_and_down(steep_samples), leads), qrs(), RR_S) == reason


@pytest.mark.parametrize(("height", "reason"), [(4.0, NARROW), (1.5, None)])
@pytest.mark.parametrize("leads", [1, 12])
def test_a_spike_within_a_wave_is_none(height: float, reason: str | None, leads: int) -> None:
    """Four slopes are steeper, eight are 1: at four times 4 samples hold four fifths, 16 ms.

    At 1.5 times 4 x 2.25 + 8 = 17, of which 9 samples hold 13.6: 36 ms.
    """
    slope = up_and_down(12)
    slope[START + 4 : START + 8] *= height
    assert why_no_qrs(of_slopes(slope, leads), qrs(), RR_S) == reason


def test_a_complex_of_one_steep_stroke_passes() -> None:
    """Six slopes of 2 and ten of 0.6 hold four fifths in 24 ms, as in a normal recording."""
    slope = up_and_down(16, START - 2)
    slope[START - 2 : STOP + 2] *= 0.6
    slope[START + 3 : START + 9] *= 2.0 / 0.6
    assert why_no_qrs(of_slopes(slope), qrs(), RR_S) is None


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
    beat = of_slopes(slope)
    assert why_no_qrs(beat, qrs(), rr_s, millivolts=False) == reason


def steep_enough(spikes: int, first_spike: int = 60) -> np.ndarray:
    """(359,) slopes of a complex 4.05 times as steep as its rest, in which there are spikes too.

    The mean square in the complex is taken from 2 samples before its onset to 2 after its end.
    """
    slope = up_and_down(12, rest=1 / 4.05)
    slope[START - 2 : START] = 1.0
    slope[STOP : STOP + 2] = -1.0
    slope[first_spike : first_spike + spikes] *= 50.0
    return slope


def rest_of(cycle: int) -> tuple[int, int, int]:
    """Return where a cycle begins and ends, and how many samples of its rest are left out.

    It begins 35 % of the cycle before the complex. Five samples on either side of the complex are
    no part of the rest, of which the steepest tenth is left out.
    """
    first = START - round(0.35 * cycle)
    last = min(359, first + cycle)
    rest = last - first - (STOP - START) - 10
    return first, last, rest - round(0.9 * rest)


@pytest.mark.parametrize(("rr_s", "cycle"), [(0.6, 150), (0.8, 200), (1.5, 275), (None, 275)])
def test_the_rest_is_the_cycle_without_its_steepest_tenth(rr_s: float | None, cycle: int) -> None:
    """The cycle is 1.1 s at most: 275 samples. What is beyond may be as steep as any."""
    first, last, left_out = rest_of(cycle)
    slope = steep_enough(left_out, first_spike=first)
    slope[:first] *= 50.0
    slope[last:] *= 50.0
    slope[[START - 5, START - 4, START - 3, STOP + 2, STOP + 3, STOP + 4]] = 0.9
    assert why_no_qrs(of_slopes(slope), qrs(), rr_s) is None
    slope[first + left_out] *= 50.0
    assert why_no_qrs(of_slopes(slope), qrs(), rr_s) == NOT_STEEP
    slope[first + left_out] /= 50.0
    slope[last - 1] *= 50.0
    assert why_no_qrs(of_slopes(slope), qrs(), rr_s) == NOT_STEEP


@pytest.mark.parametrize(("rr_s", "reason"), [(0.284, NOT_STEEP), (0.288, None)])
def test_a_rest_under_200_ms_is_not_trimmed(rr_s: float, reason: str | None) -> None:
    """Cycles of 71 and 72 samples leave 49 and 50 samples of rest, of which 5 may be spikes."""
    slope = steep_enough(5, first_spike=START - 24)
    beat = of_slopes(slope)
    assert why_no_qrs(beat, qrs(), rr_s, millivolts=False) == reason


def test_a_complex_leaves_half_of_the_cycle_to_the_rest() -> None:
    """The complex of 48 ms."""
    beat = of_slopes(up_and_down(12))
    assert why_no_qrs(beat, qrs(), 0.097) is None
    assert why_no_qrs(beat, qrs(), 0.095) == LONG
    assert why_no_qrs(beat, qrs(), None) is None


@pytest.mark.parametrize(
    ("sample", "reason"),
    [(START - 9, None), (START - 8, NARROW), (STOP + 7, NARROW), (STOP + 8, None)],
)
def test_the_width_is_that_of_the_complex_and_32_ms_around_it(
    sample: int, reason: str | None
) -> None:
    """One sample that is steeper than all others makes a spike of 4 ms of what holds it."""
    slope = up_and_down(12)
    slope[sample] = 30.0
    # Back to the level, in the rest, of whose 178 samples the steepest 18 are left out.
    slope[60] = -30.0
    assert why_no_qrs(of_slopes(slope), qrs(), RR_S) == reason


@pytest.mark.parametrize(("samples", "reason"), [(26, None), (27, NOT_STEEP)])
def test_every_sample_around_the_complex_counts_for_its_width(
    samples: int, reason: str | None
) -> None:
    """With 8 on either side 42 and 43 equal slopes: 34 and 35 samples hold four fifths."""
    start = 100
    slope = np.zeros(359)
    slope[start - 8 : start + samples + 8 : 2] = 1.0
    slope[start - 7 : start + samples + 8 : 2] = -1.0
    assert why_no_qrs(of_slopes(slope), qrs(start, start + samples), RR_S) == reason


@pytest.mark.parametrize("peak", [START, STOP])
def test_the_height_is_that_of_the_whole_complex(peak: int) -> None:
    """Its only peak is at its first or last sample: a step of half of that is none."""
    beat = np.zeros((12, 360))
    beat[:, peak] = 1.0
    beat[:, STOP + 2 :] = 0.5
    assert why_no_qrs(beat, qrs(), RR_S) != STEP


def test_levels_are_taken_within_the_window() -> None:
    """A complex at the window's start: from 3 samples after it; at its end: to 3 before it."""
    beat = np.zeros((12, 360))
    beat[:, 12] = 1.2
    beat[:, 3] = 5.0  # one of five samples: their mean is 1 mV, the level after it is 0
    assert why_no_qrs(beat, qrs(5, 20), RR_S) == STEP
    beat[:, 3], beat[:, 2] = 0.0, 5.0
    assert why_no_qrs(beat, qrs(5, 20), RR_S) != STEP
    late = np.zeros((12, 360))
    late[:, 322] = 1.2
    late[:, 357] = 6.0  # one of six samples
    assert why_no_qrs(late, qrs(312, 355), RR_S) == STEP
    late[:, 357], late[:, 358] = 0.0, 6.0
    assert why_no_qrs(late, qrs(312, 355), RR_S) != STEP


def gaussian(height_mv: float, sigma_ms: float, leads: int) -> np.ndarray:
    """(12, 360): the same wave about the centre in some leads, the others flat."""
    at_ms = 4.0 * (np.arange(360) - 150)
    beat = np.zeros((12, 360))
    beat[:leads] = height_mv * np.exp(-0.5 * (at_ms / sigma_ms) ** 2)
    return beat


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("height_mv", "sigma_ms", "leads", "reason"),
    [
        # The steepest slope of a Gaussian is 0.61 x height / sigma.
        (0.15, 20.0, 12, SHALLOW),
        (0.25, 20.0, 12, SHALLOW),
        (0.45, 20.0, 7, SHALLOW),
        (0.55, 20.0, 7, None),
        (0.25, 20.0, 6, SHALLOW),
        (0.30, 20.0, 6, None),
        (0.25, 20.0, 1, SHALLOW),
        (0.30, 20.0, 1, None),
        # Narrower waves are QRS complexes, however low: of 12 ms on twelve leads, 17 on one.
        (0.15, 15.0, 12, SHALLOW),
        (0.15, 12.0, 12, None),
        (0.10, 19.0, 1, SHALLOW),
        (0.10, 15.0, 1, None),
    ],
)
def test_a_smooth_and_shallow_wave_is_a_p_wave(
    height_mv: float, sigma_ms: float, leads: int, reason: str | None, sign: float
) -> None:
    assert why_shallow(sign * gaussian(height_mv, sigma_ms, leads)) == reason


def test_a_narrow_wave_is_shallow_too() -> None:
    """Read at twice its sampling rate, a P wave is as narrow as a QRS complex."""
    assert is_shallow(gaussian(0.15, 10.0, 12)) and not is_shallow(gaussian(1.0, 10.0, 12))


def test_the_steepest_lead_decides_whether_a_wave_is_shallow() -> None:
    beat = gaussian(0.1, 20.0, 12)
    beat[5] *= 8.0
    assert why_shallow(beat) is None


def with_t_wave(height: float, smooth: bool) -> np.ndarray:
    """(12, 360): a complex of slopes of 0.1, and a T wave from 80 to 280 ms after it.

    The steepest slope of a smooth one is 0.016 x height; the other jumps between two levels.
    """
    beat = of_slopes(0.1 * up_and_down(12))
    at = np.arange(50)
    wave = np.sin(np.pi * at / 50) ** 2 if smooth else 0.06 * (at * 7 % 5 > 2)
    beat[:8, STOP + 20 : STOP + 70] += height * wave
    return beat


@pytest.mark.parametrize(
    ("height", "smooth", "t_off_ms", "reason"),
    [
        (0.3, True, 320.0, None),
        (1.5, True, 320.0, None),
        (1.5, True, np.nan, NOT_STEEP),
        (1.5, False, 320.0, NOT_STEEP),
    ],
)
def test_a_smooth_t_wave_may_be_steep(
    height: float, smooth: bool, t_off_ms: float, reason: str | None
) -> None:
    times = (-200.0, -96.0, START * 4.0 - 600.0, STOP * 4.0 - 600.0, t_off_ms)
    assert why_no_qrs(with_t_wave(height, smooth), fiducials_of(times), RR_S) == reason


@pytest.mark.parametrize(
    ("rest", "rr_s", "mv_per_s", "millivolts", "passes"),
    [
        (0.35, 0.32, 100.0, True, True),  # steepness 2.6
        (0.4, 0.45, 65.0, True, True),
        (0.3, 0.25, 200.0, True, True),
        (0.6, 0.32, 100.0, True, False),  # hardly steeper than what is between the complexes
        (0.35, 0.6, 100.0, True, False),  # as slow as a pulse wave
        (0.35, 0.32, 50.0, True, False),  # as shallow as a sine
        (0.35, 0.32, 100.0, False, False),  # nothing is known of its height
    ],
)
def test_a_fast_wave_of_steep_slopes_needs_no_rest_between_complexes(
    rest: float, rr_s: float, mv_per_s: float, millivolts: bool, passes: bool
) -> None:
    beat = of_slopes(up_and_down(30, rest=rest)) * mv_per_s / 250.0
    reason = why_no_qrs(beat, qrs(stop=START + 30), rr_s, millivolts=millivolts)
    assert reason == (None if passes else NOT_STEEP)
