"""The part `findings` of /analyze: the statements of a report, the rhythm first."""

from __future__ import annotations

from analysis.answer_types import ClinicalFinding
from analysis.interpretation.rhythm_decision import Decision
from analysis.measuring import MeasuredRecord
from intervals.findings.finding import Finding
from intervals.findings.rhythm_statement import rhythm_finding


def findings_part(
    decision: Decision, measured: MeasuredRecord, labels_model: str | None
) -> list[ClinicalFinding]:
    """Return the statements: the rhythm that was decided, then what the signal shows.

    labels_model  name and version of the model whose labels may name the rhythm
    """
    evidence: dict[str, float | list[str]] = {}
    for name in ("heart_rate_bpm", "qrs_ms", "pr_ms"):
        value = measured.number(name)
        if value is not None:
            evidence[name] = value
    by_labels = decision.source == "labels"
    if decision.confidence is not None:
        evidence["probability" if by_labels else "confidence"] = decision.confidence
    source = labels_model if by_labels else None
    rhythm = rhythm_finding(decision.rhythm, measured.rate_word, evidence, source)
    return [_part(finding) for finding in (rhythm, *decision.findings)]


def _part(finding: Finding) -> ClinicalFinding:
    return {
        "code": finding.code,
        "statement": finding.statement,
        "severity": finding.severity,
        "evidence": dict(finding.evidence),
        "source": finding.source,
    }
