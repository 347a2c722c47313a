"""Measure one recording and arrange the measurements as parts of the answer of /analyze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import answer_types
from analysis.answer_types import NumberName
from analysis.few_leads import FewLeads, has_few_leads, read_few_leads
from analysis.matrix_part import MatrixPart, matrix_part, record_matrix
from analysis.matrix_types import MatrixRow
from analysis.neurokit.variability_types import HeartRateVariability
from analysis.pacing import NO_PACING, pacemaker_evidence, spikes_and_pacing
from analysis.plan import LABEL_PARTS
from heads.pacemaker import PACEMAKER_LABEL, PacemakerEvidence, shipped_head
from intervals.findings.finding import Finding
from intervals.findings.matrix_findings import matrix_findings
from intervals.findings.pauses import Pause, find_pauses, pause_warnings
from intervals.findings.recording import recording_findings
from intervals.irregularity import Irregularity, irregularity_of
from intervals.measure import measure_conditioned
from intervals.measurements import NUMBERS, BeatFiducials, Measurements
from intervals.reference_ranges import (
    AxisDeviation,
    Flag,
    axis_deviation,
    flags,
    is_child,
    reference_range,
)
from intervals.rhythm import Rhythm, name_rhythm, rate_word
from intervals.sampling_rate import fitting_rate, usual_rate
from signals.conditioned import condition
from signals.leads import LEADS, TwelveLeads
from signals.r_peaks import r_peaks_of
from signals.record import EcgRecord, Patient
from signals.spike_removal import remove_spikes
from signals.spikes import Pacing

# The parts of an answer that need measurements.
MEASURED_PARTS = frozenset(
    {
        "clinical_analysis",
        "findings",
        "measurements",
        "fiducials",
        "representative_beat",
        "matrix",
        "pacemaker",
    }
)
# Those that need the matrix of the leads.
MATRIX_PARTS = frozenset({"clinical_analysis", "findings", "matrix"})
# Largest distance in seconds between two R peaks of one beat: that which was found before spikes
# were removed, and that which was found after.
MAX_R_SHIFT_S = 0.15


@dataclass(frozen=True)
class MeasuredRecord:
    """What was measured on one recording, as plain values that are sent between processes.

    A part that could not be measured is None.

    measurements         the numbers, rounded to tenths
    by_neurokit          the same by NeuroKit2, if it was asked for
    hrv                  heart rate variability, if it was asked for
    fiducials            one entry for each beat
    representative_beat  the mean of the aligned beats, with its fiducials
    matrix               the amplitudes of each lead; None also if not asked for
    matrix_warnings      "matrix: sentence"
    axis_deviation       of the QRS axis
    rhythm               by rules; a pacemaker's rhythm if a pacemaker is present
    findings             what the signal shows beside the rhythm
    irregularity         of the beats; None with too few of them
    p_present            the probability that P waves precede the QRS complexes
    rate_word            Bradycardia or Tachycardia, of an adult
    pacemaker            the evidence without an encoder's label
    few_leads            of the one-lead model; None with more leads, or if not needed
    unmeasured           a clause: why there are no beats to measure; None if there are
    rate_warning         that the beats fit another sampling rate than the stated one
    warnings             "field: sentence", about the measurements
    """

    measurements: answer_types.Measurements | None = None
    by_neurokit: answer_types.Measurements | None = None
    hrv: HeartRateVariability | None = None
    fiducials: list[answer_types.Fiducials] | None = None
    representative_beat: answer_types.RepresentativeBeat | None = None
    matrix: dict[str, MatrixRow] | None = None
    matrix_warnings: tuple[str, ...] = ()
    axis_deviation: AxisDeviation | None = None
    rhythm: Rhythm | None = None
    findings: tuple[Finding, ...] = ()
    irregularity: Irregularity | None = None
    p_present: float | None = None
    rate_word: str | None = None
    pacemaker: PacemakerEvidence | None = None
    few_leads: FewLeads | None = None
    unmeasured: str | None = None
    rate_warning: str | None = None
    warnings: tuple[str, ...] = ()

    def number(self, name: NumberName) -> float | None:
        """Return one of the measurements, None if it could not be measured."""
        value = None if self.measurements is None else self.measurements[name]
        return None if value is None else float(value)


def measure_record(
    record: EcgRecord, leads: TwelveLeads, include: frozenset[str] = frozenset()
) -> MeasuredRecord:
    """Measure a recording. All parts share one filtered signal and its R peaks.

    The matrix and the labels of few leads are made for those parts of `include` that need them.

    The evidence of a pacemaker is measured first, with the spikes in the signal, as the pacemaker
    head was trained. If a pacemaker is present, the recording is measured again as a paced one and
    without its spikes: a paced beat has no P wave, and its QRS does not begin at the spike.
    """
    conditioned = condition(leads.signal, record.fs)
    r_peaks_s = r_peaks_of(conditioned)
    spikes, pacing = spikes_and_pacing(record, leads, r_peaks_s)
    right = leads.right_limb_leads
    measurements = measure_conditioned(
        conditioned, r_peaks_s, right_limb_leads=right, millivolts=leads.millivolts
    )
    head = shipped_head()
    pacemaker = pacemaker_evidence(record, leads, spikes, pacing, measurements, head)
    probability = head.probability(pacemaker)
    if probability is not None and head.present(probability):
        if pacing.chamber is not None:
            signal = remove_spikes(leads.signal, record.fs, spikes, r_peaks_s)
            conditioned = condition(signal, record.fs)
            r_peaks_s = r_peaks_of(conditioned)
        measurements = measure_conditioned(
            conditioned, r_peaks_s, right_limb_leads=right, millivolts=leads.millivolts, paced=True
        )
    else:
        pacing, probability = NO_PACING, None
    if measurements.unmeasured is not None:
        # Spikes pace nothing where there is no beat.
        pacing, probability = NO_PACING, None
    age_years = record.patient.age_years
    rhythm = _rhythm(measurements, pacing, probability, age_years)
    pauses = find_pauses(conditioned, np.array([beat.r for beat in measurements.fiducials]))
    needs_matrix = not include.isdisjoint(MATRIX_PARTS)
    matrix = record_matrix(record, leads, conditioned, measurements) if needs_matrix else None
    part = matrix_part(record, leads, matrix) if "matrix" in include else MatrixPart()
    paced, doubtful = probability is not None, leads.doubtful_limb_leads
    of_matrix = matrix_findings(matrix, measurements, record.patient, paced, doubtful)
    return MeasuredRecord(
        measurements=measurements_part(measurements, record.patient),
        fiducials=[_fiducials_part(beat, pacing) for beat in measurements.fiducials] or None,
        representative_beat=_representative_beat_part(measurements),
        matrix=part.rows,
        matrix_warnings=part.warnings,
        axis_deviation=_axis_deviation(measurements, record.patient),
        rhythm=rhythm,
        findings=(*recording_findings(measurements, rhythm, pauses, age_years), *of_matrix),
        irregularity=irregularity_of(measurements),
        p_present=measurements.p_present,
        rate_word=rate_word(measurements, age_years),
        pacemaker=pacemaker,
        few_leads=_few_leads(record, leads, r_peaks_s, include),
        unmeasured=measurements.unmeasured,
        rate_warning=_rate_warning(record, leads, measurements),
        warnings=(*_pause_warnings(record, measurements, pauses), *measurements.warnings),
    )


def _few_leads(
    record: EcgRecord, leads: TwelveLeads, r_peaks_s: NDArray[np.float64], include: frozenset[str]
) -> FewLeads | None:
    """Return the one-lead model's answer, None with more leads, or if no part needs it."""
    if include.isdisjoint(LABEL_PARTS) or not has_few_leads(leads):
        return None
    return read_few_leads(leads, record.fs, r_peaks_s)


def _pause_warnings(
    record: EcgRecord, measurements: Measurements, pauses: tuple[Pause, ...]
) -> tuple[str, ...]:
    rate = measurements.heart_rate_bpm
    return pause_warnings(pauses, rate, measurements.beats, record.duration_s)


def rate_warning_without_beats(fs: float, leads: TwelveLeads) -> str | None:
    """Return that a recording without beats at `fs` Hz has beats at another rate; None if not."""
    found = fitting_rate(leads, fs)
    if found is None:
        return None
    return (
        f"fs: the beats do not fit {fs:g} Hz, at which the QRS complexes would last "
        f"{found.qrs_ms * found.fs / fs:.0f} ms; they fit {found.fs:g} Hz: QRS "
        f"{found.qrs_ms:.0f} ms, {found.heart_rate_bpm:.0f} per minute; check fs"
    )


def _rate_warning(record: EcgRecord, leads: TwelveLeads, measurements: Measurements) -> str | None:
    """Return that the beats fit another sampling rate; None if they fit the stated one."""
    if measurements.unmeasured is not None:
        return rate_warning_without_beats(record.fs, leads)
    heart_rate = measurements.heart_rate_bpm
    # A child's rate is usual where an adult's is not.
    if heart_rate is None or is_child(record.patient.age_years):
        return None
    found = usual_rate(leads, record.fs, heart_rate)
    if found is None:
        return None
    return (
        f"fs: {heart_rate:.0f} per minute at {record.fs:g} Hz; at {found.fs:g} Hz the same beats "
        f"would have a usual rate ({found.heart_rate_bpm:.0f} per minute), PR and QRS "
        f"({found.qrs_ms:.0f} ms); check fs"
    )


def measurements_part(measurements: Measurements, patient: Patient) -> answer_types.Measurements:
    """Return the part `measurements` of /analyze, rounded to one decimal, with its flags."""
    # The rounded values are compared with the reference ranges, so that no value is flagged because
    # of a decimal that the answer does not show.
    rounded = {name: _round_tenths(getattr(measurements, name)) for name in NUMBERS}
    uncertainties: dict[str, float | None] = {
        name: _round_tenths(value) for name, value in measurements.uncertainty_ms.items()
    }
    return {
        "method": "delineator",
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
        "beats": measurements.beats,
        "ectopic_beats": measurements.ectopic_beats,
        "flags": [_flag_part(flag) for flag in flags(rounded, patient)],
        "reference_ranges": _reference_ranges_part(patient),
    }


def _reference_ranges_part(patient: Patient) -> dict[str, answer_types.ReferenceRange]:
    """Return the ranges of all measurements that have one for this patient."""
    ranges = {name: reference_range(name, patient) for name in NUMBERS}
    return {
        name: {"low": found.low, "high": found.high, "source": found.source}
        for name, found in ranges.items()
        if found is not None
    }


def _round_tenths(value: float | None) -> float | None:
    """Round to one decimal; None stays None."""
    return None if value is None else round(value, 1)


def _flag_part(flag: Flag) -> answer_types.Flag:
    return {
        "name": flag.name,
        "value": flag.value,
        "range": [flag.range.low, flag.range.high],
        "source": flag.range.source,
    }


def _fiducials_part(beat: BeatFiducials, pacing: Pacing) -> answer_types.Fiducials:
    """Return one beat as an entry of the part `fiducials`, times in seconds.

    Its class is "paced" if a ventricular spike precedes it, whatever its morphology.
    """
    has_ventricular_spikes = pacing.chamber in ("ventricular", "dual")
    is_paced = has_ventricular_spikes and any(
        abs(beat.r - paced_s) < MAX_R_SHIFT_S for paced_s in pacing.ventricular_r_s
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
    """Round a time in seconds to a tenth of a millisecond; None stays None."""
    return None if time_s is None else round(time_s, 4)


def _representative_beat_part(measurements: Measurements) -> answer_types.RepresentativeBeat | None:
    """Return the part `representative_beat`, None if there is no such beat.

    `data` is (12, 360) in mV, times are in seconds from its start.
    """
    beat = measurements.representative
    if beat is None:
        return None
    return {
        "fs": beat.fs,
        "lead_names": list(LEADS),
        "data": beat.data.astype(np.float32),
        "r": round(beat.r, 4),
        "fiducials": {name: _round_s(time_s) for name, time_s in beat.fiducials.items()},
    }


def _axis_deviation(measurements: Measurements, patient: Patient) -> AxisDeviation | None:
    """Return the deviation of the QRS axis, None if there is no axis."""
    if measurements.qrs_axis_deg is None:
        return None
    return axis_deviation(measurements.qrs_axis_deg, patient)


def _rhythm(
    measurements: Measurements,
    pacing: Pacing,
    pacemaker_probability: float | None,
    age_years: float | None,
) -> Rhythm:
    """Return the rhythm by rules, or a pacemaker's rhythm if a pacemaker is present.

    The morphology of the beats may show a pacemaker without spikes. `name_rhythm` does not know it.

    pacemaker_probability  None if no pacemaker is present
    """
    by_rules = name_rhythm(measurements, pacing, age_years)
    if pacemaker_probability is None or by_rules.name == PACEMAKER_LABEL:
        return by_rules
    return Rhythm(PACEMAKER_LABEL, pacemaker_probability)
