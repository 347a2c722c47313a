"""The quality of a recording and of its leads in words."""

from __future__ import annotations

from typing import Final

from analysis.answer_types import Analysis
from report.options import Language
from report.words import WORDS, word

BAD_WORDS: Final = ("Poor", "Unreadable")
MAX_NAMED_LEADS: Final = 3


def poor_leads(answer: Analysis, lang: Language) -> dict[str, str]:
    """Return the leads that are poor, with the first reason in words."""
    quality = answer.get("quality")
    if quality is None:
        return {}
    found = {}
    for lead, judged in quality["leads"].items():
        if judged["word"] in BAD_WORDS:
            codes = [finding["code"] for finding in judged["findings"]]
            known = [code for code in codes if code in WORDS]
            found[lead] = word(known[0] if known else judged["word"], lang)
    return found


def quality_text(answer: Analysis, lead_count: int, lang: Language) -> str:
    """Return the word for the recording and what is wrong with it."""
    quality = answer.get("quality")
    if quality is None:
        return ""
    general = word(quality["signal_quality"], lang)
    whole = [finding["code"] for finding in quality["findings"] if finding["lead"] is None]
    known = [word(code, lang) for code in whole if code in WORDS]
    if known:
        return f"{general}, {known[0]}"
    poor = list(poor_leads(answer, lang))
    if len(quality["leads"]) == 1:
        return general
    if not poor:
        return f"{general}, {word('all_leads', lang, count=lead_count)}"
    if len(poor) > MAX_NAMED_LEADS:
        return f"{general}, {word('leads_poor', lang, count=len(poor))}"
    return f"{general}, {word('lead_poor', lang, leads=', '.join(poor))}"
