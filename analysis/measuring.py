"""The measurements of one recording as /analyze answers them: numbers, flags, fiducials, the representative beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intervals.measure import measure_conditioned
from intervals.measurements import NUMBERS, Measurements
from intervals.reference_ranges import axis_word, flags
from intervals.rhythm import Rhythm, rhythm
from signals.conditioned import condition
from signals.leads import LEADS, TwelveLeads
from signals.r_peaks import r_peaks_of
from signals.record import EcgRecord, Patient
from signals.spikes import Pacing, find_spikes, pacing

MEASURED_PARTS = frozenset({"clinical_analysis", "measurements", "fiducials", "representative_beat"})


@dataclass(frozen=True)
class Measured:
    """What was measured, as plain values that travel between processes; None for a part where nothing could be."""

    measurements: dict[str, Any] | None = None
    fiducials: list[dict[str, Any]] | None = None
    representative_beat: dict[str, Any] | None = None
    axis_deviation: str | None = None
    rhythm: Rhythm | None = None
    warnings: tuple[str, ...] = ()

    def number(self, name: str) -> float | None:
        """One of the measurements, None where it could not be measured."""
        value = None if self.measurements is None else self.measurements[name]
        return None if value is None else float(value)


def measure_record(record: EcgRecord, leads: TwelveLeads) -> Measured:
    """Measure a recording; it is filtered and its R peaks are found once, for all that is measured.

    Pacing spikes are looked for first: what they pace has no P wave to measure.
    """
    ready = condition(leads.signal, record.fs)
    r_peaks_s = r_peaks_of(ready)
    paced = _pacing(record, leads, r_peaks_s)
    found = measure_conditioned(ready, r_peaks_s, paced=paced.chamber is not None)
    told = found.to_dict()
    flagged = flags({name: told[name] for name in NUMBERS}, record.patient)  # as told: a value is not flagged for its second decimal
    return Measured(
        measurements={**told, "flags": [flag.to_dict() for flag in flagged]},
        fiducials=[beat.to_dict() for beat in found.fiducials] or None,
        representative_beat=_representative_beat(found),
        axis_deviation=_axis_word(found, record.patient),
        rhythm=rhythm(found, paced),
        warnings=found.warnings,
    )


NO_PACING = Pacing(0, 0, 0)


def _pacing(record: EcgRecord, leads: TwelveLeads, r_peaks_s: NDArray[np.float64]) -> Pacing:
    if record.units != "mV":
        return NO_PACING  # the height of a spike is a voltage
    spikes = find_spikes(leads.signal, record.fs)
    return pacing(spikes, r_peaks_s) if spikes.times_s.size else NO_PACING


def _axis_word(found: Measurements, patient: Patient) -> str | None:
    return None if found.qrs_axis_deg is None else axis_word(found.qrs_axis_deg, patient)


def _representative_beat(found: Measurements) -> dict[str, Any] | None:
    beat = found.representative
    if beat is None:
        return None
    places = {name: None if at is None else round(at, 4) for name, at in beat.fiducials.items()}
    return {"fs": beat.fs, "lead_names": list(LEADS), "data": beat.data.astype(np.float32), "r": round(beat.r, 4), "fiducials": places}
