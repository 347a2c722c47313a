"""LUDB as a user downloads it: signals, cardiologists' wave boundaries, global reference intervals.

Lobachevsky University Electrocardiography Database 1.0.1 (PhysioNet, doi 10.13026/eegm-h675;
Kalyakulina et al., IEEE Access 8:186181, 2020). The header gains are wrong (they rescale each lead
to about 1 mV): the stored integers are microvolts.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.leads import LEADS
from training.datasets.annotated import (
    FIDUCIALS,
    P_OFF,
    P_ON,
    P_PEAK,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    T_ON,
    AnnotatedRecord,
)

MIN_LEADS: Final = 6  # a QRS counts as annotated where at least this many leads have it
SAME_BEAT_S: Final = 0.15
P_BEFORE_S: Final = 0.5  # no P wave that peaks earlier than this before the R peak belongs to it
P_AFTER_LAST_S: Final = 0.05  # nor one that peaks sooner than this after the last R peak
T_AFTER_S: Final = 0.75  # no T wave that peaks later than this after the R peak belongs to it

_ONSET, _PEAK, _OFFSET = 0, 1, 2  # columns of a lead's waves
Waves = dict[str, NDArray[np.float64]]
"""One lead's annotations: {"p", "N", "t"} -> (waves, 3) seconds of onset, peak and offset."""


def read_ludb(folder: Path) -> list[AnnotatedRecord]:
    """Read every record of `folder`/data, with its row of `folder`/ludb.csv, in numerical order."""
    rows = {}
    with (folder / "ludb.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["ID"].strip()] = row
    data = folder / "data"
    names = [path.stem for path in data.glob("*.hea")]
    names.sort(key=int)
    return [_read(data / name, rows.get(name, {})) for name in names]


def has_no_pr(row: dict[str, str]) -> bool:
    """Return whether the diagnoses in a row of ludb.csv leave PR without a meaning."""
    rhythm = row.get("Rhythms") or ""
    conduction = row.get("Conduction abnormalities") or ""
    pacing = row.get("Cardiac pacing") or ""
    if pacing.strip():
        return True
    if re.search("fibrillation|flutter", rhythm, re.I):
        return True
    return bool(re.search(r"\biii degree", conduction, re.I))


def _is_regular(row: dict[str, str]) -> bool:
    """Return whether a row of ludb.csv has no pacing, fibrillation, flutter and extrasystoles."""
    pacing = row.get("Cardiac pacing") or ""
    extrasystoles = row.get("Extrasystolies") or ""
    rhythm = row.get("Rhythms") or ""
    if pacing.strip() or extrasystoles.strip():
        return False
    return re.search("fibrillation|flutter", rhythm, re.I) is None


def _read(path: Path, row: dict[str, str]) -> AnnotatedRecord:
    """Read one record and its annotations.

    path  without suffix
    row   of ludb.csv
    """
    import wfdb

    record = wfdb.rdrecord(str(path), physical=False)
    stored_leads = [name.lower() for name in record.sig_name]
    order = [stored_leads.index(lead.lower()) for lead in LEADS]
    microvolts = record.d_signal[:, order].T.astype(np.float64)
    signal = microvolts / 1000.0

    waves = []
    for lead in LEADS:
        annotation = wfdb.rdann(str(path), lead.lower())
        waves.append(_waves(annotation, record.fs))
    peaks = _beat_peaks([lead_waves["N"][:, _PEAK] for lead_waves in waves])
    marks = np.stack([_marks_of_lead(lead_waves, peaks) for lead_waves in waves], axis=1)
    return AnnotatedRecord(
        name=path.name,
        signal=signal,
        fs=float(record.fs),
        marks=marks,
        peaks=peaks,
        lead_two_peaks=waves[LEADS.index("II")]["N"][:, _PEAK],
        no_pr=has_no_pr(row),
        is_regular=_is_regular(row),
    )


def _waves(annotation: object, fs: float) -> Waves:
    """Return the waves of one lead's annotation; NaN for a bracket that is missing."""
    samples = getattr(annotation, "sample", [])
    symbols = getattr(annotation, "symbol", [])
    waves: dict[str, list[tuple[float, float, float]]] = {"p": [], "N": [], "t": []}
    last = len(symbols) - 1
    for index, symbol in enumerate(symbols):
        if symbol not in waves:
            continue
        onset_s = offset_s = np.nan
        if index > 0 and symbols[index - 1] == "(":
            onset_s = samples[index - 1] / fs
        if index < last and symbols[index + 1] == ")":
            offset_s = samples[index + 1] / fs
        peak_s = samples[index] / fs
        waves[symbol].append((onset_s, peak_s, offset_s))

    arrays = {}
    for symbol, rows in waves.items():
        arrays[symbol] = np.array(rows, np.float64).reshape(-1, 3)
    return arrays


def _beat_peaks(peaks_by_lead: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the median QRS peaks of the beats that at least six leads agree on.

    Peaks belong to one beat where no gap of more than half of SAME_BEAT_S separates them.
    """
    peaks = np.sort(np.concatenate(peaks_by_lead))
    if peaks.size == 0:
        return peaks
    starts_of_beats = np.flatnonzero(np.diff(peaks) > SAME_BEAT_S / 2) + 1
    beats = np.split(peaks, starts_of_beats)
    return np.array([np.median(beat) for beat in beats if beat.size >= MIN_LEADS])


def _marks_of_lead(waves: Waves, peaks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one lead's FIDUCIALS of each beat, (beats, 7) seconds.

    These are of its QRS at the beat, the last P before it, and the first T after it.
    """
    marks = np.full((peaks.size, len(FIDUCIALS)), np.nan)
    neighbours = np.concatenate([[-np.inf], peaks, [np.inf]])
    for beat, peak in enumerate(peaks):
        previous = neighbours[beat]
        following = neighbours[beat + 2]
        qrs = _peaking_between(waves["N"], peak - SAME_BEAT_S, peak + SAME_BEAT_S)
        p_from = max(peak - P_BEFORE_S, previous + P_AFTER_LAST_S)
        p = _peaking_between(waves["p"], p_from, peak)
        t_until = min(peak + T_AFTER_S, following)
        t = _peaking_between(waves["t"], peak, t_until)
        if len(qrs):
            marks[beat, [QRS_ON, QRS_OFF]] = qrs[0, [_ONSET, _OFFSET]]
        if len(p):
            marks[beat, [P_ON, P_PEAK, P_OFF]] = p[-1]
        if len(t):
            marks[beat, [T_ON, T_OFF]] = t[0, [_ONSET, _OFFSET]]
    return marks


def _peaking_between(
    waves: NDArray[np.float64], start_s: float, stop_s: float
) -> NDArray[np.float64]:
    """Return the waves, (waves, 3), that peak after the start and before the stop."""
    peaks = waves[:, _PEAK]
    return waves[(peaks > start_s) & (peaks < stop_s)]


@dataclass(frozen=True)
class Reference:
    """Global intervals of one record in ms and beats/min; NaN where there is none."""

    heart_rate: float
    pr_ms: float
    p_duration_ms: float
    qrs_ms: float
    qt_ms: float


def reference(record: AnnotatedRecord) -> Reference:
    """Return a record's intervals as LUDB's reference.csv has them.

    Medians over the dominant beats on each lead, then quartiles over leads: onsets are the 25th
    percentile of the leads' onsets, offsets the 75th of their offsets. Dominant beats have a QRS
    duration within 25 % or 20 ms of the median. Times are relative to the beat's median QRS onset
    over leads.
    """
    median_onsets = np.nanmedian(record.marks[:, :, QRS_ON], axis=1)
    relative_ms = (record.marks - median_onsets[:, None, None]) * 1000.0
    lead_durations = relative_ms[:, :, QRS_OFF] - relative_ms[:, :, QRS_ON]
    durations = np.nanmedian(lead_durations, axis=1)
    usual = float(np.nanmedian(durations))
    tolerance = max(0.25 * usual, 20.0)
    dominant = np.abs(durations - usual) <= tolerance
    lead_times = _nanmedian(relative_ms[dominant])

    with_p = np.isfinite(relative_ms[:, :, P_ON]).sum(axis=1) >= 1
    p_times = np.full_like(lead_times, np.nan)
    if not record.no_pr and with_p.mean() >= 0.5:
        p_times = _p_times(relative_ms[with_p])

    qrs_on = _quartile(lead_times[:, QRS_ON], 25)
    qrs_off = _quartile(lead_times[:, QRS_OFF], 75)
    p_on = _quartile(p_times[:, P_ON], 25)
    p_off = _quartile(p_times[:, P_OFF], 75)
    t_off = _quartile(lead_times[:, T_OFF], 75)
    rr_s = np.diff(record.lead_two_peaks)
    heart_rate = np.nan
    if rr_s.size:
        heart_rate = 60.0 / float(np.median(rr_s))
    return Reference(
        heart_rate=heart_rate,
        pr_ms=qrs_on - p_on,
        p_duration_ms=p_off - p_on,
        qrs_ms=qrs_off - qrs_on,
        qt_ms=t_off - qrs_on,
    )


def _p_times(relative_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(beats, 12, 7) -> (12, 7): P boundaries relative to the QRS onset.

    They are measured about each beat's own P peak, and placed at the median distance of that peak
    from the QRS onset.
    """
    peaks = np.nanmedian(relative_ms[:, :, P_PEAK], axis=1)
    about_peak = _nanmedian(relative_ms - peaks[:, None, None])
    return about_peak + float(np.median(peaks))


def _nanmedian(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(beats, leads, marks) -> (leads, marks); all-NaN columns give NaN without numpy's warning."""
    has_value = np.isfinite(values).any(axis=0)
    medians = np.nanmedian(np.where(has_value, values, 0.0), axis=0)
    return np.where(has_value, medians, np.nan)


def _quartile(values: NDArray[np.float64], percent: float) -> float:
    """Return a percentile of the finite values; NaN without any."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return float("nan")
    return float(np.percentile(finite, percent))
