"""NeuroKit2's measurements: each lead by itself, and their median over the leads.

A lead is cleaned (`ecg_clean`), its R peaks are found (`ecg_peaks`) and its waves delineated
(`ecg_delineate` by discrete wavelets), all with NeuroKit2's defaults. An interval is the median
over the lead's beats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.formulas import variability_ms
from intervals.neurokit.loading import NEUROKIT_ERRORS, load, quiet
from signals.conditioned import RATE_HZ, resample_to_500_hz
from signals.gaps import fill_short_gaps, find_gaps
from signals.leads import LEADS, TwelveLeads

# Interval -> NeuroKit2's lists with its start and its end in each beat.
BOUNDARIES: Final = {
    "pr_ms": ("ECG_P_Onsets", "ECG_R_Onsets"),
    "p_duration_ms": ("ECG_P_Onsets", "ECG_P_Offsets"),
    "qrs_ms": ("ECG_R_Onsets", "ECG_R_Offsets"),
    "qt_ms": ("ECG_R_Onsets", "ECG_T_Offsets"),
}
# 12 leads of 60 s take about 2 s of CPU time; a lead of 10 min alone takes that.
MAX_MEASURED_S: Final = 60.0

Values = dict[str, float]
"""Field of `measurements`, or `beats` -> value; NaN for what a lead does not show."""


@dataclass(frozen=True)
class LeadsMeasured:
    """What NeuroKit2 measures on the leads of one recording.

    values     the median over the leads that give a value; a field that no lead gives is absent
    measured   leads on which NeuroKit2 found beats, in the order of LEADS
    failed     lead -> name of the error that NeuroKit2 raised, in the order of LEADS
    shortened  lead -> (start, stop) in seconds: the part that was measured, if it is not all of it
    """

    values: Values
    measured: tuple[str, ...]
    failed: Mapping[str, str]
    shortened: Mapping[str, tuple[float, float]]


def measure_leads(leads: TwelveLeads, fs: float) -> LeadsMeasured:
    """Measure every lead that is present, at 500 Hz; of a lead with gaps, its longest part."""
    by_lead: dict[str, Values] = {}
    failed: dict[str, str] = {}
    shortened: dict[str, tuple[float, float]] = {}
    filled, missing = fill_short_gaps(leads.signal.astype(np.float64), fs)
    for row, lead in enumerate(LEADS):
        if not leads.present[row]:
            continue
        start, stop = _longest_part(missing[row])
        stop = min(stop, start + round(MAX_MEASURED_S * fs))
        if (start, stop) != (0, missing.shape[1]):
            shortened[lead] = (start / fs, stop / fs)
        part = filled[row, start:stop].astype(np.float32)[None]
        try:
            by_lead[lead] = lead_values(resample_to_500_hz(part, fs)[0])
        except NEUROKIT_ERRORS as error:
            failed[lead] = type(error).__name__
    return LeadsMeasured(_medians(list(by_lead.values())), tuple(by_lead), failed, shortened)


def lead_values(signal: NDArray[np.floating], method: str = "dwt") -> Values:
    """Return the measurements of one lead (samples,) at 500 Hz without gaps.

    method  of `ecg_delineate`
    Raises NEUROKIT_ERRORS, or any of them that NeuroKit2 raises where it finds too little.
    """
    neurokit2 = load()
    rate = round(RATE_HZ)
    with quiet():
        cleaned = neurokit2.ecg_clean(signal.astype(np.float64), sampling_rate=rate)
        peaks = neurokit2.ecg_peaks(cleaned, sampling_rate=rate)[1]["ECG_R_Peaks"]
        _, waves = neurokit2.ecg_delineate(cleaned, peaks, sampling_rate=rate, method=method)
    rr_ms = np.diff(np.asarray(peaks, np.float64)) * 1000.0 / RATE_HZ
    if rr_ms.size == 0:
        raise ValueError("fewer than two R peaks")
    median_rr_ms = float(np.median(rr_ms))
    sdnn, rmssd = variability_ms(rr_ms, np.ones(rr_ms.size, np.bool_))
    values = {
        "heart_rate_bpm": 60000.0 / median_rr_ms,
        "rr_ms": median_rr_ms,
        "sdnn_ms": np.nan if sdnn is None else sdnn,
        "rmssd_ms": np.nan if rmssd is None else rmssd,
        "beats": float(len(peaks)),
    }
    for name, (start, stop) in BOUNDARIES.items():
        values[name] = _interval_ms(waves, start, stop)
    return values


def _interval_ms(waves: Mapping[str, Any], start: str, stop: str) -> float:
    """Return the median over beats; NaN without a beat that has both ends."""
    starts = np.asarray(waves.get(start, []), np.float64)
    stops = np.asarray(waves.get(stop, []), np.float64)
    # NeuroKit2 drops a boundary at sample 0 from its list.
    if starts.size != stops.size:
        return float("nan")
    lengths = stops - starts
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) * 1000.0 / RATE_HZ if lengths.size else float("nan")


def _medians(leads: Sequence[Values]) -> Values:
    """Return each field's median over the leads that give it."""
    medians: Values = {}
    for name in dict.fromkeys(name for values in leads for name in values):
        given = [values[name] for values in leads if np.isfinite(values[name])]
        if given:
            medians[name] = float(np.median(given))
    return medians


def _longest_part(missing: NDArray[np.bool_]) -> tuple[int, int]:
    """Return (start, stop) of the longest run of samples (samples,) that are not missing."""
    runs = find_gaps(~missing[None])
    if runs.samples.size == 0:
        return 0, 0
    longest = int(runs.samples.argmax())
    return int(runs.start[longest]), int(runs.stop[longest])
