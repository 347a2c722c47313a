"""The delineator's training: labels stay on their waves, scores follow their formulas."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.intervals.synthetic import Made, synthetic
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import reference
from training.delineator.beats import BeatSource, beat_source, draw_example, join_marks
from training.delineator.fit import train
from training.delineator.scores import Scores

P_ON, P_OFF, QRS_ON, QRS_OFF, T_ON, T_OFF = range(6)
NAN = float("nan")


@cache
def made_record() -> AnnotatedRecord:
    """A synthetic recording, annotated with its known boundaries in every lead."""
    made, onsets_s = Made(), np.arange(0.6, 10.0, 0.85)[1:-1]
    marks_ms = (
        -made.pr_ms,
        made.p_duration_ms - made.pr_ms,
        0.0,
        made.qrs_ms,
        made.qt_ms - 170.0,
        made.qt_ms,
        -made.pr_ms + 52.0,
    )
    marks = np.repeat(onsets_s[:, None, None] + np.array(marks_ms) / 1000.0, 12, axis=1)
    peaks_s = onsets_s + 0.046
    return AnnotatedRecord("synthetic", synthetic(made), 500.0, marks, peaks_s, peaks_s, False)


@cache
def source() -> BeatSource:
    beats = beat_source(made_record())
    assert beats is not None
    return beats


def test_the_reference_of_a_synthetic_recording_has_its_intervals() -> None:
    intervals, made = reference(made_record()), Made()
    assert intervals.pr_ms == pytest.approx(made.pr_ms)
    assert intervals.qrs_ms == pytest.approx(made.qrs_ms)
    assert intervals.qt_ms == pytest.approx(made.qt_ms)
    assert intervals.p_duration_ms == pytest.approx(made.p_duration_ms)
    assert intervals.heart_rate == pytest.approx(60.0 / 0.85)


def test_marks_are_on_the_beat_as_in_the_recording() -> None:
    lead_marks, global_times, p_present = join_marks(source().marks)
    made = Made()
    assert p_present == 1.0
    lengths_ms = [104.0, made.pr_ms - 104.0, made.qrs_ms, made.qt_ms - made.qrs_ms]
    assert np.diff(global_times * 4.0) == pytest.approx(lengths_ms, abs=2.0)
    # Every lead has the same annotations.
    times = lead_marks[[P_ON, P_OFF, QRS_ON, QRS_OFF, T_OFF]]
    np.testing.assert_allclose(times, np.tile(global_times[:, None], 12))


def test_marks_are_joined_by_medians_over_beats_and_quartiles_over_leads() -> None:
    """Three beats, four leads; the percentiles are numpy's."""
    marks = np.zeros((3, 4, 6))
    marks += np.array([10.0, 20.0, 40.0, 60.0, 80.0, 120.0])
    marks += np.array([0.0, 1.0, 5.0, 2.0])[None, :, None]
    marks[1] += 3.0
    marks[2] += 50.0  # the median of 0, 3 and 50 is 3
    marks[1:, 3] = NAN  # annotated in one beat of three: not at all
    lead_marks, global_times, p_present = join_marks(marks)
    shifts = np.array([3.0, 4.0, 8.0])
    np.testing.assert_allclose(lead_marks[QRS_ON], [*(40.0 + shifts), NAN])
    assert global_times[2] == pytest.approx(np.percentile(40.0 + shifts, 25))
    assert global_times[3] == pytest.approx(np.percentile(60.0 + shifts, 75))
    assert global_times[4] == pytest.approx(np.percentile(120.0 + shifts, 75))
    assert p_present == 1.0
    marks[:, 2, [P_ON, P_OFF]] = NAN  # P in two leads is too few
    assert join_marks(marks)[2] == 0.0
    assert np.isnan(join_marks(np.full((3, 4, 6), NAN))[1]).all()


@pytest.mark.parametrize("leads", [8, 3, 1])
def test_labels_follow_the_augmented_beat(leads: int) -> None:
    for seed in range(10):
        example = draw_example(source(), leads, np.random.default_rng(seed))
        assert example.features.shape == (4, leads, 360)
        assert np.isfinite(example.features).all()
        assert example.p_present == 1.0
        qrs_on, qrs_off = example.lead_times[2:4]
        for lead in np.flatnonzero(example.has_signal):
            inside = np.flatnonzero(example.classes[lead] == 2)
            assert abs(inside[0] - qrs_on[lead]) <= 1
            assert abs(inside[-1] + 1 - qrs_off[lead]) <= 1
            # P before the QRS complex, T after it.
            assert (np.flatnonzero(example.classes[lead] == 1) < inside[0]).all()
            assert (np.flatnonzero(example.classes[lead] == 3) > inside[-1]).all()
        # The steepest sample of the complex is within its boundaries, however time is warped.
        steepest = example.features[2, 0].argmax()
        assert example.global_times[2] - 2 <= steepest <= example.global_times[3] + 2


def test_a_training_is_repeatable() -> None:
    first, second = (train([source()], epochs=16, seed=3) for _ in range(2))
    other = train([source()], epochs=16, seed=4)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in first if "weight" in name)


def scores(measured: list[float], references: list[float], names: str = "abcd") -> Scores:
    return Scores(
        tuple(names),
        {name: np.array(references) for name in ("qrs_ms", "pr_ms", "qt_ms")},
        {name: np.array(measured) for name in ("qrs_ms", "pr_ms", "qt_ms")},
        {"qrs_ms": np.full(len(measured), 4.0)},
    )


def test_scores_are_those_of_the_evaluation() -> None:
    """Errors 3, -5 and 4: by hand, the variance is 50 / 3 - (2 / 3)^2.

    The 90th percentile of 3, 4 and 5 is at rank 1.8.
    """
    compared = scores([103.0, 85.0, 70.0, NAN, 64.0], [100.0, 90.0, NAN, 80.0, 60.0], "abcde")
    row = compared.row("qrs_ms")
    assert row == {
        "reference": 4,
        "measured": 3,
        "given_where_none": 1,
        "bias": 3.0,
        "sd": round((50 / 3 - (2 / 3) ** 2) ** 0.5, 2),
        "median_abs": 4.0,
        "p90_abs": 4.8,
        "within_uncertainty": 0.667,
    }
    assert "within_uncertainty" not in compared.row("pr_ms")


def test_without_a_common_record_there_is_no_error() -> None:
    row = scores([NAN, 5.0], [5.0, NAN], "ab").row("qrs_ms")
    assert row == {"reference": 1, "measured": 0, "given_where_none": 1}


def test_the_largest_errors_come_first() -> None:
    compared = scores([103.0, 60.0, NAN, 81.0], [100.0, 90.0, 50.0, 80.0])
    assert compared.worst(count=2).splitlines()[0] == "qrs_ms: record b -30, record a +3"
