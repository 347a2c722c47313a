"""Labels: joined over segments by each one's rule, corrected for the training weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.labels import (
    JoinedLabel,
    join_labels,
    labels_by_segment_part,
    superclass_of_labels,
    without_superclasses,
)
from model_store.labels import Label, ecg_fm_labels
from superclasses import SUPERCLASSES

LABELS = ecg_fm_labels()
LOGITS = np.array(
    [
        np.linspace(-3, 3, len(LABELS)),
        np.linspace(2, -2, len(LABELS)),
        np.linspace(-1, 0.5, len(LABELS)),
    ],
    np.float32,
)
# The logistic function, directly.
ROWS = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))


def joined(**options: Any) -> list[JoinedLabel]:
    return join_labels(LOGITS, LABELS, **{"aggregate": None, "thresholds": {}, **options})


def test_each_label_is_joined_by_its_own_rule() -> None:
    assert {label.joining for label in LABELS} == {"mean", "max"}
    for column, label in enumerate(joined()):
        own = ROWS[:, column].mean() if label.label.joining == "mean" else ROWS[:, column].max()
        assert label.probability == pytest.approx(own, rel=1e-12)
        assert label.label is LABELS[column]


@pytest.mark.parametrize("aggregate", ["mean", "max"])
def test_the_request_may_choose_one_rule_for_all(aggregate: str) -> None:
    expected = ROWS.mean(axis=0) if aggregate == "mean" else ROWS.max(axis=0)
    found = [label.probability for label in joined(aggregate=aggregate)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_correction_is_made_in_each_segment_before_joining() -> None:
    for column, label in enumerate(joined()):
        # Odds over w, the training weight, as probabilities.
        odds = ROWS[:, column] / (1 - ROWS[:, column]) / LABELS[column].pos_weight
        segments = odds / (1 + odds)
        own = segments.mean() if label.label.joining == "mean" else segments.max()
        assert label.prior_corrected == pytest.approx(own, rel=1e-9)


def test_the_correction_undoes_the_training_weight() -> None:
    """With w = 9, even odds are 1 in 10 after correction, and 9 in 10 are even odds."""
    weighted = Label("x", "mean", 9.0, 0.9)
    for logit, probability, corrected in ((0.0, 0.5, 0.1), (np.log(9.0), 0.9, 0.5)):
        (label,) = join_labels(np.array([[logit]]), [weighted], aggregate=None, thresholds={})
        assert label.probability == pytest.approx(probability, rel=1e-12)
        assert label.prior_corrected == pytest.approx(corrected, rel=1e-12)


def test_a_calibrated_model_has_nothing_to_correct() -> None:
    calibrated = Label("x", "max", None, 0.5)
    (label,) = join_labels(np.zeros((2, 1)), [calibrated], aggregate=None, thresholds={})
    assert (label.probability, label.prior_corrected, label.positive) == (0.5, None, True)


def test_a_threshold_of_the_request_replaces_the_labels_own() -> None:
    by_name = {label.label.name: label for label in joined(thresholds={"Infarction": 0.01})}
    assert by_name["Infarction"].threshold == 0.01
    assert by_name["Infarction"].positive
    # ECG-FM's default w / (1 + w), with its weight for this label.
    assert by_name["Atrial flutter"].threshold == pytest.approx(54.976017 / 55.976017)


def test_a_probability_at_its_threshold_is_positive() -> None:
    assert JoinedLabel(LABELS[0], 0.5, None, 0.5).positive
    assert not JoinedLabel(LABELS[0], np.nextafter(0.5, 0), None, 0.5).positive


def test_a_label_is_one_entry_of_the_answer() -> None:
    label = JoinedLabel(LABELS[1], 0.75, 0.5, 0.8)
    assert list(label.part().items()) == [
        ("name", "Sinus rhythm"),
        ("probability", 0.75),
        ("probability_prior_corrected", 0.5),
        ("threshold", 0.8),
        ("positive", False),
    ]


def test_by_segment_every_label_has_its_place_in_time() -> None:
    times = [(0.0, 5.0), (5.0, 10.0), (7.5, 12.5)]
    segments = labels_by_segment_part(LOGITS, LABELS, times)
    assert [(segment["start"], segment["end"]) for segment in segments] == times
    names = [label.name for label in LABELS]
    for segment, row in zip(segments, ROWS, strict=True):
        assert list(segment["probabilities"]) == names
        np.testing.assert_allclose(list(segment["probabilities"].values()), row, rtol=1e-12)
        assert {type(value) for value in segment["probabilities"].values()} == {float}


def test_superclasses_among_the_labels_are_a_part_of_their_own() -> None:
    finding = JoinedLabel(LABELS[1], 0.9, None, 0.5)
    probabilities = (0.4, 0.7, 0.2, 0.7, 0.1)
    superclasses = [
        JoinedLabel(Label(name, "mean", None, 0.4), probability, None, 0.4)
        for name, probability in zip(SUPERCLASSES, probabilities, strict=True)
    ]
    every = [superclasses[3], finding, *superclasses[:3], superclasses[4]]
    assert without_superclasses(every) == [finding]
    assert superclass_of_labels(every) == {
        "top": "MI",  # before CD in PTB-XL's order
        "probabilities": dict(zip(SUPERCLASSES, probabilities, strict=True)),
        "positive": ["NORM", "MI", "CD"],
    }
