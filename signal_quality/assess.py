"""Judge the signal quality of a recording and of its leads, with advice on what would improve it.

Rules detect faults such as flat or missing leads (`findings.py`), measurements detect noise
(`noise.py`), a regression detects electrodes that may be exchanged (`placement.py`), and a trained
model gives the probability that the whole recording can be read (`model.py`). `words.py` turns the
results into the words Unreadable, Poor, Acceptable, Good and Excellent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.by_page import assess_pages
from signal_quality.calibration import Uncalibrated, without_pulse
from signal_quality.findings import findings_by_lead, missing_lead_findings
from signal_quality.model import shipped_model
from signal_quality.noise import Noise, are_excellent, measure_noise, noise_findings
from signal_quality.placement import placement_findings
from signal_quality.quality import Finding, LeadQuality, Quality
from signal_quality.whole_recording import recording_quality
from signal_quality.windows import Window, measure_windows, scale_to_usual_height
from signal_quality.words import lead_word
from signals.calibration import Pulse
from signals.gaps import find_gaps, max_gap_samples
from signals.leads import LEADS, TwelveLeads
from signals.record import EcgRecord

UNITS_UNKNOWN: Final = (
    "signal_quality: the units are unknown; limits in mV are not applied, Good is the best possible"
    " word, and probability_readable assumes QRS complexes of the usual height"
)
NO_PROBABILITY: Final = "probability_readable: null, because no lead has enough samples"

# The shortest part between gaps of all leads that is judged: as the shortest recording, which
# contains at least one beat at 30 per minute and faster.
SHORTEST_PART_S: Final = 2.0


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
    return assess_leads(record, without_pulse(record))


def assess_leads(sent: EcgRecord, without: Uncalibrated) -> Quality:
    """Return the signal quality of a record.

    sent     the record as it was sent
    without  `without_pulse` of it
    """
    leads = without.leads
    if without.pages:
        return assess_pages(without.record, leads, without.pages, assess)
    measured = _measure(without)
    lead_qualities = _judge_leads(sent, leads, measured)
    record_findings = [
        *missing_lead_findings(sent, leads),
        *_pulse_findings(without.pulse),
        *placement_findings(measured.windows, measured.names),
    ]
    probability = _probability(measured.windows)
    without_flat_leads = None
    if leads.flat:
        without_flat_leads = probability
        probability = _probability(_measure(without, with_flat_leads=True).windows)
    return recording_quality(
        lead_qualities,
        record_findings,
        probability,
        _warnings(sent, probability),
        without_flat_leads=without_flat_leads,
    )


def _measure(without: Uncalibrated, *, with_flat_leads: bool = False) -> _MeasuredLeads:
    """Return the measurements of the leads that are present.

    with_flat_leads  also of those that are flat; the model was trained on recordings with flat
                     leads and counts them
    """
    record, leads = without.record, without.leads
    names = tuple(
        lead
        for lead, is_present in zip(LEADS, leads.present, strict=True)
        if is_present or (with_flat_leads and lead in leads.flat)
    )
    if not names:
        return _MeasuredLeads(names, [])
    # No copy if all leads are present.
    signal = leads.signal
    if not leads.present.all():
        signal = signal[[LEADS.index(lead) for lead in names]]
        for row, lead in enumerate(names):
            if lead in leads.flat:
                signal[row] = record.signal[record.lead_names.index(lead)]
    if record.units == "unknown":
        signal = scale_to_usual_height(signal, record.fs, shipped_model().usual_height_mv)
    windows: list[Window] = []
    for start, stop in _parts(signal, record.fs):
        for window in measure_windows(signal[:, start:stop], record.fs, names):
            windows.append(replace(window, start_s=window.start_s + start / record.fs))
    return _MeasuredLeads(names, windows)


def _parts(signal: NDArray[np.float32], fs: float) -> list[tuple[int, int]]:
    """Return the first and the last sample (exclusive) of the parts of a signal that are judged.

    A part lies between two long gaps of all leads and lasts at least SHORTEST_PART_S. Without such
    a part, the whole signal is one.

    signal  (leads, samples)
    """
    samples = signal.shape[1]
    missing = np.asarray(np.isnan(signal).all(axis=0), np.bool_)
    if not missing.any():
        return [(0, samples)]
    gaps = find_gaps(missing[np.newaxis])
    is_long = gaps.samples > max_gap_samples(fs)
    starts = [0, *gaps.stop[is_long].tolist()]
    stops = [*gaps.start[is_long].tolist(), samples]
    parts = [
        (start, stop)
        for start, stop in zip(starts, stops, strict=True)
        if stop - start >= SHORTEST_PART_S * fs
    ]
    return parts or [(0, samples)]


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
