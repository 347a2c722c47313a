"""Every name that the client prints has its probability, and what is rejected is not a result."""

from __future__ import annotations

from typing import Any

import pytest
from ecgfm_client.naming import abnormality_texts, finding_texts, rhythm_text
from ecgfm_client.page_header import page_texts
from ecgfm_client.report import analysis_report
from ecgfm_client.results import Analysis
from ecgfm_client.rows import _analysis_row

PROBABILITIES = {"NORM": 0.01, "MI": 0.0458, "STTC": 0.04, "CD": 0.03, "HYP": 0.02}


def label(name: str, probability: float, *, positive: bool) -> dict[str, Any]:
    return {
        "name": name,
        "probability": probability,
        "probability_prior_corrected": None,
        "threshold": 0.4,
        "positive": positive,
    }


def analysis(
    *positive: str, probabilities: dict[str, float] | None = None, **clinical: Any
) -> Analysis:
    """An answer with these positive superclasses; the last one is the most probable."""
    return Analysis.read(
        {
            "clinical_analysis": {
                "rhythm": "Atrial flutter",
                "rhythm_source": "labels",
                "confidence": 0.834,
                "abnormalities": ["Infarction", "Bigeminy"],
                **clinical,
            },
            "labels": [
                label("Atrial flutter", 0.834, positive=True),
                label("Infarction", 0.516, positive=True),
                label("Tachycardia", 0.2, positive=False),
            ],
            "superclass": {
                "top": positive[-1] if positive else None,
                "probabilities": probabilities or PROBABILITIES,
                "positive": list(positive),
            },
            "segments": 1,
        }
    )


@pytest.mark.parametrize(
    ("clinical", "text"),
    [
        ({}, "Atrial flutter 0.83 (by labels)"),
        (
            {"rhythm_source": "rules", "confidence": 0.5},
            "Atrial flutter (by rules, confidence 0.50)",
        ),
        ({"rhythm": "Undetermined", "confidence": None}, "Undetermined (by labels)"),
        ({"rhythm": None, "rhythm_source": None}, "no rhythm"),
    ],
)
def test_the_rhythm_has_its_probability(clinical: dict[str, Any], text: str) -> None:
    assert rhythm_text(analysis(**clinical)) == text


def test_an_abnormality_has_its_labels_probability_where_a_label_gives_it() -> None:
    assert abnormality_texts(analysis()) == ["Infarction 0.52", "Bigeminy"]


BOTH = {"NORM": 0.1, "MI": 0.6, "STTC": 0.05, "CD": 0.7, "HYP": 0.2}


@pytest.mark.parametrize(
    ("answer", "superclass"),
    [
        (
            analysis(),
            "Superclass: none of the five classes "
            "(below the threshold: MI 0.05, STTC 0.04, CD 0.03, HYP 0.02, NORM 0.01)",
        ),
        (
            analysis("HYP", probabilities={**PROBABILITIES, "NORM": 0.45, "HYP": 0.3}),
            "Superclass: HYP 0.30 (below the threshold: NORM 0.45, MI 0.05, STTC 0.04, CD 0.03)",
        ),
        (
            analysis("MI", "CD", probabilities=BOTH),
            "Superclass: CD 0.70, MI 0.60 (below the threshold: HYP 0.20, NORM 0.10, STTC 0.05)",
        ),
    ],
)
def test_only_positive_superclasses_are_results(answer: Analysis, superclass: str) -> None:
    assert superclass in analysis_report("ecg", answer).splitlines()
    on_paper = " ".join(" ".join(page_texts(answer, "ecg").analysis).split())
    assert superclass in on_paper


def test_a_row_has_no_superclass_unless_one_is_positive() -> None:
    none, one = _analysis_row(analysis()), _analysis_row(analysis("CD", probabilities=BOTH))
    assert (none["superclass"], none["superclass: MI"]) == (None, 0.0458)
    assert (one["superclass"], one["superclass: CD"]) == ("CD", 0.7)
    assert (none["rhythm"], none["rhythm_confidence"]) == ("Atrial flutter", 0.834)


def test_findings_are_shown_with_their_evidence_after_the_rhythm() -> None:
    finding = {"code": "a", "statement": "Sinus rhythm", "severity": "normal", "source": "a list"}
    pause = {
        "code": "pause",
        "statement": "Pause of 6.3 s",
        "severity": "critical",
        "evidence": {"pause_s": 6.3, "leads": ["I", "II"]},
        "source": "a book",
    }
    shown = Analysis.read({"findings": [{**finding, "evidence": {}}, pause]})
    assert finding_texts(shown) == ["Pause of 6.3 s (critical): pause_s 6.3, leads I II"]
    assert finding_texts(Analysis.read({"findings": None})) == []
    assert finding_texts(Analysis.read({})) == []
