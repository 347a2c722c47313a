"""A recording's evidence of pacing: spikes, where it can show them, and the form of the beats."""

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
_UNITS_UNKNOWN: Final = "the units are unknown, and the voltage identifies a pacing spike"
_NO_BANDWIDTH: Final = (
    "the recording contains nothing above 100 Hz (a filter, or an earlier lower sampling rate); "
    "pacing spikes cannot be seen"
)


def spikes_and_pacing(
    record: EcgRecord, leads: TwelveLeads, r_peaks_s: NDArray[np.float64]
) -> tuple[Spikes, Pacing]:
    """Return the pacing spikes and the beats that they pace.

    Where the recording cannot show spikes, `Spikes.invisible_reason` gives the reason.
    """
    if record.units != "mV":
        return Spikes(np.zeros(0), np.zeros(0), _UNITS_UNKNOWN), NO_PACING
    # The copy is only made if a lead is missing.
    present = leads.signal if leads.present.all() else leads.signal[leads.present]
    spikes = find_spikes(present, record.fs)
    if spikes.invisible_reason is not None:
        return spikes, NO_PACING
    paced = find_pacing(spikes, r_peaks_s)
    # Spikes in a stable relation to beats are spikes, whatever the bandwidth; otherwise none can be
    # expected below 100 Hz.
    if paced.chamber is None and ends_below_100_hz(present, record.fs):
        return Spikes(spikes.times_s, spikes.heights_mv, _NO_BANDWIDTH), paced
    return spikes, paced


def pacemaker_evidence(
    record: EcgRecord,
    leads: TwelveLeads,
    spikes: Spikes,
    paced: Pacing,
    measurements: Measurements,
    head: PacemakerHead,
) -> PacemakerEvidence:
    """Return all evidence other than a label's.

    measurements  of the recording with its spikes, as the head was trained
    """
    visible = spikes.invisible_reason is None
    unjudged = why_unjudged(measurements)
    morphology = None
    if not unjudged:
        row = features(measurements, leads.signal, record.fs)[None]
        morphology = float(head.beats.log_odds(row)[0])
    reasons = [reason for reason in (spikes.invisible_reason, unjudged) if reason is not None]
    return PacemakerEvidence(
        spikes=int(spikes.times_s.size) if visible else None,
        chamber=paced.chamber,
        spike_log_ratio=head.spike_log_ratio(spikes, paced, record.duration_s) if visible else 0.0,
        morphology=morphology,
        visible=visible,
        warnings=tuple(f"pacemaker: {reason}" for reason in reasons),
    )
