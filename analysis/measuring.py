"""The measurements of one recording in the form of /analyze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis import answer_types
from analysis.answer_types import NumberName
from analysis.pacing import NO_PACING, pacemaker_evidence, spikes_and_pacing
from heads.pacemaker import PACEMAKER_LABEL, PacemakerEvidence, shipped
from intervals.measure import measure_conditioned
from intervals.measurements import NUMBERS, BeatFiducials, Measurements
from intervals.reference_ranges import AxisDeviation, Flag, axis_deviation, flags
from intervals.rhythm import Rhythm, name_rhythm
from signals.conditioned import condition
from signals.leads import LEADS, TwelveLeads
from signals.r_peaks import r_peaks_of
from signals.record import EcgRecord, Patient
from signals.spike_removal import remove_spikes
from signals.spikes import Pacing

MEASURED_PARTS = frozenset(
    {"clinical_analysis", "measurements", "fiducials", "representative_beat", "pacemaker"}
)
# Removing spikes shifts an R peak a little: the largest distance at which two R peaks are the same
# beat.
SAME_BEAT_S = 0.15


@dataclass(frozen=True)
class Measured:
    """What was measured, as plain values that travel between processes.

    None for a part that could not be measured.
    """

    measurements: answer_types.Measurements | None = None
    fiducials: list[answer_types.Fiducials] | None = None
    representative_beat: answer_types.RepresentativeBeat | None = None
    axis_deviation: AxisDeviation | None = None
    rhythm: Rhythm | None = None
    pacemaker: PacemakerEvidence | None = None
    warnings: tuple[str, ...] = ()

    def number(self, name: NumberName) -> float | None:
        """Return one of the measurements, None if it could not be measured."""
        value = None if self.measurements is None else self.measurements[name]
        return None if value is None else float(value)


def measure_record(record: EcgRecord, leads: TwelveLeads) -> Measured:
    """Measure a recording. It is filtered and its R peaks are found once for all parts.

    Pacing is determined first: a paced beat has no P wave to measure, and its QRS does not begin at
    the spike.
    """
    conditioned = condition(leads.signal, record.fs)
    r_peaks_s = r_peaks_of(conditioned)
    spikes, paced = spikes_and_pacing(record, leads, r_peaks_s)
    measured = measure_conditioned(conditioned, r_peaks_s)
    head = shipped()
    pacemaker = pacemaker_evidence(record, leads, spikes, paced, measured, head)
    probability = head.probability(pacemaker)
    if probability is not None and head.present(probability):
        if paced.chamber is not None:
            signal = remove_spikes(leads.signal, record.fs, spikes, r_peaks_s)
            conditioned = condition(signal, record.fs)
            r_peaks_s = r_peaks_of(conditioned)
        measured = measure_conditioned(conditioned, r_peaks_s, paced=True)
    else:
        paced = NO_PACING
        probability = None
    return Measured(
        measurements=measurements_part(measured, record.patient),
        fiducials=[_fiducials_part(beat, paced) for beat in measured.fiducials] or None,
        representative_beat=_representative_beat_part(measured),
        axis_deviation=_axis_word(measured, record.patient),
        rhythm=_rhythm(measured, paced, probability),
        pacemaker=pacemaker,
        warnings=measured.warnings,
    )


def measurements_part(measured: Measurements, patient: Patient) -> answer_types.Measurements:
    """Return the part `measurements` of /analyze, rounded to tenths, with its flags."""
    # Flags are found on the rounded values, so that no value is flagged for a decimal that the
    # answer does not show.
    rounded = {name: _tenths(getattr(measured, name)) for name in NUMBERS}
    uncertainties: dict[str, float | None] = {
        name: _tenths(value) for name, value in measured.uncertainty_ms.items()
    }
    return {
        "heart_rate_bpm": rounded["heart_rate_bpm"],
        "rr_ms": rounded["rr_ms"],
        "pr_ms": rounded["pr_ms"],
        "p_duration_ms": rounded["p_duration_ms"],
        "qrs_ms": rounded["qrs_ms"],
        "qt_ms": rounded["qt_ms"],
        "qtc_bazett_ms": rounded["qtc_bazett_ms"],
        "qtc_fridericia_ms": rounded["qtc_fridericia_ms"],
        "qtc_framingham_ms": rounded["qtc_framingham_ms"],
        "qtc_hodges_ms": rounded["qtc_hodges_ms"],
        "p_axis_deg": rounded["p_axis_deg"],
        "qrs_axis_deg": rounded["qrs_axis_deg"],
        "t_axis_deg": rounded["t_axis_deg"],
        "sdnn_ms": rounded["sdnn_ms"],
        "rmssd_ms": rounded["rmssd_ms"],
        "uncertainty_ms": uncertainties,
        "beats": measured.beats,
        "ectopic_beats": measured.ectopic_beats,
        "flags": [_flag_part(flag) for flag in flags(rounded, patient)],
    }


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _flag_part(flag: Flag) -> answer_types.Flag:
    return {
        "name": flag.name,
        "value": flag.value,
        "range": [flag.range.low, flag.range.high],
        "source": flag.range.source,
    }


def _fiducials_part(beat: BeatFiducials, paced: Pacing) -> answer_types.Fiducials:
    """Return one beat; its class is paced if a ventricular spike precedes it, whatever its form."""
    has_ventricular_spikes = paced.chamber in ("ventricular", "dual")
    is_paced = has_ventricular_spikes and any(
        abs(beat.r - paced_s) < SAME_BEAT_S for paced_s in paced.ventricular_r_s
    )
    return {
        "r": round(beat.r, 4),
        "p_onset": _round_s(beat.p_onset),
        "p_offset": _round_s(beat.p_offset),
        "qrs_onset": _round_s(beat.qrs_onset),
        "qrs_offset": _round_s(beat.qrs_offset),
        "t_offset": _round_s(beat.t_offset),
        "class": "paced" if is_paced else beat.beat_class,
    }


def _round_s(time_s: float | None) -> float | None:
    """Round to a tenth of a millisecond."""
    return None if time_s is None else round(time_s, 4)


def _representative_beat_part(measured: Measurements) -> answer_types.RepresentativeBeat | None:
    beat = measured.representative
    if beat is None:
        return None
    return {
        "fs": beat.fs,
        "lead_names": list(LEADS),
        "data": beat.data.astype(np.float32),
        "r": round(beat.r, 4),
        "fiducials": {name: _round_s(time_s) for name, time_s in beat.fiducials.items()},
    }


def _axis_word(measured: Measurements, patient: Patient) -> AxisDeviation | None:
    if measured.qrs_axis_deg is None:
        return None
    return axis_deviation(measured.qrs_axis_deg, patient)


def _rhythm(measured: Measurements, paced: Pacing, pacemaker: float | None) -> Rhythm:
    """Return the rhythm by rules; a pacemaker rhythm if a pacemaker is present.

    pacemaker  its probability, None if it is not present. The form of the beats may show it without
               spikes.
    """
    by_rules = name_rhythm(measured, paced)
    if pacemaker is None or by_rules.word == PACEMAKER_LABEL:
        return by_rules
    findings = tuple(finding for finding in by_rules.findings if finding != "Sinus arrhythmia")
    return Rhythm(PACEMAKER_LABEL, pacemaker, findings)
