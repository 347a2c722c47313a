"""Labels and measurements that cannot both be right are said to be so; what can be is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.contradictions import contradictions
from analysis.labels import JoinedLabel
from analysis.measuring import Measured, measurements_part
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm
from model_store.labels import ecg_fm_labels
from signals.record import Patient

SINUS = Rhythm("Sinus rhythm", 0.99)


def labels(*positive: str) -> list[JoinedLabel]:
    every = ecg_fm_labels()
    assert set(positive) <= {label.name for label in every}
    return [
        JoinedLabel(label, 0.9 if label.name in positive else 0.1, None, 0.5) for label in every
    ]


def measured(rhythm: Rhythm = SINUS, flags: tuple[str, ...] = (), **values: Any) -> Measured:
    numbers = {
        "heart_rate_bpm": 72.0,
        "pr_ms": 150.0,
        "qrs_ms": 84.0,
        "uncertainty_ms": {"pr_ms": 6.0, "qrs_ms": 8.0},
    } | values
    return Measured(
        {
            **measurements_part(Measurements(**numbers), Patient()),
            "flags": [{"name": name} for name in flags],
        },
        rhythm=rhythm,
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Tachycardia", "rate is 72"),
        ("Ventricular tachycardia", "rate is 72"),
        ("Supraventricular tachycardia with aberrancy", "rate is 72"),
        ("1st degree atrioventricular block", "PR interval is 150 ms"),
        ("Left bundle branch block", "QRS duration is 84 ms"),
        ("Right bundle branch block", "QRS duration is 84 ms"),
        ("Bifascicular block", "QRS duration is 84 ms"),
        ("Atrial fibrillation", "PR 150 ms"),
    ],
)
def test_a_label_that_the_measurements_exclude_is_a_contradiction(name: str, words: str) -> None:
    (found,) = contradictions(labels(name), measured())
    assert found.startswith(f"labels: {name} is positive, but ") and words in found


def test_a_slow_rhythm_is_no_tachycardia_and_a_fast_one_no_bradycardia() -> None:
    assert contradictions(labels("Bradycardia"), measured(heart_rate_bpm=95.0))
    assert not contradictions(labels("Bradycardia"), measured(heart_rate_bpm=65.0))
    assert not contradictions(labels("Tachycardia"), measured(heart_rate_bpm=95.0))


@pytest.mark.parametrize("qrs_ms", [104.0, 112.0, 150.0])
def test_what_the_uncertainty_leaves_open_is_no_contradiction(qrs_ms: float) -> None:
    assert (
        contradictions(
            labels("Right bundle branch block", "Left bundle branch block"), measured(qrs_ms=qrs_ms)
        )
        == []
    )


def test_a_complex_that_is_wide_for_the_age_contradicts_no_block() -> None:
    assert (
        contradictions(
            labels("Right bundle branch block"), measured(qrs_ms=95.0, flags=("qrs_ms",))
        )
        == []
    )


def test_sinus_rhythm_against_what_the_rules_see() -> None:
    assert (
        "irregular without P"
        in contradictions(
            labels("Sinus rhythm"), measured(Rhythm("Atrial fibrillation"), pr_ms=None)
        )[0]
    )
    assert (
        "flutter"
        in contradictions(labels("Sinus rhythm"), measured(Rhythm("Atrial flutter"), pr_ms=None))[0]
    )
    assert (
        contradictions(
            labels("Sinus rhythm", "Atrial fibrillation"),
            measured(Rhythm("Atrial fibrillation"), pr_ms=None),
        )
        == []
    )


def test_fibrillation_with_an_irregular_rhythm_or_without_a_pr_is_left_alone() -> None:
    irregular = Rhythm("Sinus rhythm", 0.9, ("Sinus arrhythmia",))
    assert contradictions(labels("Atrial fibrillation"), measured(irregular)) == []
    assert (
        contradictions(labels("Atrial fibrillation"), measured(Rhythm("Undetermined"), pr_ms=None))
        == []
    )


def test_spikes_that_the_labels_do_not_know_of() -> None:
    paced = Rhythm("Electronic pacemaker", 1.0)
    assert "pacing spikes" in contradictions(labels(), measured(paced))[0]
    assert contradictions(labels("Electronic pacemaker"), measured(paced)) == []


def test_without_labels_or_measurements_nothing_contradicts() -> None:
    assert contradictions(None, measured()) == []
    assert contradictions(labels("Tachycardia"), Measured()) == []
    assert contradictions(labels("Tachycardia"), None) == []
    assert (
        contradictions(labels("Tachycardia", "Sinus rhythm"), measured(heart_rate_bpm=110.0)) == []
    )
