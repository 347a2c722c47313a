"""A recording's evidence of pacing: spikes where they can be seen, and the form of the beats."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.paced_beats import features, why_unjudged
from heads.pacemaker import PacemakerEvidence, PacemakerHead
from intervals.measurements import Measurements
from signals.bandwidth import ends_below_100_hz
from signals.leads import TwelveLeads
from signals.record import EcgRecord
from signals.spikes import Pacing, Spikes, find_pacing, find_spikes

NO_PACING: Final = Pacing(0, 0, 0)


def spikes_of(
    record: EcgRecord, leads: TwelveLeads, r_peaks_s: NDArray[np.float64]
) -> tuple[Spikes, Pacing]:
    """Spikes, and what they pace; none, with the reason, where none can be told."""
    if record.units != "mV":
        return Spikes(
            np.zeros(0),
            np.zeros(0),
            "the units are unknown, and a pacing spike is told by its voltage",
        ), NO_PACING
    present = leads.signal if leads.present.all() else leads.signal[leads.present]
    spikes = find_spikes(present, record.fs)
    if spikes.invisible_reason is not None:
        return spikes, NO_PACING
    found = find_pacing(spikes, r_peaks_s)
    if found.chamber is None and ends_below_100_hz(present, record.fs):
        reason = "the recording holds nothing above 100 Hz (a filter, or a rate that it had before); pacing spikes cannot be seen"
        return Spikes(spikes.times_s, spikes.heights_mv, reason), found
    return spikes, found


def pacemaker_of(
    record: EcgRecord,
    leads: TwelveLeads,
    spikes: Spikes,
    paced: Pacing,
    found: Measurements,
    head: PacemakerHead,
) -> PacemakerEvidence:
    """All evidence but a label's. `found` is measured on the recording as it is, spikes and all."""
    visible = spikes.invisible_reason is None
    unjudged = why_unjudged(found)
    morphology = (
        None
        if unjudged
        else float(head.beats.log_odds(features(found, leads.signal, record.fs)[None])[0])
    )
    reasons = [reason for reason in (spikes.invisible_reason, unjudged) if reason is not None]
    return PacemakerEvidence(
        spikes=int(spikes.times_s.size) if visible else None,
        chamber=paced.chamber,
        spike_log_ratio=head.spike_log_ratio(spikes, paced, record.duration_s) if visible else 0.0,
        morphology=morphology,
        visible=visible,
        warnings=tuple(f"pacemaker: {reason}" for reason in reasons),
    )
