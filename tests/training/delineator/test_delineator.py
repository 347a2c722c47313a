"""What the delineator is trained on: labels that stay on their waves, scores by the formulas that are promised."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.intervals.synthetic import Made, synthetic
from training.datasets.ludb import LudbRecord, has_no_pr, reference
from training.delineator.beats import BeatSource, beat_source, draw_example, join_marks
from training.delineator.fit import train
from training.delineator.scores import Scores


@cache
def made_record() -> LudbRecord:
    """A synthetic recording annotated with what was put in, on every lead."""
    made, onsets = Made(), np.arange(0.6, 10.0, 0.85)[1:-1]
    offsets_ms = (
        -made.pr_ms,
        made.p_duration_ms - made.pr_ms,
        0.0,
        made.qrs_ms,
        made.qt_ms - 170.0,
        made.qt_ms,
        -made.pr_ms + 52.0,
    )
    marks = np.repeat(onsets[:, None, None] + np.array(offsets_ms) / 1000.0, 12, axis=1)
    return LudbRecord(
        "synthetic", synthetic(made), 500.0, marks, onsets + 0.046, onsets + 0.046, False
    )


@cache
def source() -> BeatSource:
    found = beat_source(made_record())
    assert found is not None
    return found


def test_the_reference_is_what_was_put_in() -> None:
    found, made = reference(made_record()), Made()
    assert (found.pr_ms, found.qrs_ms, found.qt_ms) == pytest.approx(
        (made.pr_ms, made.qrs_ms, made.qt_ms), abs=1e-6
    )
    assert found.p_duration_ms == pytest.approx(
        made.p_duration_ms, abs=1e-6
    ) and found.heart_rate == pytest.approx(60.0 / 0.85)


def test_targets_lie_on_the_beat_as_the_marks_do() -> None:
    _, overall, present = join_marks(source().marks)
    made = Made()
    assert present == 1.0
    assert np.diff(overall * 4.0) == pytest.approx(
        [104.0, made.pr_ms - 104.0, made.qrs_ms, made.qt_ms - made.qrs_ms], abs=2.0
    )


@pytest.mark.parametrize("leads", [8, 3, 1])
def test_labels_follow_the_disturbed_beat(leads: int) -> None:
    for seed in range(10):
        example = draw_example(source(), leads, np.random.default_rng(seed))
        assert example.features.shape == (4, leads, 288) and np.isfinite(example.features).all()
        for lead in np.flatnonzero(example.alive):
            inside = np.flatnonzero(example.classes[lead] == 2)
            assert (
                abs(inside[0] - example.lead_times[2, lead]) <= 1
                and abs(inside[-1] + 1 - example.lead_times[3, lead]) <= 1
            )
        # The steepest place of the complex lies within its boundaries, however time was warped.
        assert (
            example.global_times[2] - 2
            <= example.features[2, 0].argmax()
            <= example.global_times[3] + 2
        )


def test_a_training_is_repeatable() -> None:
    first, second = (train([source()], epochs=16, seed=3) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_scores_are_those_of_the_evaluation() -> None:
    truth, found = np.array([100.0, 90.0, np.nan, 80.0]), np.array([103.0, 85.0, 70.0, np.nan])
    row = Scores(
        ("a", "b", "c", "d"), {"qrs_ms": truth}, {"qrs_ms": found}, {"qrs_ms": np.full(4, 4.0)}, {}
    ).row("qrs_ms")
    assert (row["reference"], row["measured"], row["given_where_none"]) == (3, 2, 1)
    assert (
        row["bias"],
        row["sd"],
        row["median_abs"],
        row["p90_abs"],
        row["within_uncertainty"],
    ) == (-1.0, 4.0, 4.0, 4.8, 0.5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"Rhythms": "Sinus rhythm"}, False),
        ({"Rhythms": "Atrial fibrillation"}, True),
        ({"Rhythms": "Atrial flutter, typical"}, True),
        ({"Rhythms": "Sinus rhythm", "Conduction abnormalities": "Iii degree av-block"}, True),
        ({"Rhythms": "Sinus rhythm", "Conduction abnormalities": "I degree AV block"}, False),
        ({"Rhythms": "Sinus rhythm", "Cardiac pacing": "Unipolar ventricular pacing"}, True),
    ],
)
def test_where_pr_has_no_meaning(row: dict[str, str], expected: bool) -> None:
    assert has_no_pr(row) is expected
