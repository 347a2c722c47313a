"""The rhythm as the first finding of a report."""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Evidence, Finding, Severity, code_of
from intervals.findings.sources import (
    BRADYCARDIA,
    CHOICE,
    FIBRILLATION,
    STATEMENTS,
    TACHYCARDIA,
    VENTRICULAR,
)

# Rhythm -> severity, source of its criterion.
_RHYTHMS: Final[dict[str, tuple[Severity, str]]] = {
    "Sinus rhythm": ("normal", STATEMENTS),
    "Sinus bradycardia": ("abnormal", f"{BRADYCARDIA} (below 60 per minute)"),
    "Sinus tachycardia": ("abnormal", f"{TACHYCARDIA} (above 100 per minute)"),
    "Atrial fibrillation": ("abnormal", FIBRILLATION),
    "Atrial flutter": ("abnormal", TACHYCARDIA),
    "Supraventricular tachycardia with aberrancy": ("abnormal", TACHYCARDIA),
    "Narrow-complex tachycardia": ("abnormal", TACHYCARDIA),
    "Wide-complex tachycardia": ("critical", TACHYCARDIA),
    "Ventricular tachycardia": ("critical", VENTRICULAR),
    "Electronic pacemaker": ("abnormal", STATEMENTS),
    "Undetermined": ("technical", f"{CHOICE}: no criterion of a rhythm is met"),
}


def rhythm_finding(name: str, evidence: Evidence, label_source: str | None) -> Finding:
    """Return the statement of a rhythm.

    label_source  the model whose label names the rhythm; None if the rules name it
    """
    severity, criterion = _RHYTHMS[name]
    source = criterion if label_source is None else f"label of {label_source}"
    return Finding(code_of(name), name, severity, evidence, source)
