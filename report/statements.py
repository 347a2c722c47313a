"""The statements of the report: the rhythm, then what is abnormal, each with who claims it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from analysis.answer_types import Analysis, ClinicalAnalysis, ClinicalFinding
from intervals.findings.finding import Severity
from report.options import Language
from report.words import number_text, statement_text, word

ORDER: Final[dict[Severity, int]] = {"critical": 0, "abnormal": 1, "technical": 2, "normal": 3}


@dataclass(frozen=True)
class Statement:
    """One line: what is claimed, and a note with probability, evidence and who claims it."""

    text: str
    note: str
    severity: Severity


def rhythm_statement(answer: Analysis, lang: Language) -> Statement:
    """Return the first line: the rhythm with its rate, or why nothing is judged."""
    clinical = answer.get("clinical_analysis")
    findings = answer.get("findings")
    if clinical is None or findings is None:
        reason = word(_reason_key(answer), lang)
        text = word("not_judged", lang, reason=reason)
        return Statement(text, "", "technical")
    first = findings[0]
    text = statement_text(first["statement"], lang)
    if clinical["heart_rate"] is not None:
        text += f", {number_text(clinical['heart_rate'], 0, lang)}/min"
    return Statement(text, _rhythm_note(clinical, lang), first["severity"])


def _reason_key(answer: Analysis) -> str:
    unreadable = answer.get("signal_quality") == "Unreadable"
    return "unreadable_reason" if unreadable else "no_beats_reason"


def _rhythm_note(clinical: ClinicalAnalysis, lang: Language) -> str:
    if clinical["rhythm_source"] == "rules":
        return word("rule", lang)
    confidence = clinical["confidence"]
    claimed_by = word("model", lang)
    if confidence is None:
        return claimed_by
    return f"{number_text(confidence, 2, lang)}, {claimed_by}"


def other_statements(answer: Analysis, lang: Language) -> list[Statement]:
    """Return the statements beside the rhythm, the most urgent first."""
    clinical = answer.get("clinical_analysis")
    findings = answer.get("findings")
    if clinical is None or findings is None:
        return []
    probabilities = {
        label["name"]: label["probability"]
        for label in answer.get("labels") or ()
        if label["positive"]
    }
    by_rules = [_of_finding(finding, probabilities, lang) for finding in findings[1:]]
    said = {finding["statement"] for finding in findings}
    names = [name for name in clinical["abnormalities"] if name not in said]
    by_model = [name for name in names if name in probabilities]
    by_model.sort(key=lambda name: -probabilities[name])
    others = [
        Statement(statement_text(name, lang), _of_model(probabilities[name], lang), "abnormal")
        for name in by_model
    ]
    # A word for the measured rate is neither a label nor a finding.
    others += [
        Statement(statement_text(name, lang), word("rule_only", lang), "abnormal")
        for name in names
        if name not in probabilities
    ]
    return sorted([*by_rules, *others], key=lambda statement: ORDER[statement.severity])


def _of_model(probability: float, lang: Language) -> str:
    return f"{number_text(probability, 2, lang)}, {word('model_only', lang)}"


def _of_finding(
    finding: ClinicalFinding, probabilities: dict[str, float], lang: Language
) -> Statement:
    probability = probabilities.get(finding["statement"])
    if probability is None:
        claimed_by = word("rule_only", lang)
    else:
        shown = number_text(probability, 2, lang)
        claimed_by = f"{shown}, {word('rule_and_model', lang)}"
    note = ", ".join([*_evidence(finding, lang), claimed_by])
    return Statement(statement_text(finding["statement"], lang), note, finding["severity"])


def _evidence(finding: ClinicalFinding, lang: Language) -> list[str]:
    """Return the leads, and the numbers that a reader checks first."""
    evidence = finding["evidence"]
    texts = []
    if "leads" in evidence:
        leads = cast(Sequence[str], evidence["leads"])
        texts.append(" ".join(lead.replace("-", "−") for lead in leads))
    if "largest_j_mv" in evidence:
        texts.append(f"J {number_text(cast(float, evidence['largest_j_mv']), 2, lang)} mV")
    if "pr_ms" in evidence:
        texts.append(f"{'PQ' if lang == 'de' else 'PR'} {evidence['pr_ms']:.0f} ms")
    return texts
