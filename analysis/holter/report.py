"""The report of a long recording: everything that is measured, from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.holter.ectopy import Ectopy, supraventricular, ventricular
from analysis.holter.fibrillation import Fibrillation, fibrillation_of
from analysis.holter.rates import Rates, no_signal_s, noise_s, rates_of
from analysis.holter.rhythm import Rhythm
from analysis.holter.st import LeadTrend, trends_of
from analysis.holter.strips import Moment, Strip, moments_of
from analysis.holter.variability import Variability, variability_of
from analysis.holter.waves import Waves


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    start       ISO 8601 by the recorder's clock; None if the file does not state it
    low_cut_hz  of each lead's high-pass, as the file states it; empty if it states none
    warnings    of the reader: "field: sentence"
    """

    duration_s: float
    fs: float
    leads: tuple[str, ...]
    start: str | None = None
    age_years: float | None = None
    sex: str | None = None
    low_cut_hz: tuple[float | None, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class HolterReport:
    """The whole report.

    no_signal_s   time without a signal in any lead
    noise_s       time in which the signal was noise
    analysed_s    the rest
    not_measured  path of a value that is None -> the key of the reason
    """

    recording: Recording
    analysed_s: float
    no_signal_s: float
    noise_s: float
    rates: Rates
    ventricular: Ectopy
    supraventricular: Ectopy
    fibrillation: Fibrillation
    variability: Variability
    st: tuple[LeadTrend, ...]
    strips: tuple[Strip, ...] = ()
    not_measured: Mapping[str, str] = field(default_factory=dict)

    def moments(self) -> tuple[Moment, ...]:
        """Return what strips are to show."""
        return moments_of(self.rates, self.ventricular, self.supraventricular, self.fibrillation)


def report_of(recording: Recording, rhythm: Rhythm, waves: Sequence[Waves]) -> HolterReport:
    """Return the report of a recording, without strips.

    waves  of every segment of five minutes, by time
    """
    lost_s, noisy_s = no_signal_s(rhythm), noise_s(rhythm)
    rates = rates_of(rhythm)
    analysed_s = rates.whole.analysed_s
    fibrillation = fibrillation_of(rhythm, analysed_s)
    peak_s = np.concatenate([each.peak_s for each in waves]) if waves else rhythm.beat_s
    variability = variability_of(rhythm, peak_s)
    st = trends_of(waves, recording.leads, recording.low_cut_hz)
    return HolterReport(
        recording,
        analysed_s,
        lost_s,
        noisy_s,
        rates,
        ventricular(rhythm),
        supraventricular(rhythm),
        fibrillation,
        variability,
        st,
        not_measured=_reasons(rates, fibrillation, variability, st),
    )


def _reasons(
    rates: Rates, fibrillation: Fibrillation, variability: Variability, st: Sequence[LeadTrend]
) -> dict[str, str]:
    reasons = {}
    if rates.whole.mean_per_min is None:
        reasons["rates.mean_per_min"] = "few_beats"
    if rates.whole.slowest is None:
        reasons["rates.slowest"] = reasons["rates.fastest"] = "few_beats"
    if rates.longest_interval is None:
        reasons["rates.longest_interval"] = "few_beats"
    if fibrillation.burden is None:
        reasons["atrial_fibrillation.burden"] = "no_signal"
    if variability.reason is not None:
        for name in ("sdnn_ms", "sdann_ms", "sdnn_index_ms"):
            reasons[f"variability.{name}"] = variability.reason
    for trend in st:
        if trend.reason is not None:
            reasons[f"st.{trend.lead}"] = trend.reason
    return reasons
