"""The statements of the report: the rhythm, then what is abnormal, each with who claims it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from analysis.answer_types import Analysis, ClinicalAnalysis, ClinicalFinding
from intervals.findings.finding import Severity
from report.options import Language
from report.words import number_text, statement_text, word

ORDER: Final[dict[Severity, int]] = {"critical": 0, "abnormal": 1, "technical": 2, "normal": 3}


# A statement -> the more general one that it belongs to.
GENERAL: Final = {
    "1st degree atrioventricular block": "Atrioventricular block",
    "Anterior infarction": "Infarction",
    "Inferior infarction": "Infarction",
    "Complete left bundle branch block": "Left bundle branch block",
    "Incomplete left bundle branch block": "Left bundle branch block",
    "Complete right bundle branch block": "Right bundle branch block",
    "Incomplete right bundle branch block": "Right bundle branch block",
}


@dataclass(frozen=True)
class Statement:
    """One line: what is claimed, and a note with probability, evidence and who claims it.

    name         in the answer
    is_specific  it says more exactly what the statement above it says
    """

    name: str
    text: str
    note: str
    severity: Severity
    is_specific: bool = False


def rhythm_statement(answer: Analysis, lang: Language) -> Statement:
    """Return the first line: the rhythm with its rate, or why nothing is judged."""
    clinical = answer.get("clinical_analysis")
    findings = answer.get("findings")
    if clinical is None or findings is None:
        reason = word(_reason_key(answer), lang)
        text = word("not_judged", lang, reason=reason)
        return Statement("", text, "", "technical")
    first = findings[0]
    text = statement_text(first["statement"], lang)
    if clinical["heart_rate"] is not None:
        text += f", {number_text(clinical['heart_rate'], 0, lang)}/min"
    note = _rhythm_note(clinical, lang)
    return Statement(first["statement"], text, note, first["severity"])


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
    others = [_of_model(name, probabilities[name], lang) for name in by_model]
    # A word for the measured rate is neither a label nor a finding.
    others += [
        Statement(name, statement_text(name, lang), word("rule_only", lang), "abnormal")
        for name in names
        if name not in probabilities
    ]
    in_order = sorted([*by_rules, *others], key=lambda statement: ORDER[statement.severity])
    return _specific_below_general(in_order)


def _specific_below_general(statements: Sequence[Statement]) -> list[Statement]:
    """Move each statement below the more general one, where that is claimed too."""
    named = {statement.name for statement in statements}
    groups: dict[str, list[Statement]] = {}
    for statement in statements:
        general = GENERAL.get(statement.name)
        if general in named:
            specific = replace(statement, is_specific=True)
            groups.setdefault(str(general), []).append(specific)
        else:
            groups.setdefault(statement.name, []).insert(0, statement)
    return [statement for group in groups.values() for statement in group]


def _of_model(name: str, probability: float, lang: Language) -> Statement:
    note = f"{number_text(probability, 2, lang)}, {word('model_only', lang)}"
    return Statement(name, statement_text(name, lang), note, "abnormal")


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
    name = finding["statement"]
    return Statement(name, statement_text(name, lang), note, finding["severity"])


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
