"""The measurements of one recording as /analyze answers them: numbers, flags, fiducials, the representative beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.pacing import NO_PACING, pacemaker_of, spikes_of
from heads.pacemaker import PACEMAKER_LABEL, PacemakerEvidence, shipped
from intervals.measure import measure_conditioned
from intervals.measurements import NUMBERS, BeatFiducials, Measurements
from intervals.reference_ranges import axis_word, flags
from intervals.rhythm import Rhythm, rhythm
from signals.conditioned import condition
from signals.leads import LEADS, TwelveLeads
from signals.r_peaks import r_peaks_of
from signals.record import EcgRecord, Patient
from signals.spike_removal import remove_spikes
from signals.spikes import Pacing

MEASURED_PARTS = frozenset(
    {"clinical_analysis", "measurements", "fiducials", "representative_beat", "pacemaker"}
)
SAME_BEAT_S = 0.15  # a beat's R peak as it is measured, and as it was found among spikes


@dataclass(frozen=True)
class Measured:
    """What was measured, as plain values that travel between processes; None for a part where nothing could be."""

    measurements: dict[str, Any] | None = None
    fiducials: list[dict[str, Any]] | None = None
    representative_beat: dict[str, Any] | None = None
    axis_deviation: str | None = None
    rhythm: Rhythm | None = None
    pacemaker: PacemakerEvidence | None = None
    warnings: tuple[str, ...] = ()

    def number(self, name: str) -> float | None:
        """One of the measurements, None where it could not be measured."""
        value = None if self.measurements is None else self.measurements[name]
        return None if value is None else float(value)


def measure_record(record: EcgRecord, leads: TwelveLeads) -> Measured:
    """Measure a recording; it is filtered and its R peaks are found once, for all that is measured.

    Pacing is looked for first: what is paced has no P wave to measure, and its QRS is not its spike's.
    """
    ready = condition(leads.signal, record.fs)
    r_peaks_s = r_peaks_of(ready)
    spikes, paced = spikes_of(record, leads, r_peaks_s)
    found = measure_conditioned(ready, r_peaks_s)
    head = shipped()
    pacemaker = pacemaker_of(record, leads, spikes, paced, found, head)
    probability = head.probability(pacemaker)
    if probability is None or not head.present(probability):
        paced, present = NO_PACING, None
    else:
        present = probability
        if paced.chamber is not None:
            ready = condition(remove_spikes(leads.signal, record.fs, spikes, r_peaks_s), record.fs)
            r_peaks_s = r_peaks_of(ready)
        found = measure_conditioned(ready, r_peaks_s, paced=True)
    told = found.to_dict()
    flagged = flags(
        {name: told[name] for name in NUMBERS}, record.patient
    )  # as told: a value is not flagged for its second decimal
    return Measured(
        measurements={**told, "flags": [flag.to_dict() for flag in flagged]},
        fiducials=[_fiducials(beat, paced) for beat in found.fiducials] or None,
        representative_beat=_representative_beat(found),
        axis_deviation=_axis_word(found, record.patient),
        rhythm=_rhythm(found, paced, present),
        pacemaker=pacemaker,
        warnings=found.warnings,
    )


def _fiducials(beat: BeatFiducials, paced: Pacing) -> dict[str, Any]:
    """Of the class paced where a ventricular spike stands before the beat, whatever its form."""
    is_paced = any(
        abs(beat.r - at) < SAME_BEAT_S for at in paced.ventricular_r_s
    ) and paced.chamber in (
        "ventricular",
        "dual",
    )
    return beat.to_dict() | ({"class": "paced"} if is_paced else {})


def _rhythm(found: Measurements, paced: Pacing, pacemaker: float | None) -> Rhythm:
    """By the rules; `pacemaker` is the probability of one that is present, which the form of the beats may tell without spikes."""
    said = rhythm(found, paced)
    if pacemaker is None or said.word == PACEMAKER_LABEL:
        return said
    return Rhythm(
        PACEMAKER_LABEL,
        pacemaker,
        tuple(finding for finding in said.findings if finding != "Sinus arrhythmia"),
    )


def _axis_word(found: Measurements, patient: Patient) -> str | None:
    return None if found.qrs_axis_deg is None else axis_word(found.qrs_axis_deg, patient)


def _representative_beat(found: Measurements) -> dict[str, Any] | None:
    beat = found.representative
    if beat is None:
        return None
    places = {name: None if at is None else round(at, 4) for name, at in beat.fiducials.items()}
    return {
        "fs": beat.fs,
        "lead_names": list(LEADS),
        "data": beat.data.astype(np.float32),
        "r": round(beat.r, 4),
        "fiducials": places,
    }
