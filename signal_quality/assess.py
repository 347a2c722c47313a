"""Can this recording be read, lead by lead, and if not, what would help.

Rules find what is certain (`findings.py`), measurements what is noise (`noise.py`), regressions what may be exchanged
(`placement.py`), and a trained model how likely the whole can be read (`model.py`); `words.py` says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality import findings as rules
from signal_quality.calibration import Pulse, find_pulse
from signal_quality.model import shipped
from signal_quality.noise import are_excellent, measure_noise, noise_findings
from signal_quality.placement import placement_findings
from signal_quality.quality import Finding, LeadQuality, Quality
from signal_quality.windows import Window, measure_windows, to_usual_height
from signal_quality.words import joint_word, lead_word, recommendation, record_word
from signals.leads import LEADS, TwelveLeads, twelve_leads
from signals.record import EcgRecord

UNITS_UNKNOWN: Final = (
    "signal_quality: units unknown; limits in mV are not judged, Good is the best word, and probability_readable takes the QRS "
    "complexes to be as tall as usual"
)
NO_PROBABILITY: Final = "probability_readable: null, there is no sample to judge"


@dataclass(frozen=True, eq=False)
class _Measured:
    """The leads that are sent or derived, in standard order, without a calibration pulse."""

    names: tuple[str, ...]
    windows: list[Window]
    pulse: Pulse


def assess(record: EcgRecord) -> Quality:
    """Judge anything that has the form of a record: flat, one lead, NaN throughout."""
    leads = twelve_leads(record)
    return assess_leads(record, leads, find_calibration_pulse(record, leads))


def find_calibration_pulse(record: EcgRecord, leads: TwelveLeads) -> Pulse:
    """The calibration pulse, which is known by its height in mV."""
    return find_pulse(leads, record.fs) if record.units == "mV" else None


def assess_leads(record: EcgRecord, leads: TwelveLeads, pulse: Pulse) -> Quality:
    """The same with its twelve leads and its calibration pulse, for who has them already."""
    measured = _measure(record, leads, pulse)
    judged = _judge_leads(record, leads, measured)
    of_record = [
        *rules.missing_leads(record, leads),
        *_pulse_findings(measured.pulse),
        *placement_findings(measured.windows, measured.names),
    ]
    probability = _probability(measured.windows)
    word = record_word([one.word for one in judged.values()])
    readable = (
        word != "Unreadable" and probability is not None and probability >= shipped().threshold
    )
    if probability is not None:
        word = joint_word(word, probability, shipped().threshold)
    return Quality(
        signal_quality=word,
        readable=readable,
        probability_readable=probability,
        leads=judged,
        findings=(*(finding for one in judged.values() for finding in one.findings), *of_record),
        recommendation=recommendation(word, judged, of_record),
        warnings=_warnings(record, probability),
    )


def _measure(record: EcgRecord, leads: TwelveLeads, pulse: Pulse) -> _Measured:
    names = tuple(lead for lead, there in zip(LEADS, leads.present, strict=True) if there)
    rows = [LEADS.index(lead) for lead in names]
    signal = _without(
        leads.signal if len(rows) == len(LEADS) else leads.signal[rows], record.fs, pulse
    )
    if not names:
        return _Measured(names, [], pulse)
    if record.units == "unknown":
        signal = to_usual_height(signal, record.fs, shipped().usual_height_mv)
    return _Measured(names, measure_windows(signal, record.fs, names), pulse)


def _without(signal: NDArray[np.float32], fs: float, pulse: Pulse) -> NDArray[np.float32]:
    """The longer of what lies before and after a calibration pulse, with a tenth of a second for its edges."""
    if pulse is None:
        return signal
    before, after = (
        signal[:, : max(round((pulse[0] - 0.1) * fs), 0)],
        signal[:, round((pulse[1] + 0.1) * fs) :],
    )
    longer = before if before.shape[1] >= after.shape[1] else after
    return longer if longer.shape[1] >= fs else signal


def _judge_leads(
    record: EcgRecord, leads: TwelveLeads, measured: _Measured
) -> dict[str, LeadQuality]:
    """Every sent lead's word and findings; a lead that is flat or missing has no noise to speak of."""
    found = rules.by_lead(record, leads)
    if not measured.windows:
        return {
            lead: LeadQuality(lead_word(some, record.duration_s, False), some)
            for lead, some in found.items()
        }
    noise = measure_noise(measured.windows)
    noisy = noise_findings(noise, measured.names, record.units == "mV")
    excellent = {
        lead
        for lead, all_well in zip(measured.names, are_excellent(noise), strict=True)
        if all_well and record.units == "mV"
    }
    judged = {}
    for lead, some in found.items():
        silent = any(one.code in ("flat_line", "mostly_missing") for one in some)
        every = some if silent else (*some, *noisy.get(lead, ()))
        judged[lead] = LeadQuality(lead_word(every, record.duration_s, lead in excellent), every)
    return judged


def _pulse_findings(pulse: Pulse) -> list[Finding]:
    if pulse is None:
        return []
    advice = f"A calibration pulse lies in the recording at {pulse[0]:.1f} s; it is left out of the judgement, and no beat."
    return [Finding("calibration_pulse", None, pulse[0], None, advice)]


def _probability(windows: Sequence[Window]) -> float | None:
    """The mean over windows: of ten minutes with a bad one, most can be read."""
    if not windows:
        return None
    return float(shipped().probability(np.stack([window.of_record for window in windows])).mean())


def _warnings(record: EcgRecord, probability: float | None) -> tuple[str, ...]:
    return tuple(
        filter(
            None,
            (
                UNITS_UNKNOWN if record.units == "unknown" else "",
                NO_PROBABILITY if probability is None else "",
            ),
        )
    )
