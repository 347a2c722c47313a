"""The part `quality` of /analyze, which is also the answer of /assess_quality."""

from __future__ import annotations

from analysis import answer_types
from signal_quality.electrodes import lead_electrodes
from signal_quality.quality import Electrode, Finding, LeadQuality, Quality


def quality_part(quality: Quality) -> answer_types.Quality:
    """Return the judgement in the form of the answer.

    Its warnings are not part of it; they join the answer's own.
    """
    return {
        "signal_quality": quality.signal_quality,
        "readable": quality.readable,
        "probability_readable": quality.probability_readable,
        "leads": {name: _lead_part(lead) for name, lead in quality.leads.items()},
        "findings": [_finding_part(finding) for finding in quality.findings],
        "recommendation": quality.recommendation,
    }


def _lead_part(lead: LeadQuality) -> answer_types.LeadQuality:
    return {
        "word": lead.word,
        "findings": [_finding_part(finding) for finding in lead.findings],
    }


def _finding_part(finding: Finding) -> answer_types.Finding:
    return {
        "code": finding.code,
        "lead": finding.lead,
        "value": finding.value,
        "limit": finding.limit,
        "advice": finding.advice,
        "electrodes": _electrodes(finding),
    }


def _electrodes(finding: Finding) -> list[Electrode]:
    """Return the electrodes to look at; none for a fault that is not of electrodes."""
    if finding.lead is None:
        return list(finding.exchanged)
    return list(lead_electrodes(finding.lead))
