"""The rhythm as the first finding of a report."""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Evidence, Finding, Severity, code_of
from intervals.findings.sources import (
    BRADYCARDIA,
    CHOICE,
    ESCAPE,
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
    "Supraventricular tachycardia": ("abnormal", TACHYCARDIA),
    "Narrow-complex tachycardia": ("abnormal", TACHYCARDIA),
    "Wide-complex tachycardia": ("critical", TACHYCARDIA),
    "Ventricular tachycardia": ("critical", VENTRICULAR),
    "3rd degree atrioventricular block": (
        "critical",
        f"{BRADYCARDIA} (no P wave is conducted)",
    ),
    "Junctional escape rhythm": ("abnormal", ESCAPE),
    "Ventricular escape rhythm": ("critical", ESCAPE),
    "Electronic pacemaker": ("abnormal", STATEMENTS),
    "Undetermined": ("technical", f"{CHOICE}: no criterion of a rhythm is met"),
}


# What a rate outside 60 to 100 per minute is called where the atria do not set it.
_RESPONSES: Final = {
    "Bradycardia": "with slow ventricular response",
    "Tachycardia": "with rapid ventricular response",
}


def rhythm_finding(
    name: str, rate_word: str | None, evidence: Evidence, label_source: str | None
) -> Finding:
    """Return the statement of a rhythm, which says whether it is slow or fast.

    rate_word     Bradycardia, Tachycardia or None
    label_source  the model whose label names the rhythm; None if the rules name it
    """
    severity, criterion = _RHYTHMS[name]
    source = criterion if label_source is None else f"label of {label_source}"
    statement = _with_rate(name, rate_word)
    return Finding(code_of(name), statement, severity, evidence, source)


def _with_rate(name: str, rate_word: str | None) -> str:
    if rate_word is None or name.endswith(("bradycardia", "tachycardia", "aberrancy")):
        return name
    if name in ("Atrial fibrillation", "Atrial flutter"):
        return f"{name} {_RESPONSES[rate_word]}"
    return f"{name}, {rate_word.lower()}"
