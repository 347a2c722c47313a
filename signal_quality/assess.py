"""Can this recording be read, lead by lead, and if not, what would help.

Words, as long as rules alone judge (a trained judgement of noise will replace them). A lead is

    Unreadable  at one value for over half of the recording, or over half of its samples missing
    Poor        at one value for 2 s or longer, saturated, or contradicting the other limb leads
    Acceptable  with gaps longer than 0.2 s
    Good        without a finding

and the recording

    Unreadable  when no sent lead is better
    Poor        when half or more of its leads are Poor or Unreadable
    Acceptable  when any lead is, or half or more of its leads are Acceptable
    Good        otherwise

Leads that were not sent are findings, and lower no word: one good lead is a good recording of one lead. Excellent would
vouch for the noise too, which is not measured yet, and so is not given.
"""

from __future__ import annotations

from typing import Final

from signal_quality import findings as rules
from signal_quality.quality import WORDS, Finding, LeadQuality, Quality, Word
from signals.leads import TwelveLeads, twelve_leads
from signals.record import EcgRecord

RULES_ONLY: Final = (
    "signal_quality: judged by rules on contact, gaps and clipping; noise and baseline wander are not judged, so Good is the best word"
)
NO_PROBABILITY: Final = "probability_readable: null, no trained quality model is loaded"

_WORD_OF: Final[dict[str, Word]] = {
    "mostly_missing": "Unreadable",
    "flat_line": "Poor",
    "saturated": "Poor",
    "limb_lead_contradiction": "Poor",
    "gaps": "Acceptable",
}


def assess(record: EcgRecord, leads: TwelveLeads | None = None) -> Quality:
    """Judge anything that has the form of a record: flat, one lead, NaN throughout.

    leads  `twelve_leads(record)` where the caller has it
    """
    leads = leads if leads is not None else twelve_leads(record)
    found = rules.by_lead(record, leads)
    judged = {lead: LeadQuality(_lead_word(some, record), some) for lead, some in found.items()}
    word = record_word([one.word for one in judged.values()])
    findings = (*(finding for some in found.values() for finding in some), *rules.missing_leads(record, leads))
    return Quality(
        signal_quality=word,
        readable=word != "Unreadable",
        probability_readable=None,
        leads=judged,
        findings=findings,
        recommendation=_recommendation(word, judged),
        warnings=(RULES_ONLY, NO_PROBABILITY),
    )


def record_word(words: list[Word]) -> Word:
    """The recording's word from those of its sent leads, at least one."""
    half = len(words) / 2
    bad = sum(word in ("Poor", "Unreadable") for word in words)
    if all(word == "Unreadable" for word in words):
        return "Unreadable"
    if bad >= half:
        return "Poor"
    if bad or words.count("Acceptable") >= half:
        return "Acceptable"
    return "Good"


def _lead_word(findings: tuple[Finding, ...], record: EcgRecord) -> Word:
    words = [_WORD_OF[finding.code] for finding in findings]
    if any(finding.code == "flat_line" and _throughout(finding, record) for finding in findings):
        return "Unreadable"
    return min(words, key=WORDS.index, default="Good")


def _throughout(flat: Finding, record: EcgRecord) -> bool:
    # Half, as with missing samples: less than half of a lead is not that lead.
    return flat.value is not None and flat.value > rules.MOSTLY * record.duration_s


def _recommendation(word: Word, leads: dict[str, LeadQuality]) -> str:
    """One or two sentences: whether to read it, and the leads to mend."""
    worst = [lead for lead, one in leads.items() if one.word in ("Poor", "Unreadable")]
    if word == "Unreadable":
        return "Do not read this recording. Check all electrodes and cables, and record again."
    if word == "Poor":
        return f"Record again after mending {_listed(worst)}; until then read the other leads only, with caution."
    if worst:
        return f"Read without {_listed(worst)}; record again if the question depends on it."
    if word == "Acceptable" or any(one.findings for one in leads.values()):
        return "Can be read; mind the gaps."
    return "Can be read."


def _listed(leads: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(leads[:-1]), leads[-1])))
