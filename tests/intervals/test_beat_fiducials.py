"""Each beat has the representative beat's boundaries about its own centre."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.beat_fiducials import fiducials_of_beats
from intervals.measurements import BeatFiducials
from tests.intervals.made_beats import TIMES, beats_at

NO_BOUNDARIES = dict.fromkeys(("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset"))


def representative_with_r(r_ms: float) -> np.ndarray:
    """(12, 360) with a peak of 1.5 mV in V2, a smaller one before it, and an offset in II."""
    beat = np.zeros((12, 360))
    beat[1] = 5.0
    beat[7, round((r_ms + 600.0) / 4.0)] = -1.5
    beat[3, round((r_ms - 16.0 + 600.0) / 4.0)] = 1.2
    return beat


def boundaries(beat: BeatFiducials) -> dict[str, float | None]:
    return {name: getattr(beat, name) for name in NO_BOUNDARIES}


def test_boundaries_lie_about_the_centre_and_r_at_the_largest_magnitude() -> None:
    beats = beats_at([1.2, 2.1], representative=representative_with_r(12.0))
    fiducials, representative = fiducials_of_beats(beats, np.array(TIMES))
    assert [beat.r for beat in fiducials] == pytest.approx([1.212, 2.112])
    for centre_s, beat in zip((1.2, 2.1), fiducials, strict=True):
        assert beat.beat_class == "normal"
        expected = [centre_s + time_ms / 1000.0 for time_ms in TIMES]
        assert list(boundaries(beat).values()) == pytest.approx(expected)
    assert representative.r == pytest.approx(0.612)
    assert list(representative.fiducials) == list(NO_BOUNDARIES)
    in_window = [0.600 + time_ms / 1000.0 for time_ms in TIMES]
    assert list(representative.fiducials.values()) == pytest.approx(in_window)
    assert (representative.averaged, representative.fs) == (2, 250.0)
    assert representative.data is beats.representative


def test_ectopic_and_noisy_beats_have_their_centre_as_r_and_no_boundaries() -> None:
    beats = beats_at(
        [1.2, 1.9, 2.8, 3.7],
        classes=("normal", "ectopic", "noisy", "normal"),
        representative=representative_with_r(8.0),
    )
    fiducials, _ = fiducials_of_beats(beats, np.array(TIMES))
    assert [beat.r for beat in fiducials] == pytest.approx([1.208, 1.9, 2.8, 3.708])
    assert [beat.beat_class for beat in fiducials] == ["normal", "ectopic", "noisy", "normal"]
    assert boundaries(fiducials[1]) == boundaries(fiducials[2]) == NO_BOUNDARIES
    assert None not in boundaries(fiducials[0]).values()
    assert None not in boundaries(fiducials[3]).values()


def test_no_time_is_before_the_start_of_the_recording() -> None:
    """The first beat's P is cut off by the start; the centre of an ectopic one is before it."""
    beats = beats_at([0.1, 1.0], representative=representative_with_r(-28.0))
    (first, second), _ = fiducials_of_beats(beats, np.array(TIMES))
    assert (first.p_onset, first.p_offset) == (None, pytest.approx(0.004))
    assert first.r == pytest.approx(0.072)
    assert second.p_onset == pytest.approx(0.8)
    early = beats_at([-0.002, 0.02], classes=("ectopic", "normal"), representative=beats_r_early())
    (ectopic, normal), _ = fiducials_of_beats(early, np.array(TIMES))
    assert (ectopic.r, normal.r) == (0.0, 0.0)


def beats_r_early() -> np.ndarray:
    return representative_with_r(-40.0)


def test_a_boundary_at_the_start_of_the_recording_is_kept() -> None:
    beats = beats_at([0.2], representative=representative_with_r(0.0))
    (beat,), _ = fiducials_of_beats(beats, np.array(TIMES))
    assert beat.p_onset == 0.0


def test_a_boundary_that_is_not_reported_is_none_in_every_beat() -> None:
    times = np.array([np.nan, np.nan, -40.0, 52.0, np.nan])
    beats = beats_at([1.0, 1.9], representative=representative_with_r(0.0))
    fiducials, representative = fiducials_of_beats(beats, times)
    for beat in (*map(boundaries, fiducials), representative.fiducials):
        missing = {name for name, time_s in beat.items() if time_s is None}
        assert missing == {"p_onset", "p_offset", "t_offset"}


@pytest.mark.parametrize(("second_s", "has_p"), [(1.561, True), (1.559, False)])
def test_p_of_a_premature_beat_is_null_where_it_would_begin_in_the_last_t(
    second_s: float, has_p: bool
) -> None:
    """The last T ends at 1.36 s; P begins 200 ms before the centre."""
    beats = beats_at([1.0, second_s, 3.0], representative=representative_with_r(0.0))
    (first, premature, third), _ = fiducials_of_beats(beats, np.array(TIMES))
    assert (premature.p_onset is not None) is has_p
    assert (premature.p_offset is not None) is has_p
    assert premature.qrs_onset == pytest.approx(second_s - 0.04)
    assert None not in (first.p_onset, third.p_onset, premature.t_offset)


def test_after_an_ectopic_beat_p_is_kept() -> None:
    """The end of the ectopic beat's T is not known."""
    beats = beats_at(
        [1.0, 1.3, 1.5],
        classes=("normal", "ectopic", "normal"),
        representative=representative_with_r(0.0),
    )
    fiducials, _ = fiducials_of_beats(beats, np.array(TIMES))
    assert fiducials[2].p_onset == pytest.approx(1.3)


@pytest.mark.parametrize(("r_ms", "found_ms"), [(-40.0, -40.0), (52.0, 52.0), (56.0, 40.0)])
def test_r_is_looked_for_within_the_qrs_complex(r_ms: float, found_ms: float) -> None:
    """A larger peak after the complex is not R; the smaller one 16 ms before it is."""
    beats = beats_at([1.0], representative=representative_with_r(r_ms))
    (beat,), _ = fiducials_of_beats(beats, np.array(TIMES))
    assert beat.r == pytest.approx(1.0 + found_ms / 1000.0)


@pytest.mark.parametrize(("r_ms", "found_ms"), [(-100.0, -100.0), (100.0, 100.0), (104.0, 88.0)])
def test_without_a_qrs_r_is_looked_for_within_100_ms_of_the_centre(
    r_ms: float, found_ms: float
) -> None:
    times = np.array([-200.0, -96.0, -40.0, np.nan, 360.0])
    beats = beats_at([1.0], representative=representative_with_r(r_ms))
    (beat,), _ = fiducials_of_beats(beats, times)
    assert beat.r == pytest.approx(1.0 + found_ms / 1000.0)
