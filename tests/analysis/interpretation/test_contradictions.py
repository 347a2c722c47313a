"""Warnings for labels and measurements that cannot both be right, and none for what can be."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.interpretation.contradictions import contradictions
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord, measurements_part
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm
from model_store.labels import ecg_fm_labels
from signals.record import Patient

SINUS = Rhythm("Sinus rhythm", 0.99)
RATE_LABELS = (
    "Tachycardia",
    "Ventricular tachycardia",
    "Supraventricular tachycardia with aberrancy",
)
BLOCKS = ("Left bundle branch block", "Right bundle branch block", "Bifascicular block")
WIDE = "bundle branch block, also incomplete, begins at 110 ms in adults"
LONG_PR = "first-degree block is a PR above 200 ms in adults"


def labels(*positive: str, without: str = "") -> list[JoinedLabel]:
    """ECG-FM's labels, the named ones positive, one of them left out."""
    every = ecg_fm_labels()
    assert set(positive) <= {label.name for label in every}
    return [
        JoinedLabel(label, 0.9 if label.name in positive else 0.1, None, 0.5)
        for label in every
        if label.name != without
    ]


def measured(
    rhythm: Rhythm | None = SINUS, flags: tuple[str, ...] = (), **values: Any
) -> MeasuredRecord:
    numbers = {
        "heart_rate_bpm": 72.0,
        "pr_ms": 150.0,
        "qrs_ms": 84.0,
        "uncertainty_ms": {"pr_ms": 6.0, "qrs_ms": 8.0},
    } | values
    part = measurements_part(Measurements(**numbers), Patient())
    part["flags"] = [{"name": name, "value": 0.0, "range": [], "source": ""} for name in flags]
    return MeasuredRecord(part, rhythm=rhythm)


@pytest.mark.parametrize("name", RATE_LABELS)
def test_a_tachycardia_needs_a_rate_from_90_on(name: str) -> None:
    assert contradictions(labels(name), measured(heart_rate_bpm=89.9)) == [
        f"labels: {name} is positive, but the measured rate is 90 per minute"
    ]
    assert contradictions(labels(name), measured(heart_rate_bpm=90.0)) == []
    assert contradictions(labels(name), measured(heart_rate_bpm=None)) == []


def test_a_bradycardia_needs_a_rate_up_to_70() -> None:
    assert contradictions(labels("Bradycardia"), measured(heart_rate_bpm=95.4)) == [
        "labels: Bradycardia is positive, but the measured rate is 95 per minute"
    ]
    assert contradictions(labels("Bradycardia"), measured(heart_rate_bpm=70.0)) == []
    assert contradictions(labels("Bradycardia"), measured(heart_rate_bpm=70.1)) != []


@pytest.mark.parametrize("name", BLOCKS)
def test_a_bundle_branch_block_needs_a_qrs_that_may_be_110_ms(name: str) -> None:
    # The uncertainty is 8 ms: 101.9 ms cannot be 110 ms, 102 ms can.
    assert contradictions(labels(name), measured(qrs_ms=101.9)) == [
        f"labels: {name} is positive, but the measured QRS duration is 102 ms (+-8); {WIDE}"
    ]
    assert contradictions(labels(name), measured(qrs_ms=102.0)) == []
    assert contradictions(labels(name), measured(qrs_ms=150.0)) == []


def test_a_first_degree_block_needs_a_pr_that_may_be_200_ms() -> None:
    name = "1st degree atrioventricular block"
    assert contradictions(labels(name), measured(pr_ms=193.9)) == [
        f"labels: {name} is positive, but the measured PR interval is 194 ms (+-6); {LONG_PR}"
    ]
    assert contradictions(labels(name), measured(pr_ms=194.0)) == []


def test_an_interval_without_a_value_or_an_uncertainty_contradicts_nothing() -> None:
    block = labels("Right bundle branch block")
    assert contradictions(block, measured(qrs_ms=None)) == []
    assert contradictions(block, measured(uncertainty_ms={"pr_ms": 6.0})) == []


def test_a_qrs_that_is_wide_for_the_age_contradicts_no_block() -> None:
    block = labels("Right bundle branch block")
    assert contradictions(block, measured(qrs_ms=95.0, flags=("qrs_ms",))) == []
    assert len(contradictions(block, measured(qrs_ms=95.0, flags=("pr_ms",)))) == 1


def test_without_labels_or_measurements_nothing_contradicts() -> None:
    assert contradictions(None, measured()) == []
    assert contradictions(labels("Tachycardia"), MeasuredRecord()) == []
    assert contradictions(labels("Tachycardia"), None) == []
    fast = measured(heart_rate_bpm=110.0)
    assert contradictions(labels("Tachycardia", "Sinus rhythm"), fast) == []
