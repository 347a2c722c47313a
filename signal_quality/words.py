"""From findings and the probability to words, for each lead and for the recording.

A lead is

    Unreadable  at one value for over half of the recording, over half of its samples missing, or without anything of the heart
    Poor        at one value for 2 s or longer, saturated, contradicting the other limb leads, without a QRS complex that stands
                out, or with its beats where the other leads have none
    Acceptable  with gaps longer than 0.2 s, baseline wander, steps, mains hum, muscle noise or spikes
    Good        without a finding
    Excellent   where besides, in known mV, all noise is far within its limits

and the recording is what the worse of two says. Its leads:

    Unreadable  when no sent lead is better
    Poor        when half or more of its leads are Poor or Unreadable
    Acceptable  when any lead is, or half or more of its leads are Acceptable
    Excellent   when half or more of its leads are, and the others Good
    Good        otherwise

and the probability that it can be read: Poor under the model's threshold or 0.6, Acceptable under 0.8, Good under 0.9 (choices:
the probability is calibrated, so that one in ten at the least of what is not called Excellent was refused by annotators).
Under the threshold a recording is not readable as a whole; it is called Unreadable where its leads are Poor too, for a lead
that is fine can be read beside eleven that are not. Leads that were not sent lower no word: one good lead is a good
recording of one lead.
"""

from __future__ import annotations

from typing import Final

from signal_quality import findings as rules
from signal_quality.quality import WORDS, Code, Finding, LeadQuality, Word

_WORD_OF: Final[dict[Code, Word]] = {
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
_BY_PROBABILITY: Final[tuple[tuple[float, Word], ...]] = (
    (0.6, "Poor"),
    (0.8, "Acceptable"),
    (0.9, "Good"),
)


def lead_word(findings: tuple[Finding, ...], seconds: float, excellent: bool) -> Word:
    """A lead's word from its findings in a recording of so many seconds."""
    if any(
        one.code == "flat_line" and one.value is not None and one.value > rules.MOSTLY * seconds
        for one in findings
    ):
        return "Unreadable"
    clean: Word = "Excellent" if excellent else "Good"
    words = [_WORD_OF[one.code] for one in findings]
    return min(words, key=WORDS.index, default=clean)


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
    return "Excellent" if words.count("Excellent") >= half and "Acceptable" not in words else "Good"


def joint_word(leads: Word, probability: float, threshold: float) -> Word:
    """The recording's word from its leads' and from the model's probability."""
    if probability < threshold:
        return "Unreadable" if leads in ("Poor", "Unreadable") else "Poor"
    allowed: Word = next(
        (word for limit, word in _BY_PROBABILITY if probability < limit), "Excellent"
    )
    return min(leads, allowed, key=WORDS.index)


def recommendation(word: Word, leads: dict[str, LeadQuality], of_record: list[Finding]) -> str:
    """One or two sentences: whether to read it, and the leads to mend."""
    exchanged = [one.advice for one in of_record if one.code.endswith("_reversal")]
    return " ".join([_reading(word, leads), *exchanged])


def _reading(word: Word, leads: dict[str, LeadQuality]) -> str:
    worst = [lead for lead, one in leads.items() if one.word in ("Poor", "Unreadable")]
    noisy = [lead for lead, one in leads.items() if one.word == "Acceptable"]
    if word == "Unreadable":
        return "Do not read this recording. Check all electrodes and cables, and record again."
    if word == "Poor":
        where = (
            f"mending {_listed(worst or noisy)}" if worst or noisy else "checking all electrodes"
        )
        return f"Record again after {where}; until then read what is clear only, with caution."
    if worst:
        return f"Read without {_listed(worst)}; record again if the question depends on it."
    if noisy:
        return f"Can be read; mind the noise or gaps in {_listed(noisy)}."
    return "Can be read, with some caution." if word == "Acceptable" else "Can be read."


def _listed(leads: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(leads[:-1]), leads[-1])))
