"""The words for each lead and for the recording, from the findings and the probability.

A lead is

    Unreadable  at one value for more than half of the recording, with more than half of its samples
                missing, or without a heartbeat
    Poor        at one value for 2 s or longer, saturated, contradicting the other limb leads,
                without a visible QRS complex, or with its beats at other times than the other leads
    Acceptable  with gaps longer than 0.2 s, baseline wander, steps, mains hum, muscle noise or
                spikes
    Good        without a finding
    Excellent   without a finding, in known mV, and with all noise far within its limits

The recording has the worse of two words. Its leads give:

    Unreadable  if no sent lead is better
    Poor        if half or more of its leads are Poor or Unreadable
    Acceptable  if any lead is Poor or Unreadable, or half or more of its leads are Acceptable
    Excellent   if half or more of its leads are, and the others are Good
    Good        otherwise

The probability that it can be read gives: Poor below the model's threshold or 0.6, Acceptable below
0.8, Good below 0.9. These are choices. The probability is calibrated, so annotators refused at
least one in ten of the recordings that are not called Excellent.

Below the threshold a recording is not readable as a whole. It is only called Unreadable if its
leads are Poor too, because one good lead can be read next to eleven bad ones. Leads that were not
sent do not lower the word: one good lead is a good recording of one lead.
"""

from __future__ import annotations

from typing import Final

from signal_quality.findings import MAX_UNUSABLE_SHARE
from signal_quality.quality import WORDS, Code, Finding, LeadQuality, QualityWord

_WORD_OF: Final[dict[Code, QualityWord]] = {
    "mostly_missing": "Unreadable",
    "lead_off": "Unreadable",
    "flat_line": "Poor",
    "saturated": "Poor",
    "limb_lead_contradiction": "Poor",
    "qrs_not_visible": "Poor",
    "r_peak_disagreement": "Poor",
    "gaps": "Acceptable",
    "baseline_wander": "Acceptable",
    "step": "Acceptable",
    "mains_hum": "Acceptable",
    "muscle_noise": "Acceptable",
    "spikes": "Acceptable",
}
# The best word below each probability.
_BY_PROBABILITY: Final[tuple[tuple[float, QualityWord], ...]] = (
    (0.6, "Poor"),
    (0.8, "Acceptable"),
    (0.9, "Good"),
)
_BAD: Final = ("Poor", "Unreadable")


def lead_word(findings: tuple[Finding, ...], seconds: float, excellent: bool) -> QualityWord:
    """Return a lead's word from its findings.

    seconds    the recording's length
    excellent  whether the noise is far within its limits
    """
    flat_s = [finding.value or 0.0 for finding in findings if finding.code == "flat_line"]
    if max(flat_s, default=0.0) > MAX_UNUSABLE_SHARE * seconds:
        return "Unreadable"
    clean: QualityWord = "Excellent" if excellent else "Good"
    words = [_WORD_OF[finding.code] for finding in findings]
    return min(words, key=WORDS.index, default=clean)


def record_word(words: list[QualityWord]) -> QualityWord:
    """Return the recording's word from those of its sent leads, at least one."""
    half = len(words) / 2
    bad = sum(word in _BAD for word in words)
    acceptable = words.count("Acceptable")
    if all(word == "Unreadable" for word in words):
        return "Unreadable"
    if bad >= half:
        return "Poor"
    if bad or acceptable >= half:
        return "Acceptable"
    if words.count("Excellent") >= half and not acceptable:
        return "Excellent"
    return "Good"


def joint_word(leads_word: QualityWord, probability: float, threshold: float) -> QualityWord:
    """Return the recording's word from that of its leads and the model's probability."""
    if probability < threshold:
        return "Unreadable" if leads_word in _BAD else "Poor"
    for limit, best in _BY_PROBABILITY:
        if probability < limit:
            return min(leads_word, best, key=WORDS.index)
    return leads_word


def recommendation(
    word: QualityWord, leads: dict[str, LeadQuality], record_findings: list[Finding]
) -> str:
    """Return one or two sentences: whether to read the recording, and what to fix."""
    sentences = [_reading_advice(word, leads)]
    for finding in record_findings:
        if finding.code.endswith("_reversal"):
            sentences.append(finding.advice)
    return " ".join(sentences)


def _reading_advice(word: QualityWord, leads: dict[str, LeadQuality]) -> str:
    bad = [lead for lead, quality in leads.items() if quality.word in _BAD]
    noisy = [lead for lead, quality in leads.items() if quality.word == "Acceptable"]
    if word == "Unreadable":
        return "Do not read this recording. Check all electrodes and cables, and record again."
    if word == "Poor":
        to_fix = bad or noisy
        remedy = f"fixing {_join(to_fix)}" if to_fix else "checking all electrodes"
        return f"Record again after {remedy}; until then, read only what is clear, with caution."
    if bad:
        return f"Read without {_join(bad)}; record again if the question depends on it."
    if noisy:
        return f"Can be read; note the noise or gaps in {_join(noisy)}."
    if word == "Acceptable":
        return "Can be read, with some caution."
    return "Can be read."


def _join(leads: list[str]) -> str:
    """Return "V1", "V1 and V2" or "V1, V2 and V3"."""
    if len(leads) == 1:
        return leads[0]
    return f"{', '.join(leads[:-1])} and {leads[-1]}"
