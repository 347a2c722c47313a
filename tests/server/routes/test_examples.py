"""The synthetic examples over HTTP, and what a server says about each of them."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
import pytest

from signals.leads import LEADS
from signals.synthetic.catalogue import EXAMPLES, Case
from tests.server.ecgs import NPY, answer_of, get, post, problem_of
from tests.server.harness import RunningServer

NAMES = (
    "sinus",
    "atrial_fibrillation",
    "left_bundle_branch_block",
    "paced",
    "ventricular_tachycardia",
    "first_degree_av_block",
)


@pytest.fixture(scope="module")
def analyses(embedded: RunningServer) -> dict[str, dict[str, Any]]:
    """The answer of /analyze to each example, sent as it came."""
    answers = {}
    for name in NAMES:
        example = get(embedded, f"/examples/{name}")
        answers[name] = answer_of(
            post(
                embedded,
                "/analyze",
                content=example.content,
                headers={"Content-Type": example.headers["content-type"]},
            )
        )
    return answers


def codes(answer: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in answer["findings"]]


@cache
def truth(case: Case) -> dict[str, float]:
    """The intervals with which an example was made, at its median RR interval."""
    beats = [event for event in case.ecg().beats(0.0, 10.0) if event.beat.qrs]
    rr_s = float(np.median([event.rr_s for event in beats]))
    beat = beats[0].beat
    intervals = {"qrs_ms": beat.qrs_ms, "qt_ms": beat.qt_ms(rr_s)}
    if beat.p:
        intervals["pr_ms"] = beat.pr_ms + beat.qrs_onset_ms
    return intervals


# The list and the records.


def test_the_list_names_the_examples(embedded: RunningServer) -> None:
    listed = answer_of(get(embedded, "/examples"))["examples"]
    assert tuple(example["name"] for example in listed) == NAMES
    assert all(example["synthetic"] is True for example in listed)
    assert all(example["title"] and example["description"] for example in listed)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_ten_seconds_of_twelve_leads(embedded: RunningServer, name: str) -> None:
    answer = get(embedded, f"/examples/{name}")
    assert answer.headers["vary"] == "Accept"
    example = answer.json()
    assert example["fs"] == (1000 if name == "paced" else 500)
    assert example["lead_names"] == list(LEADS) and example["units"] == "mV"
    assert example["id"] == f"synthetic-{name}"
    assert example["patient"]["age"] > 18 and example["patient"]["sex"] in ("male", "female")
    signal = np.array(example["signal"])
    assert signal.shape == (12, 10 * example["fs"])
    np.testing.assert_array_equal(signal, np.round(signal, 3))


@pytest.mark.parametrize("name", NAMES)
def test_npy_has_the_same_samples(embedded: RunningServer, name: str) -> None:
    answer = get(embedded, f"/examples/{name}", headers={"Accept": f"{NPY}, */*;q=0.1"})
    assert answer.headers["content-type"] == NPY
    samples = np.load(io.BytesIO(answer.content), allow_pickle=False)
    assert samples.dtype == np.float32
    record = get(embedded, f"/examples/{name}", headers={"Accept": "application/json"}).json()
    np.testing.assert_array_equal(samples, np.array(record["signal"], np.float32))


def test_another_name_is_not_found_and_the_names_are_said(embedded: RunningServer) -> None:
    problem = problem_of(get(embedded, "/examples/torsade"), 404, "not_found")
    assert all(name in problem["detail"] for name in NAMES)
    assert "torsade" not in problem["detail"]


# What a cardiologist would say.


@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_read_well(analyses: dict[str, dict[str, Any]], name: str) -> None:
    answer = analyses[name]
    assert answer["signal_quality"] in ("Excellent", "Good")
    assert answer["id"] == f"synthetic-{name}"
    assert not [warning for warning in answer["warnings"] if warning.startswith("signal:")]


def test_the_measured_intervals_are_those_it_was_made_with(
    analyses: dict[str, dict[str, Any]],
) -> None:
    """As docs/accuracy.md has it: three quarters are within the stated uncertainty."""
    shares = {}
    for case in EXAMPLES:
        measured = analyses[case.name]["measurements"]
        for name, made_ms in truth(case).items():
            error_ms = measured[name] - made_ms
            shares[case.name, name] = abs(error_ms) / measured["uncertainty_ms"][name]
    assert len(shares) == 15
    assert max(shares.values()) < 2.0, shares
    assert np.mean([share <= 1.0 for share in shares.values()]) >= 0.75, shares


def test_sinus_rhythm_is_normal(analyses: dict[str, dict[str, Any]]) -> None:
    answer = analyses["sinus"]
    clinical = answer["clinical_analysis"]
    assert clinical["rhythm"] == "Sinus rhythm" and clinical["axis_deviation"] == "Normal"
    assert clinical["abnormalities"] == [] and codes(answer) == ["sinus_rhythm"]
    assert answer["superclass"]["positive"] == ["NORM"]
    assert answer["warnings"] == []


def test_fibrillation_is_named(analyses: dict[str, dict[str, Any]]) -> None:
    answer = analyses["atrial_fibrillation"]
    assert answer["clinical_analysis"]["rhythm"] == "Atrial fibrillation"
    assert answer["measurements"]["pr_ms"] is None


def test_left_bundle_branch_block_is_named(analyses: dict[str, dict[str, Any]]) -> None:
    answer = analyses["left_bundle_branch_block"]
    assert answer["clinical_analysis"]["rhythm"] == "Sinus rhythm"
    assert "Left bundle branch block" in answer["clinical_analysis"]["abnormalities"]
    assert answer["measurements"]["qrs_ms"] >= 120


def test_pacing_is_seen_in_the_ventricle(analyses: dict[str, dict[str, Any]]) -> None:
    answer = analyses["paced"]
    pacemaker = answer["pacemaker"]
    assert pacemaker["present"] is True and pacemaker["visible"] is True
    assert pacemaker["evidence"]["chamber"] == "ventricular"
    assert pacemaker["evidence"]["spikes"] >= 11
    assert answer["clinical_analysis"]["rhythm"] == "Electronic pacemaker"


def test_ventricular_tachycardia_is_critical(analyses: dict[str, dict[str, Any]]) -> None:
    answer = analyses["ventricular_tachycardia"]
    names = ("Ventricular tachycardia", "Wide-complex tachycardia")
    assert answer["clinical_analysis"]["rhythm"] in names
    assert answer["findings"][0]["severity"] == "critical"
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(170.0, abs=2.0)


def test_first_degree_block_is_a_long_pr_interval(analyses: dict[str, dict[str, Any]]) -> None:
    answer = analyses["first_degree_av_block"]
    assert answer["measurements"]["pr_ms"] > 200
    assert answer["clinical_analysis"]["rhythm"] == "Sinus rhythm"
    assert "1st_degree_atrioventricular_block" in codes(answer)
