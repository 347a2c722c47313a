"""The labels of a recording of few leads: from the one-lead model, whatever encoder is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.answer import analysis_answer
from analysis.deployment import Deployment
from analysis.prepare import prepare
from heads.cache import HeadCache
from heads.one_lead.model import FIBRILLATION, NAMES, NORMAL, shipped_description
from signals.record import EcgRecord
from tests.analysis.deployments import BOTH, LEADS, NOTHING, RUNTIME, asked
from tests.heads.one_lead.test_model import recording

VERSION = shipped_description().version
PARTS = "clinical_analysis,findings,labels"


def analysis(
    signal: np.ndarray, leads: tuple[str, ...], deployment: Deployment = BOTH, **options: Any
) -> dict[str, Any]:
    record = EcgRecord(signal.astype(np.float32), 500.0, leads)
    ready = prepare(record, asked(deployment, **options), deployment, max_seconds=600)
    runtime = RUNTIME if deployment.loaded else None
    no_heads = HeadCache(Path("/nowhere"))
    return dict(analysis_answer(ready, {}, deployment, runtime, no_heads.head))


def of_lead(name: str, rhythm: str = "sinus", **options: Any) -> dict[str, Any]:
    signal = recording(rhythm)[LEADS.index(name)]
    options.setdefault("include", PARTS)
    return analysis(signal[np.newaxis], (name,), **options)


def positive(answer: dict[str, Any]) -> list[str]:
    return [label["name"] for label in answer["labels"] if label["positive"]]


@pytest.mark.parametrize("deployment", [BOTH, NOTHING])
@pytest.mark.parametrize("name", ["I", "II", "V1", "V5"])
def test_one_lead_has_labels_and_the_model_that_gave_them(
    name: str, deployment: Deployment
) -> None:
    answer = of_lead(name, deployment=deployment)
    assert [label["name"] for label in answer["labels"]] == list(NAMES)
    assert sum(label["probability"] for label in answer["labels"]) == pytest.approx(1.0, abs=1e-4)
    assert positive(answer) == [NORMAL]
    assert answer["model"]["labels"] == VERSION
    assert answer["segments"] == 0
    clinical = answer["clinical_analysis"]
    assert (clinical["rhythm"], clinical["rhythm_source"]) == ("Sinus rhythm", "labels")
    assert clinical["abnormalities"] == []
    assert answer["findings"][0]["source"] == f"label of {VERSION}"
    about_labels = [text for text in answer["warnings"] if text.startswith(("labels", "clinical"))]
    assert about_labels == []


@pytest.mark.parametrize("name", ["I", "II", "V2", "V6"])
def test_fibrillation_in_one_lead_is_the_rhythm(name: str) -> None:
    answer = of_lead(name, "fibrillation")
    assert FIBRILLATION in positive(answer)
    clinical = answer["clinical_analysis"]
    assert (clinical["rhythm"], clinical["rhythm_source"]) == (FIBRILLATION, "labels")
    assert clinical["confidence"] > 0.5


@pytest.mark.parametrize("leads", [("V1", "V5"), ("II", "V1", "V2"), LEADS[7:12]])
def test_two_to_five_leads_have_them_too(leads: tuple[str, ...]) -> None:
    signal = recording("fibrillation")[[LEADS.index(lead) for lead in leads]]
    answer = analysis(signal, leads, include=PARTS)
    assert FIBRILLATION in positive(answer)
    assert answer["model"]["labels"] == VERSION


@pytest.mark.parametrize("seconds", [4.0, 6.5, 8.9])
def test_a_short_recording_has_none_and_the_reason(seconds: float) -> None:
    signal = recording("sinus", seconds=seconds)[1:2]
    answer = analysis(signal, ("II",), include="labels,labels_by_segment,clinical_analysis")
    assert answer["labels"] is None and answer["labels_by_segment"] is None
    reason = f"{seconds:g} s; the one-lead model needs at least 9 s"
    texts = [text for text in answer["warnings"] if reason in text]
    assert [text.split(":")[0] for text in texts] == [
        "labels",
        "labels_by_segment",
        "clinical_analysis",
    ]
    assert answer["clinical_analysis"]["rhythm_source"] == "rules"


def test_a_long_recording_has_labels_by_segment() -> None:
    parts = [recording("sinus", seconds=60.0)[1:2], recording("fibrillation")[1:2]]
    signal = np.concatenate(parts, axis=1)
    answer = analysis(signal, ("II",), include="labels,labels_by_segment")
    times = [(row["start"], row["end"]) for row in answer["labels_by_segment"]]
    assert times == [(0.0, 30.0), (30.0, 60.0), (60.0, 90.0)]
    by_window = [row["probabilities"][FIBRILLATION] for row in answer["labels_by_segment"]]
    joined = {label["name"]: label["probability"] for label in answer["labels"]}
    assert joined[FIBRILLATION] == pytest.approx(np.mean(by_window), abs=1e-4)
    largest = analysis(signal, ("II",), include="labels", aggregate="max")
    names = {label["name"]: label["probability"] for label in largest["labels"]}
    assert names[FIBRILLATION] == pytest.approx(max(by_window), abs=1e-4)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_a_request_may_replace_a_threshold(threshold: float) -> None:
    answer = of_lead("II", include="labels", thresholds={FIBRILLATION: threshold})
    label = answer["labels"][NAMES.index(FIBRILLATION)]
    assert label["threshold"] == threshold
    assert label["positive"] == (label["probability"] >= threshold)


def test_what_needs_an_encoder_is_null_with_the_reason() -> None:
    answer = of_lead("I", include="labels,superclass,features,saliency")
    assert answer["labels"] is not None
    reason = (
        "signal: 1 of 12 leads contain a signal, derived leads included; "
        "the encoder needs at least 6"
    )
    assert answer["warnings"] == [
        f"{part}: {reason}" for part in ("superclass", "features", "saliency")
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_not_judged(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.5, (1, 15000))
    answer = analysis(noise, ("I",), include=PARTS)
    assert answer["labels"] is None
    assert any(text.startswith("labels: not judged, because") for text in answer["warnings"])
    forced = analysis(noise, ("I",), include=PARTS, judge_unreadable=True)
    assert any(text.startswith("labels: judged although") for text in forced["warnings"])
    assert [label["name"] for label in forced["labels"]] == list(NAMES)


@pytest.mark.parametrize("leads", [("I", "II"), LEADS[6:12], LEADS])
def test_from_six_leads_on_the_encoder_gives_the_labels(leads: tuple[str, ...]) -> None:
    signal = recording("sinus")[[LEADS.index(lead) for lead in leads]]
    record = EcgRecord(signal, 500.0, leads)
    ready = prepare(record, asked(BOTH, include=PARTS), BOTH, max_seconds=600)
    assert ready.measured is not None and ready.measured.few_leads is None
    assert "clinical" in ready.needs


@pytest.mark.parametrize("part", ["measurements", "quality", "signal"])
def test_it_is_not_computed_where_nothing_needs_it(part: str) -> None:
    record = EcgRecord(recording("sinus")[1:2], 500.0, ("II",))
    ready = prepare(record, asked(BOTH, include=part), BOTH, max_seconds=600)
    assert ready.measured is None or ready.measured.few_leads is None
