"""The part `findings` of /analyze: the statements of a report, the rhythm first."""

from __future__ import annotations

from analysis.answer_types import ClinicalAnalysis, ClinicalFinding
from analysis.measuring import MeasuredRecord
from intervals.findings.finding import Finding
from intervals.findings.matrix_findings import not_hidden
from intervals.findings.rhythm_statement import rhythm_finding


def findings_part(
    clinical: ClinicalAnalysis, measured: MeasuredRecord, labels_model: str | None
) -> list[ClinicalFinding]:
    """Return the statements: the rhythm of `clinical`, then what the signal shows.

    labels_model  name and version of the model whose labels may name the rhythm
    """
    evidence: dict[str, float | list[str]] = {}
    rate = clinical["heart_rate"]
    if rate is not None:
        evidence["heart_rate_bpm"] = rate
    by_labels = clinical["rhythm_source"] == "labels"
    if clinical["confidence"] is not None:
        evidence["probability" if by_labels else "confidence"] = clinical["confidence"]
    rhythm = rhythm_finding(clinical["rhythm"], evidence, labels_model if by_labels else None)
    labels = (clinical["rhythm"], *clinical["abnormalities"])
    shown = not_hidden(measured.findings, labels)
    return [_part(finding) for finding in (rhythm, *shown)]


def _part(finding: Finding) -> ClinicalFinding:
    return {
        "code": finding.code,
        "statement": finding.statement,
        "severity": finding.severity,
        "evidence": dict(finding.evidence),
        "source": finding.source,
    }
