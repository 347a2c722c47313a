"""The quality of a whole recording, from that of its leads and the model's probability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from signal_quality.model import shipped_model
from signal_quality.quality import Finding, LeadQuality, Quality
from signal_quality.words import joint_word, recommendation, record_word


def recording_quality(
    leads: dict[str, LeadQuality],
    record_findings: Sequence[Finding],
    probability: float | None,
    warnings: Iterable[str],
    *,
    without_flat_leads: float | None = None,
) -> Quality:
    """Return the quality of a recording.

    leads               the words and findings of the leads that were sent
    record_findings     those that concern no single lead that was sent
    probability         that the recording can be read; None if it cannot be computed
    without_flat_leads  the same probability of the other leads, if some are flat
    """
    lead_findings = [finding for quality in leads.values() for finding in quality.findings]
    word = record_word([quality.word for quality in leads.values()])
    readable = False
    if probability is not None:
        threshold = shipped_model().threshold
        readable = word != "Unreadable" and probability >= threshold
        if word == "Poor" and not readable and without_flat_leads is not None:
            # Annotators refuse twelve leads for flat ones. The others may be worth reading.
            word = joint_word(word, without_flat_leads, threshold)
        else:
            word = joint_word(word, probability, threshold)
    return Quality(
        signal_quality=word,
        readable=readable,
        probability_readable=probability,
        leads=leads,
        findings=(*lead_findings, *record_findings),
        recommendation=recommendation(word, leads, list(record_findings)),
        warnings=tuple(warnings),
    )
