"""The report of a long recording: everything that is measured, from arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.holter.ectopy import Ectopy, supraventricular, ventricular
from analysis.holter.fibrillation import Fibrillation, fibrillation_of
from analysis.holter.rates import Rates, no_signal_s, noise_s, rates_of
from analysis.holter.rhythm import Rhythm


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    start     ISO 8601 by the recorder's clock; None if the file does not state it
    warnings  of the reader: "field: sentence"
    """

    duration_s: float
    fs: float
    leads: tuple[str, ...]
    start: str | None = None
    age_years: float | None = None
    sex: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class HolterReport:
    """The whole report.

    no_signal_s   time without a signal in any lead
    noise_s       time in which the signal was noise
    analysed_s    the rest
    not_measured  path of a value that is None -> why: "rates.mean"
    """

    recording: Recording
    analysed_s: float
    no_signal_s: float
    noise_s: float
    rates: Rates
    ventricular: Ectopy
    supraventricular: Ectopy
    fibrillation: Fibrillation
    not_measured: Mapping[str, str] = field(default_factory=dict)


def report_of(recording: Recording, rhythm: Rhythm) -> HolterReport:
    """Return the report of a recording."""
    lost_s, noisy_s = no_signal_s(rhythm), noise_s(rhythm)
    rates = rates_of(rhythm)
    analysed_s = rates.whole.analysed_s
    fibrillation = fibrillation_of(rhythm, analysed_s)
    return HolterReport(
        recording,
        analysed_s,
        lost_s,
        noisy_s,
        rates,
        ventricular(rhythm),
        supraventricular(rhythm),
        fibrillation,
        _reasons(rates, fibrillation),
    )


def _reasons(rates: Rates, fibrillation: Fibrillation) -> dict[str, str]:
    reasons = {}
    if rates.whole.mean_per_min is None:
        reasons["rates.mean_per_min"] = "fewer than two beats in a row"
    if rates.whole.slowest is None:
        reasons["rates.slowest"] = reasons["rates.fastest"] = "fewer than nine beats in a row"
    if rates.longest_interval is None:
        reasons["rates.longest_interval"] = "fewer than two beats in a row"
    if fibrillation.burden is None:
        reasons["atrial_fibrillation.burden"] = "no time could be analysed"
    return reasons
