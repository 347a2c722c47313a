"""A boundary that may not be reported is null, and its warning says why."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.boundaries import recorded_ms, reportable_boundaries
from intervals.fiducials import Fiducials
from tests.intervals.made_beats import TIMES, beats_at, fiducials_of
from tests.intervals.test_p_waves import regular

P_ON, P_OFF, QRS_ON, QRS_OFF, T_OFF = range(5)
NO_P = [None, None, *TIMES[2:]]
NO_T_END = [*TIMES[:4], None]
T_NOT_SEEN = "qt_ms: the end of a T wave is not seen"
NOT_WHOLE = "measurements: no beat is wholly within the recording"
NO_QRS = "qrs_ms: no complex is recorded from its onset to its offset; no interval is measured"


def judged(
    fiducials: Fiducials,
    *,
    covered: tuple[int, int] = (0, 360),
    rr_ms: float | None = 900.0,
    flutter_per_min: float | None = None,
    paced: bool = False,
) -> tuple[list[float | None], tuple[str, ...]]:
    """Return the boundaries, None for NaN, and the warnings."""
    times, warnings = reportable_boundaries(
        regular(covered=covered), fiducials, rr_ms, flutter_per_min=flutter_per_min, paced=paced
    )
    return [None if np.isnan(time) else time for time in times.tolist()], warnings


def times_with(index: int, time_ms: float) -> list[float]:
    return [*TIMES[:index], time_ms, *TIMES[index + 1 :]]


def test_sound_boundaries_are_all_reported() -> None:
    fiducials = fiducials_of()
    assert judged(fiducials) == (list(TIMES), ())
    assert fiducials.times.tolist() == list(TIMES)


def test_the_window_is_recorded_from_600_ms_before_the_centre_on() -> None:
    """In steps of 4 ms: sample 0 is at -600 ms, sample 150 at 0, sample 360 at 840 ms."""
    assert recorded_ms(beats_at([1.0])) == pytest.approx((-600.0, 840.0))
    assert recorded_ms(beats_at([1.0], covered=(150, 200))) == pytest.approx((0.0, 200.0))


@pytest.mark.parametrize(("covered", "recorded"), [((100, 360), True), ((101, 360), False)])
def test_a_p_wave_before_the_recording_is_not_reported(
    covered: tuple[int, int], recorded: bool
) -> None:
    """P begins at -200 ms, which is sample 100."""
    times, warnings = judged(fiducials_of(), covered=covered)
    if recorded:
        assert (times, warnings) == (list(TIMES), ())
    else:
        # The end of P would be recorded, but its length and PR are not.
        assert times == NO_P
        assert warnings == (
            NOT_WHOLE,
            "pr_ms: the start of the beat is not recorded, or no QRS complex is found",
        )


@pytest.mark.parametrize(("covered", "recorded"), [((0, 240), True), ((0, 239), False)])
def test_a_t_wave_after_the_recording_is_not_reported(
    covered: tuple[int, int], recorded: bool
) -> None:
    """T ends at 360 ms, which is sample 240."""
    times, warnings = judged(fiducials_of(), covered=covered)
    assert times == (list(TIMES) if recorded else NO_T_END)
    assert warnings == (() if recorded else (NOT_WHOLE, T_NOT_SEEN))


@pytest.mark.parametrize("missing", [QRS_ON, QRS_OFF])
def test_without_a_whole_complex_nothing_is_reported(missing: int) -> None:
    times, warnings = judged(fiducials_of(times_with(missing, np.nan)))
    assert times == [None] * 5
    assert warnings == (
        NO_QRS,
        "pr_ms: the start of the beat is not recorded, or no QRS complex is found",
    )


@pytest.mark.parametrize(("spread_ms", "clear"), [(60.0, True), (61.0, False)])
def test_the_end_of_qrs_must_be_clear(spread_ms: float, clear: bool) -> None:
    times, warnings = judged(fiducials_of(spread=(5.0, 6.0, 4.0, spread_ms, 9.0)))
    if clear:
        assert (times, warnings) == (list(TIMES), ())
    else:
        assert times == [*TIMES[:3], None, TIMES[4]]
        assert warnings == (
            "qrs_ms: the end of the QRS complex cannot be distinguished from the start of T",
        )


def test_the_spread_of_other_boundaries_does_not_matter() -> None:
    assert judged(fiducials_of(spread=(99.0, 99.0, 99.0, 7.0, 99.0))) == (list(TIMES), ())


def test_without_p_its_boundaries_are_null() -> None:
    times, warnings = judged(fiducials_of(p_present=0.2))
    assert times == NO_P
    assert warnings == ("pr_ms: no P waves are found",)


def test_where_paced_p_is_null() -> None:
    times, warnings = judged(fiducials_of(), paced=True)
    assert times == NO_P
    assert warnings == ("pr_ms: pacing spikes; a PR interval has no meaning",)


@pytest.mark.parametrize("p_present", [0.2, 0.99])
def test_flutter_is_the_reason_for_no_pr_before_any_other(p_present: float) -> None:
    times, warnings = judged(fiducials_of(p_present=p_present), flutter_per_min=283.6)
    assert times == NO_P
    assert warnings == ("pr_ms: flutter waves, 284 per minute; a PR interval has no meaning",)


@pytest.mark.parametrize(
    ("qt_ms", "plausible"), [(179.0, False), (180.0, True), (830.0, True), (np.nan, False)]
)
def test_the_end_of_t_is_null_with_its_warning_where_qt_is_implausible(
    qt_ms: float, plausible: bool
) -> None:
    times, warnings = judged(fiducials_of(times_with(T_OFF, -40.0 + qt_ms)), rr_ms=1200.0)
    if plausible:
        assert times == [*TIMES[:4], -40.0 + qt_ms]
        assert warnings == ()
    else:
        assert times == NO_T_END
        assert warnings == (T_NOT_SEEN,)


@pytest.mark.parametrize(("qt_ms", "plausible"), [(860.0, True), (861.0, False)])
def test_the_longest_qt(qt_ms: float, plausible: bool) -> None:
    """The QRS complex begins early, so that such a T still ends within the window."""
    times = [-350.0, -250.0, -190.0, -98.0, -190.0 + qt_ms]
    reported, warnings = judged(fiducials_of(times, p_present=0.2))
    assert reported[T_OFF] == (times[T_OFF] if plausible else None)
    assert (T_NOT_SEEN in warnings) is not plausible


@pytest.mark.parametrize(("rr_ms", "ends"), [(410.0, True), (409.0, False), (300.0, False)])
@pytest.mark.parametrize("p_present", [0.2, 0.99])
def test_t_ends_before_the_next_complex_begins(rr_ms: float, p_present: float, ends: bool) -> None:
    """QT is 400 ms here: at 10 ms before the next complex it is the latest that experts marked."""
    times, warnings = judged(fiducials_of(p_present=p_present), rr_ms=rr_ms)
    message = "qt_ms: the T wave runs into the next QRS complex; its end is not seen"
    assert (message in warnings) is not ends
    if not ends:
        assert times[T_OFF] is None


@pytest.mark.parametrize(("t_seen", "clear"), [(0.3, True), (0.29, False)])
def test_the_end_of_t_is_null_with_its_warning_where_t_is_not_seen(
    t_seen: float, clear: bool
) -> None:
    times, warnings = judged(fiducials_of(t_seen=t_seen))
    assert times == (list(TIMES) if clear else NO_T_END)
    assert warnings == (() if clear else (T_NOT_SEEN,))


@pytest.mark.parametrize(("rr_ms", "fused"), [(560.0, False), (559.0, True), (None, False)])
def test_where_t_would_end_after_the_next_p_neither_is_reported(
    rr_ms: float | None, fused: bool
) -> None:
    """From P's onset at -200 ms to T's end at 360 ms are 560 ms."""
    times, warnings = judged(fiducials_of(), rr_ms=rr_ms)
    if fused:
        assert times == [None, None, -40.0, 52.0, None]
        assert warnings == (
            "pr_ms, qt_ms: the T wave runs into the next P wave; neither the end of T nor the"
            " onset of P is seen",
        )
    else:
        assert (times, warnings) == (list(TIMES), ())


@pytest.mark.parametrize(("t_off_ms", "is_seen"), [(332.0, True), (333.0, False)])
def test_t_at_the_cut_after_a_fast_beat_may_end_after_it(t_off_ms: float, is_seen: bool) -> None:
    """RR 400 ms: the beat is cut off 340 ms after its centre. QRS begins 40 ms before it."""
    fast = beats_at([0.0, 0.4])
    fiducials = fiducials_of(times_with(T_OFF, t_off_ms), p_present=0.2)
    times, warnings = reportable_boundaries(
        fast, fiducials, 400.0, flutter_per_min=None, paced=False
    )
    assert np.isfinite(times[T_OFF]) == is_seen
    cut = "qt_ms: the rate is so fast that the end of T cannot be distinguished from the next P"
    assert (cut in warnings) is not is_seen


def test_without_p_nothing_is_fused() -> None:
    times, warnings = judged(fiducials_of(p_present=0.2), rr_ms=420.0)
    assert times == NO_P
    assert warnings == ("pr_ms: no P waves are found",)
