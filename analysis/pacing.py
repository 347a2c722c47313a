"""A recording's evidence of pacing: spikes, if it can show them, and the beats' morphology."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.paced_beats import features, why_unjudged
from heads.pacemaker import PacemakerEvidence, PacemakerHead
from intervals.measurements import Measurements
from signals.bandwidth import ends_below_100_hz
from signals.leads import LEADS, TwelveLeads
from signals.limb_leads import LIMB_LEADS
from signals.record import EcgRecord
from signals.spikes import Pacing, Spikes, find_pacing, find_spikes

NO_PACING: Final = Pacing(atrial_beats=0, ventricular_beats=0, beats=0)
_UNITS_UNKNOWN: Final = "the units are unknown; pacing spikes are recognised by their height in mV"
_NO_BANDWIDTH: Final = (
    "the recording contains nothing above 100 Hz (a filter, or an earlier lower sampling rate); "
    "pacing spikes cannot be seen"
)


def spikes_and_pacing(
    record: EcgRecord, leads: TwelveLeads, r_peaks_s: NDArray[np.float64]
) -> tuple[Spikes, Pacing]:
    """Return the pacing spikes and the beats that they pace.

    If the recording cannot show spikes, `Spikes.invisible_reason` gives the reason.

    leads      of the same recording, at `record.fs`
    r_peaks_s  (beats,) R peaks in seconds from the recording's start
    """
    if record.units != "mV":
        return Spikes(np.zeros(0), np.zeros(0), _UNITS_UNKNOWN), NO_PACING
    spikes = find_spikes(_independent_leads(leads), record.fs)
    if spikes.invisible_reason is not None:
        return spikes, NO_PACING
    pacing = find_pacing(spikes, r_peaks_s)
    # Deflections at a stable distance from the beats are spikes, whatever the bandwidth. If there
    # are none, a recording without power above 100 Hz cannot show whether the heart is paced.
    # The copy is only made if a lead is missing.
    present = leads.signal if leads.present.all() else leads.signal[leads.present]
    if pacing.chamber is None and ends_below_100_hz(present, record.fs):
        return Spikes(spikes.times_s, spikes.heights_mv, _NO_BANDWIDTH), pacing
    return spikes, pacing


def _independent_leads(leads: TwelveLeads) -> NDArray[np.float32]:
    """Return sent leads none of which is a sum of others, (leads, samples).

    What disturbs one of two limb leads is in up to five of the six that are derived from both. It
    must not count as seen in several leads. Of more than two limb leads that were sent, two are
    returned: I and II first.
    """
    sent = leads.present.copy()
    sent[[LEADS.index(lead) for lead in leads.derived]] = False
    rows = np.flatnonzero(sent)
    limb_rows = rows[rows < len(LIMB_LEADS)][:2]
    return leads.signal[[*limb_rows, *rows[rows >= len(LIMB_LEADS)]]]


def pacemaker_evidence(
    record: EcgRecord,
    leads: TwelveLeads,
    spikes: Spikes,
    pacing: Pacing,
    measurements: Measurements,
    head: PacemakerHead,
) -> PacemakerEvidence:
    """Return the evidence of pacing, except that of an encoder's label.

    spikes, pacing  as `spikes_and_pacing` returns them
    measurements    of the signal before spikes are removed, because the head was trained on these
    """
    visible = spikes.invisible_reason is None
    unjudged_reason = why_unjudged(measurements)
    morphology = None
    if not unjudged_reason:
        row = features(measurements, leads.signal, record.fs)[None]
        morphology = float(head.beats.log_odds(row)[0])
    reasons = [
        reason for reason in (spikes.invisible_reason, unjudged_reason) if reason is not None
    ]
    return PacemakerEvidence(
        spikes=int(spikes.times_s.size) if visible else None,
        chamber=pacing.chamber,
        spike_log_ratio=head.spike_log_ratio(spikes, pacing, record.duration_s) if visible else 0.0,
        morphology=morphology,
        visible=visible,
        warnings=tuple(f"pacemaker: {reason}" for reason in reasons),
        spike_times_s=tuple(spikes.times_s.tolist()) if visible else (),
    )
