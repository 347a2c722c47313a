"""Labels: joined over segments by each one's rule, corrected for the training's weights, and turned into words."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.interpretation import LEADING_RHYTHMS, NEVER_ABNORMALITIES, interpret_labels
from analysis.labels import JoinedLabel, join_labels, labels_by_segment_part
from model_store.labels import Label, ecg_fm_labels
from signals.logistic import sigmoid

LABELS = ecg_fm_labels()
LOGITS = np.array([np.linspace(-3, 3, len(LABELS)), np.linspace(2, -2, len(LABELS))], np.float32)


def test_each_label_is_joined_by_its_own_rule() -> None:
    joined = join_labels(LOGITS, LABELS, aggregate=None, thresholds={})
    rows = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    for column, label in enumerate(joined):
        expected = (
            rows[:, column].mean() if label.label.joining == "mean" else rows[:, column].max()
        )
        assert label.probability == pytest.approx(expected, abs=1e-12)
    assert {label.joining for label in LABELS} == {"mean", "max"}


@pytest.mark.parametrize("aggregate", ["mean", "max"])
def test_the_request_may_choose_one_rule_for_all(aggregate: str) -> None:
    joined = join_labels(LOGITS, LABELS, aggregate=aggregate, thresholds={})  # type: ignore[arg-type]
    rows = sigmoid(LOGITS)
    expected = rows.mean(axis=0) if aggregate == "mean" else rows.max(axis=0)
    np.testing.assert_allclose([label.probability for label in joined], expected)


def test_the_correction_undoes_the_training_weight() -> None:
    """Odds of one in w among positives weighted by w are a coin's toss before, and one in 1 + w after."""
    weighted = Label("x", "mean", 9.0, 0.9)
    (even,) = join_labels(np.zeros((1, 1), np.float32), [weighted], aggregate=None, thresholds={})
    assert (even.probability, even.prior_corrected) == (pytest.approx(0.5), pytest.approx(0.1))
    (at_threshold,) = join_labels(np.log([[9.0]]), [weighted], aggregate=None, thresholds={})
    assert (at_threshold.probability, at_threshold.prior_corrected) == (
        pytest.approx(0.9),
        pytest.approx(0.5),
    )


def test_a_calibrated_model_has_nothing_to_correct() -> None:
    (joined,) = join_labels(
        np.zeros((2, 1), np.float32), [Label("x", "max", None, 0.5)], aggregate=None, thresholds={}
    )
    assert joined.prior_corrected is None
    assert joined.positive


def test_a_threshold_of_the_request_wins() -> None:
    joined = {
        label.label.name: label
        for label in join_labels(LOGITS, LABELS, aggregate=None, thresholds={"Infarction": 0.01})
    }
    assert joined["Infarction"].threshold == 0.01
    assert joined["Infarction"].positive
    assert joined["Atrial flutter"].threshold == pytest.approx(54.976017 / 55.976017)


def test_a_probability_at_its_threshold_is_positive() -> None:
    assert JoinedLabel(LABELS[0], 0.5, None, 0.5).positive
    assert not JoinedLabel(LABELS[0], 0.4999, None, 0.5).positive


def test_the_sigmoid_never_overflows() -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(
            sigmoid(np.array([-800.0, -30, 0, 30, 800])),
            [0, 9.357623e-14, 0.5, 1 - 9.357623e-14, 1],
            atol=1e-15,
        )


def test_by_segment_every_label_has_its_place_in_time() -> None:
    segments = labels_by_segment_part(LOGITS, LABELS, [(0.0, 5.0), (5.0, 10.0)])
    assert [(segment["start"], segment["end"]) for segment in segments] == [(0.0, 5.0), (5.0, 10.0)]
    np.testing.assert_allclose(list(segments[1]["probabilities"].values()), sigmoid(LOGITS)[1])
    assert list(segments[0]["probabilities"]) == [label.name for label in LABELS]


def said(*positive: str) -> list[JoinedLabel]:
    return [
        JoinedLabel(label, 0.9 - index / 100 if label.name in positive else 0.1, None, 0.5)
        for index, label in enumerate(LABELS)
    ]


@pytest.mark.parametrize(
    "positive, rhythm",
    [
        (["Sinus rhythm"], "Sinus rhythm"),
        (["Sinus rhythm", "Bradycardia"], "Sinus bradycardia"),
        (["Sinus rhythm", "Tachycardia"], "Sinus tachycardia"),
        (["Sinus rhythm", "Tachycardia", "Bradycardia"], "Sinus rhythm"),
        (["Sinus rhythm", "Atrial fibrillation"], "Atrial fibrillation"),
        (["Atrial fibrillation", "Atrial flutter"], "Atrial flutter"),
        (["Atrial fibrillation", "Tachycardia"], "Atrial fibrillation"),
        (
            ["Ventricular tachycardia", "Supraventricular tachycardia with aberrancy"],
            "Ventricular tachycardia",
        ),
        (list(LEADING_RHYTHMS), "Electronic pacemaker"),
        (["Tachycardia"], "Undetermined"),
        (["Infarction"], "Undetermined"),
        ([], "Undetermined"),
    ],
)
def test_the_rhythm_is_the_first_that_counts(positive: list[str], rhythm: str) -> None:
    assert interpret_labels(said(*positive)).rhythm == rhythm


def test_confidence_is_the_probability_of_the_label_that_named_the_rhythm() -> None:
    labels = {
        label.label.name: label.probability
        for label in said("Sinus rhythm", "Tachycardia", "Atrial flutter")
    }
    assert (
        interpret_labels(said("Sinus rhythm", "Tachycardia")).confidence == labels["Sinus rhythm"]
    )
    assert (
        interpret_labels(said("Sinus rhythm", "Atrial flutter")).confidence
        == labels["Atrial flutter"]
    )
    assert interpret_labels(said()).confidence is None


def test_abnormalities_are_the_other_positive_labels() -> None:
    assert interpret_labels(
        said("Sinus rhythm", "Infarction", "Right bundle branch block")
    ).abnormalities == [
        "Right bundle branch block",
        "Infarction",
    ]
    assert interpret_labels(
        said("Atrial fibrillation", "Atrial flutter", "Sinus rhythm")
    ).abnormalities == ["Atrial fibrillation"]
    assert interpret_labels(said("Sinus rhythm", "Bradycardia")).abnormalities == []
    assert interpret_labels(said("Atrial fibrillation", "Tachycardia")).abnormalities == [
        "Tachycardia"
    ]


def test_what_judges_the_recording_or_misnames_its_finding_is_no_abnormality() -> None:
    assert interpret_labels(said("Sinus rhythm", *NEVER_ABNORMALITIES)).abnormalities == []
    assert {"Poor data quality", "Accessory pathway conduction"} == NEVER_ABNORMALITIES


def test_the_rules_name_only_labels_that_ecg_fm_has() -> None:
    names = {label.name for label in LABELS}
    assert {
        *LEADING_RHYTHMS,
        *NEVER_ABNORMALITIES,
        "Sinus rhythm",
        "Bradycardia",
        "Tachycardia",
    } <= names
