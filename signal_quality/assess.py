"""Judge the signal quality of a recording and of its leads, with advice on what would improve it.

Rules detect faults such as flat or missing leads (`findings.py`), measurements detect noise
(`noise.py`), a regression detects electrodes that may be exchanged (`placement.py`), and a trained
model gives the probability that the whole recording can be read (`model.py`). `words.py` turns the
results into the words Unreadable, Poor, Acceptable, Good and Excellent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.calibration import Pulse, find_pulse
from signal_quality.findings import findings_by_lead, missing_lead_findings
from signal_quality.model import shipped_model
from signal_quality.noise import Noise, are_excellent, measure_noise, noise_findings
from signal_quality.placement import placement_findings
from signal_quality.quality import Finding, LeadQuality, Quality
from signal_quality.windows import Window, measure_windows, scale_to_usual_height
from signal_quality.words import joint_word, lead_word, recommendation, record_word
from signals.leads import LEADS, TwelveLeads, twelve_leads
from signals.record import EcgRecord

UNITS_UNKNOWN: Final = (
    "signal_quality: the units are unknown; limits in mV are not applied, Good is the best possible"
    " word, and probability_readable assumes QRS complexes of the usual height"
)
NO_PROBABILITY: Final = "probability_readable: null, because no lead has enough samples"

# Time before and after a calibration pulse that is left out with it, because of the pulse's edges.
PULSE_MARGIN_S: Final = 0.1


@dataclass(frozen=True, eq=False)
class _MeasuredLeads:
    """Measurements of the leads that are present, without the calibration pulse.

    names    the leads, in standard order
    windows  the measurements of each window of the recording; empty if no lead has enough samples
    """

    names: tuple[str, ...]
    windows: list[Window]


def assess(record: EcgRecord) -> Quality:
    """Return the signal quality of a record.

    The record may be flat, have one lead, or have only missing samples.
    """
    leads = twelve_leads(record)
    return assess_leads(record, leads, find_calibration_pulse(record, leads))


def find_calibration_pulse(record: EcgRecord, leads: TwelveLeads) -> Pulse:
    """Return the start and end of the calibration pulse in seconds; None if there is none.

    A pulse is recognised by its height in mV, so the result is None if the units are unknown.
    """
    if record.units != "mV":
        return None
    return find_pulse(leads, record.fs)


def assess_leads(record: EcgRecord, leads: TwelveLeads, pulse: Pulse) -> Quality:
    """Return the signal quality of a record.

    leads  `twelve_leads` of the record
    pulse  `find_calibration_pulse` of the record
    """
    measured = _measure(record, leads, pulse)
    lead_qualities = _judge_leads(record, leads, measured)
    record_findings = [
        *missing_lead_findings(record, leads),
        *_pulse_findings(pulse),
        *placement_findings(measured.windows, measured.names),
    ]
    lead_findings = [finding for quality in lead_qualities.values() for finding in quality.findings]
    word = record_word([quality.word for quality in lead_qualities.values()])
    readable = False
    probability = _probability(measured.windows)
    if probability is not None:
        threshold = shipped_model().threshold
        readable = word != "Unreadable" and probability >= threshold
        word = joint_word(word, probability, threshold)
    return Quality(
        signal_quality=word,
        readable=readable,
        probability_readable=probability,
        leads=lead_qualities,
        findings=(*lead_findings, *record_findings),
        recommendation=recommendation(word, lead_qualities, record_findings),
        warnings=_warnings(record, probability),
    )


def _measure(record: EcgRecord, leads: TwelveLeads, pulse: Pulse) -> _MeasuredLeads:
    """Return the measurements of the leads that are present."""
    rows = np.flatnonzero(leads.present)
    names = tuple(LEADS[row] for row in rows)
    if not names:
        return _MeasuredLeads(names, [])
    # No copy if all leads are present.
    signal = leads.signal if len(rows) == len(LEADS) else leads.signal[rows]
    signal = _without_pulse(signal, record.fs, pulse)
    if record.units == "unknown":
        signal = scale_to_usual_height(signal, record.fs, shipped_model().usual_height_mv)
    return _MeasuredLeads(names, measure_windows(signal, record.fs, names))


def _without_pulse(signal: NDArray[np.float32], fs: float, pulse: Pulse) -> NDArray[np.float32]:
    """Return the part of a signal before or after a calibration pulse, whichever is longer.

    The whole signal is returned if there is no pulse, or if neither part lasts a second.

    signal  (leads, samples); the result has the same leads
    """
    if pulse is None:
        return signal
    start_s, end_s = pulse
    stop = max(round((start_s - PULSE_MARGIN_S) * fs), 0)
    start = round((end_s + PULSE_MARGIN_S) * fs)
    before = signal[:, :stop]
    after = signal[:, start:]
    longer = before if before.shape[1] >= after.shape[1] else after
    return longer if longer.shape[1] >= fs else signal


def _judge_leads(
    record: EcgRecord, leads: TwelveLeads, measured: _MeasuredLeads
) -> dict[str, LeadQuality]:
    """Return the word and the findings of every lead that was sent, in standard order."""
    noisy: dict[str, list[Finding]] = {}
    excellent: set[str] = set()
    if measured.windows:
        noise = measure_noise(measured.windows)
        noisy = noise_findings(noise, measured.names, record.units == "mV")
        excellent = _excellent_leads(record, measured.names, noise)
    qualities = {}
    for lead, findings in findings_by_lead(record, leads).items():
        # Findings about noise are left out for a lead that is flat or mostly missing.
        is_silent = any(finding.code in ("flat_line", "mostly_missing") for finding in findings)
        if not is_silent:
            findings = (*findings, *noisy.get(lead, ()))
        word = lead_word(findings, record.duration_s, lead in excellent)
        qualities[lead] = LeadQuality(word, findings)
    return qualities


def _excellent_leads(record: EcgRecord, names: Sequence[str], noise: Noise) -> set[str]:
    """Return the leads whose word may be Excellent; none unless the units are mV."""
    if record.units != "mV":
        return set()
    return {
        lead for lead, is_excellent in zip(names, are_excellent(noise), strict=True) if is_excellent
    }


def _pulse_findings(pulse: Pulse) -> list[Finding]:
    """Return one finding about the calibration pulse, or none if there is no pulse."""
    if pulse is None:
        return []
    start_s, _ = pulse
    advice = (
        f"The recording contains a calibration pulse at {start_s:.1f} s;"
        " it is not judged and does not count as a beat."
    )
    return [Finding("calibration_pulse", None, start_s, None, advice)]


def _probability(windows: Sequence[Window]) -> float | None:
    """Return the probability that the recording can be read; None if there are no windows.

    It is the mean over windows: ten minutes with one bad window can mostly be read.
    """
    if not windows:
        return None
    rows = np.stack([window.record_features for window in windows])
    return float(shipped_model().probability(rows).mean())


def _warnings(record: EcgRecord, probability: float | None) -> tuple[str, ...]:
    """Return the warnings for unknown units and for a missing probability."""
    warnings = []
    if record.units == "unknown":
        warnings.append(UNITS_UNKNOWN)
    if probability is None:
        warnings.append(NO_PROBABILITY)
    return tuple(warnings)
