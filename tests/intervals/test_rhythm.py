"""The rules name a rhythm from the measurements, or say that it is undetermined."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from intervals.beats import BeatClass
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm, name_rhythm, rate_word
from signals.spikes import Pacing
from tests.intervals.made_rhythms import (
    IRREGULAR_S,
    SLIGHTLY_IRREGULAR_S,
    alternating_intervals,
    measurements_of,
    without_p,
)

UNPACED = Pacing(0, 0, 10)


def irregularity(rr_s: list[float]) -> float:
    """Return RMSSD over the mean interval, computed in plain Python."""
    squares = [(later - earlier) ** 2 for earlier, later in pairwise(rr_s)]
    return math.sqrt(sum(squares) / len(squares)) / (sum(rr_s) / len(rr_s))


@pytest.mark.parametrize(
    ("rate", "name"),
    [
        (59.9, "Sinus bradycardia"),
        (60.0, "Sinus rhythm"),
        (100.0, "Sinus rhythm"),
        (100.1, "Sinus tachycardia"),
    ],
)
def test_a_regular_rhythm_with_p_waves_is_sinus_rhythm_of_its_rate(rate: float, name: str) -> None:
    """The confidence is the probability that P waves are present."""
    rhythm = name_rhythm(measurements_of([0.8] * 9, rate=rate, p_present=0.93), UNPACED)
    assert rhythm == Rhythm(name, 0.93)


@pytest.mark.parametrize(
    ("p_present", "limit"), [(0.01, 0.05), (0.099, 0.05), (0.1, 0.1), (0.9, 0.1), (None, 0.1)]
)
def test_fibrillation_is_irregular_beyond_a_limit_that_depends_on_p(
    p_present: float | None, limit: float
) -> None:
    """Its confidence rises from 0 at the limit to 1 at twice the limit."""
    for ratio, confidence in ((0.995, None), (1.005, 0.005), (1.4, 0.4), (2.5, 1.0)):
        measurements = measurements_of(
            alternating_intervals(ratio * limit), pr_ms=None, p_present=p_present
        )
        rhythm = name_rhythm(measurements, UNPACED)
        if confidence is None:
            assert rhythm == Rhythm("Undetermined")
        else:
            assert rhythm.name == "Atrial fibrillation"
            assert rhythm.confidence == pytest.approx(confidence)


def test_irregularity_is_rmssd_over_the_mean_interval() -> None:
    """Differences of 60, 70, 80, 60 and 40 ms: 0.0767 of the mean interval, by hand."""
    expected = math.sqrt((0.06**2 + 0.07**2 + 0.08**2 + 0.06**2 + 0.04**2) / 5) / (4.98 / 6)
    assert irregularity(SLIGHTLY_IRREGULAR_S) == pytest.approx(expected)
    rhythm = name_rhythm(without_p(SLIGHTLY_IRREGULAR_S, 0.02), UNPACED)
    assert rhythm.name == "Atrial fibrillation"
    assert rhythm.confidence == pytest.approx((expected - 0.05) / 0.05)


def test_an_irregular_rhythm_whose_p_waves_cannot_be_measured_is_fibrillation_too() -> None:
    """At fast rates the network may take T for P. Then no PR interval is measured."""
    rhythm = name_rhythm(without_p(IRREGULAR_S, 0.9), UNPACED)
    assert rhythm == Rhythm("Atrial fibrillation", 1.0)


@pytest.mark.parametrize(
    ("change_s", "name"), [(0.026, "Undetermined"), (0.028, "Atrial fibrillation")]
)
def test_a_few_premature_beats_without_p_waves_are_no_fibrillation(
    change_s: float, name: str
) -> None:
    """One premature beat makes the rhythm irregular; the median change is 2.9 or 3.1 % of 0.9 s."""
    rr_s = [0.9, 0.9 + change_s] * 5
    rr_s[5:7] = [0.5, 1.3]
    assert irregularity(rr_s) > 0.1
    assert name_rhythm(without_p(rr_s), UNPACED).name == name


@pytest.mark.parametrize(("ratio", "name"), [(0.99, "Atrial fibrillation"), (1.01, "Undetermined")])
def test_alternating_premature_beats_are_no_fibrillation(ratio: float, name: str) -> None:
    assert name_rhythm(without_p(alternating_intervals(ratio, 0.4)), UNPACED).name == name


def test_median_changes_at_the_limits_are_no_fibrillation() -> None:
    """Exact in binary: the median changes are 3/128 of 100/128 s, and 1 s of 1 s."""
    few_premature = [98.5 / 128, 101.5 / 128] * 5
    few_premature[5:7] = [50 / 128, 150 / 128]
    assert name_rhythm(without_p(few_premature), UNPACED).name == "Undetermined"
    assert name_rhythm(without_p([0.5, 1.5] * 4), UNPACED).name == "Undetermined"


@pytest.mark.parametrize(("intervals", "name"), [(3, "Undetermined"), (4, "Atrial fibrillation")])
def test_four_intervals_show_whether_a_rhythm_is_regular(intervals: int, name: str) -> None:
    rhythm = name_rhythm(without_p(IRREGULAR_S[:intervals], 0.02), UNPACED)
    assert rhythm.name == name


def test_too_few_successive_intervals_do_not_show_whether_a_rhythm_is_regular() -> None:
    """Four intervals lie between normal beats, but only two of them follow another one.

    Without the noisy beat there are no other beats to fall back on.
    """
    classes: list[BeatClass] = ["normal"] * 3 + ["noisy"] + ["normal"] * 3
    rhythm = name_rhythm(
        measurements_of(IRREGULAR_S[:6], pr_ms=None, p_present=0.02, classes=classes), UNPACED
    )
    assert rhythm == Rhythm("Undetermined")


def test_ectopic_beats_do_not_make_a_rhythm_irregular() -> None:
    rr_s = [0.8, 0.8, 0.5, 1.1, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    classes: list[BeatClass] = ["normal", "normal", "normal", "ectopic", *["normal"] * 7]
    assert irregularity(rr_s) > 0.1
    assert name_rhythm(measurements_of(rr_s, classes=classes), UNPACED) == Rhythm(
        "Sinus rhythm", 0.98
    )


def test_intervals_before_and_after_an_ectopic_beat_are_not_compared() -> None:
    """Intervals are 0.8 s before an ectopic beat and 1.0 s after it. RMSSD ignores this change."""
    rr_s = [0.8, 0.81, 0.8, 0.5, 1.1, 1.0, 1.01, 1.0]
    classes: list[BeatClass] = [*["normal"] * 4, "ectopic", *["normal"] * 4]
    rhythm = name_rhythm(measurements_of(rr_s, classes=classes), UNPACED)
    assert rhythm == Rhythm("Sinus rhythm", 0.98)


def test_if_beats_have_many_morphologies_all_that_are_not_noisy_count() -> None:
    classes: list[BeatClass] = ["normal", "ectopic", "normal", "ectopic", "ectopic"] * 2
    rhythm = name_rhythm(
        measurements_of(
            SLIGHTLY_IRREGULAR_S[:5] + SLIGHTLY_IRREGULAR_S[1:5],
            pr_ms=None,
            p_present=0.02,
            classes=classes,
        ),
        UNPACED,
    )
    assert rhythm.name == "Atrial fibrillation"
    expected = irregularity(SLIGHTLY_IRREGULAR_S[:5] + SLIGHTLY_IRREGULAR_S[1:5])
    assert rhythm.confidence == pytest.approx((expected - 0.05) / 0.05)
    noisy: list[BeatClass] = ["noisy" if kind == "ectopic" else kind for kind in classes]
    rhythm = name_rhythm(
        measurements_of(
            SLIGHTLY_IRREGULAR_S[:5] + SLIGHTLY_IRREGULAR_S[1:5],
            pr_ms=None,
            p_present=0.02,
            classes=noisy,
        ),
        UNPACED,
    )
    assert rhythm == Rhythm("Undetermined")


def test_clear_flutter_waves_are_flutter_whether_the_beats_are_regular_or_not() -> None:
    for rr_s in ([0.8] * 9, IRREGULAR_S):
        flutter = replace(without_p(rr_s, 0.02), flutter_per_min=280.0)
        assert name_rhythm(flutter, UNPACED) == Rhythm("Atrial flutter", pytest.approx(0.98))
    unknown = replace(flutter, p_present=None)
    assert name_rhythm(unknown, UNPACED) == Rhythm("Atrial flutter", None)


@pytest.mark.parametrize(
    ("rate", "qrs_ms", "name", "confidence"),
    [
        (100.0, 90.0, "Undetermined", None),
        (101.0, 119.0, "Narrow-complex tachycardia", 0.01),
        (150.0, 120.0, "Wide-complex tachycardia", 0.5),
        (230.0, 160.0, "Wide-complex tachycardia", 1.0),
        (150.0, None, "Undetermined", None),
    ],
)
def test_a_regular_tachycardia_without_p_waves_is_named_by_the_width_of_its_qrs(
    rate: float, qrs_ms: float | None, name: str, confidence: float | None
) -> None:
    """The confidence rises from 0 at 100 per minute to 1 at 200."""
    fast = measurements_of([0.4] * 20, rate=rate, pr_ms=None, p_present=0.02, qrs_ms=qrs_ms)
    rhythm = name_rhythm(fast, UNPACED)
    assert rhythm.name == name
    assert rhythm.confidence == (None if confidence is None else pytest.approx(confidence))


def test_complexes_without_a_rest_are_wide_though_their_width_is_not_measured() -> None:
    fast = measurements_of([0.32] * 20, rate=187.0, pr_ms=None, p_present=None, qrs_ms=None)
    rhythm = name_rhythm(replace(fast, without_rest=True), UNPACED)
    assert rhythm == Rhythm("Wide-complex tachycardia", pytest.approx(0.87))
    assert name_rhythm(fast, UNPACED) == Rhythm("Undetermined")


def test_a_regular_rhythm_of_normal_rate_without_p_waves_is_undetermined() -> None:
    assert name_rhythm(without_p([0.9] * 9, 0.01), UNPACED) == Rhythm("Undetermined")


@pytest.mark.parametrize(
    ("paced", "confidence"),
    [(Pacing(0, 9, 12), 0.75), (Pacing(9, 0, 12), 0.75), (Pacing(11, 9, 12), 11 / 12)],
)
def test_a_rhythm_with_spikes_before_its_beats_is_a_pacemakers(
    paced: Pacing, confidence: float
) -> None:
    """The confidence is the share of beats with a spike, for the chamber that has more of them."""
    rhythm = name_rhythm(without_p(IRREGULAR_S), paced)
    assert rhythm == Rhythm("Electronic pacemaker", pytest.approx(confidence))


@pytest.mark.parametrize(("run", "others"), [(5, 10), (7, 18), (12, 8), (9, 4)])
def test_a_fast_rhythm_of_changing_complexes_is_a_wide_complex_tachycardia(
    run: int, others: int
) -> None:
    classes: list[BeatClass] = ["normal"] * others + ["ectopic"] * run
    fast = measurements_of(
        [0.4] * (run + others - 1), rate=150.0, pr_ms=None, p_present=0.4, classes=classes
    )
    name = name_rhythm(fast, UNPACED)
    assert name == Rhythm("Wide-complex tachycardia", pytest.approx(run / (run + others)))


@pytest.mark.parametrize(
    ("run", "others", "rate", "pr_ms"),
    [(4, 8, 150.0, None), (5, 16, 150.0, None), (7, 10, 90.0, None), (7, 10, 120.0, 140.0)],
)
def test_a_short_run_or_one_beside_p_waves_does_not_name_the_rhythm(
    run: int, others: int, rate: float, pr_ms: float | None
) -> None:
    classes: list[BeatClass] = ["normal"] * others + ["ectopic"] * run
    rhythm = measurements_of(
        [0.4] * (run + others - 1), rate=rate, pr_ms=pr_ms, p_present=0.4, classes=classes
    )
    assert name_rhythm(rhythm, UNPACED).name != "Wide-complex tachycardia"


def test_without_a_heart_rate_the_rhythm_is_undetermined() -> None:
    assert name_rhythm(Measurements(), UNPACED) == Rhythm("Undetermined")


@pytest.mark.parametrize(
    ("rate", "qrs_ms", "name"),
    [
        (45.0, 90.0, "Junctional escape rhythm"),
        (40.0, 100.0, "Junctional escape rhythm"),
        (58.0, 118.0, "Junctional escape rhythm"),
        (37.0, 128.0, "Ventricular escape rhythm"),
        (30.0, 150.0, "Ventricular escape rhythm"),
        (40.0, 180.0, "Ventricular escape rhythm"),
        (60.0, 90.0, "Undetermined"),
        (39.0, 90.0, "Undetermined"),
        (41.0, 150.0, "Undetermined"),
        (45.0, None, "Undetermined"),
    ],
)
def test_a_slow_regular_rhythm_without_p_waves_is_an_escape_rhythm(
    rate: float, qrs_ms: float | None, name: str
) -> None:
    slow = measurements_of([60 / rate] * 7, rate=rate, pr_ms=None, p_present=0.2, qrs_ms=qrs_ms)
    assert name_rhythm(slow, UNPACED).name == name


@pytest.mark.parametrize(("p_present", "intervals"), [(0.6, 7), (None, 7), (0.2, 3), (0.99, 7)])
def test_an_escape_rhythm_needs_absent_p_waves_and_enough_beats(
    p_present: float | None, intervals: int
) -> None:
    slow = measurements_of([1.3] * intervals, rate=46.0, pr_ms=None, p_present=p_present)
    assert name_rhythm(slow, UNPACED) == Rhythm("Undetermined")


@pytest.mark.parametrize(
    ("rate", "mean_rate", "word"),
    [
        (60.0, 59.6, None),
        (59.96, 59.96, None),
        (100.04, 100.04, None),
        (60.0, 59.4, "Bradycardia"),
        (75.0, 38.0, "Bradycardia"),
        (97.0, 106.8, "Tachycardia"),
        (100.0, 100.4, None),
        (75.0, None, None),
        (59.0, 101.0, None),
    ],
)
def test_the_rate_of_the_mean_interval_counts_too(
    rate: float, mean_rate: float | None, word: str | None
) -> None:
    measurements = replace(measurements_of([0.8] * 9, rate=rate), mean_rate_bpm=mean_rate)
    assert rate_word(measurements, None) == word
    assert rate_word(measurements, 10.0) is None
