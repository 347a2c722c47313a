"""Judge a recording whose leads were recorded one group after another, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from signal_quality.findings import missing_lead_findings
from signal_quality.quality import LeadQuality, Quality
from signal_quality.whole_recording import recording_quality
from signal_quality.words import lead_word
from signals.leads import LEADS, TwelveLeads
from signals.pages import Page
from signals.record import EcgRecord


def _without_disagreement(quality: LeadQuality, seconds: float) -> LeadQuality:
    """Return the quality of a lead without a finding on how many beats two detectors agree.

    A page has two or three beats, one of them often at its edge.
    """
    findings = tuple(
        finding for finding in quality.findings if finding.code != "r_peak_disagreement"
    )
    if len(findings) == len(quality.findings):
        return quality
    return LeadQuality(lead_word(findings, seconds, excellent=False), findings)


def assess_pages(
    record: EcgRecord,
    leads: TwelveLeads,
    pages: Sequence[Page],
    assess: Callable[[EcgRecord], Quality],
) -> Quality:
    """Return the quality of a recording from that of its pages, each judged on its own.

    assess  judges one page
    """
    judged = [assess(page.part_of(record)) for page in pages]
    by_lead: dict[str, LeadQuality] = {}
    for page, part in zip(pages, judged, strict=True):
        seconds = (page.stop - page.start) / record.fs
        for lead, quality in part.leads.items():
            by_lead[lead] = _without_disagreement(quality, seconds)
    lead_qualities: dict[str, LeadQuality] = {
        lead: by_lead[lead] for lead in LEADS if lead in by_lead
    }
    # Each page lacks the leads of the others.
    record_findings = [
        *missing_lead_findings(record, leads),
        *(
            finding
            for part in judged
            for finding in part.findings
            if finding.lead is None and finding.code != "missing_lead"
        ),
    ]
    known = [part.probability_readable for part in judged if part.probability_readable is not None]
    # The mean, as over the windows of a long recording: with one bad page, most of it can be read.
    probability = sum(known) / len(known) if known else None
    warnings = dict.fromkeys(warning for part in judged for warning in part.warnings)
    return recording_quality(lead_qualities, record_findings, probability, warnings)
