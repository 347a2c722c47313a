"""LUDB as a user downloads it: signals, cardiologists' wave boundaries on each lead, and the global references made of them.

Lobachevsky University Electrocardiography Database 1.0.1 (PhysioNet, doi 10.13026/eegm-h675; Kalyakulina et al., IEEE Access
8:186181, 2020). The header gains are wrong (they re-scale each lead to about 1 mV): the stored integers are microvolts.
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

FIDUCIALS: Final = (
    "p_onset",
    "p_offset",
    "qrs_onset",
    "qrs_offset",
    "t_onset",
    "t_offset",
    "p_peak",
)
P_ON, P_OFF, QRS_ON, QRS_OFF, T_ON, T_OFF, P_PEAK = range(7)
MIN_LEADS: Final = 6  # a QRS counts as annotated where so many leads have it
SAME_BEAT_S: Final = 0.15
P_BEFORE_S: Final = 0.5  # no P wave belongs to a QRS that begins later than this after it
T_AFTER_S: Final = 0.75


@dataclass(frozen=True, eq=False)
class LudbRecord:
    """One recording with its annotations.

    signal   (12, samples) mV, leads as LEADS
    marks    (beats, 12, 7) seconds: FIDUCIALS of each annotated beat and lead, NaN where none is drawn
    peaks    (beats,) seconds: median QRS peak over leads
    no_pr    fibrillation, flutter, third-degree block or paced: P waves are not annotated, and PR has no meaning
    """

    name: str
    signal: NDArray[np.float64]
    fs: float
    marks: NDArray[np.float64]
    peaks: NDArray[np.float64]
    lead_two_peaks: NDArray[np.float64]
    no_pr: bool


def read_ludb(folder: Path) -> list[LudbRecord]:
    """Every record under `folder`/data that `folder`/ludb.csv describes, in the order of their numbers."""
    with (folder / "ludb.csv").open(newline="") as file:
        rows = {row["ID"].strip(): row for row in csv.DictReader(file)}
    names = sorted((path.stem for path in (folder / "data").glob("*.hea")), key=int)
    return [_read(folder / "data" / name, rows.get(name, {})) for name in names]


def has_no_pr(row: dict[str, str]) -> bool:
    """Whether the diagnoses in a row of ludb.csv leave PR without a meaning."""
    rhythm, conduction = row.get("Rhythms") or "", row.get("Conduction abnormalities") or ""
    paced = bool((row.get("Cardiac pacing") or "").strip())
    return (
        paced
        or bool(re.search("fibrillation|flutter", rhythm, re.I))
        or bool(re.search(r"\biii degree", conduction, re.I))
    )


def _read(path: Path, row: dict[str, str]) -> LudbRecord:
    import wfdb

    record = wfdb.rdrecord(str(path), physical=False)
    order = [[name.lower() for name in record.sig_name].index(lead.lower()) for lead in LEADS]
    signal = record.d_signal[:, order].T.astype(np.float64) / 1000.0
    waves = [_waves(wfdb.rdann(str(path), lead.lower()), record.fs) for lead in LEADS]
    peaks = _beat_peaks([wave["N"][:, 1] for wave in waves])
    marks = np.stack([_marks_of(wave, peaks) for wave in waves], axis=1)
    return LudbRecord(
        path.name, signal, float(record.fs), marks, peaks, waves[1]["N"][:, 1], has_no_pr(row)
    )


def _waves(annotation: object, fs: float) -> dict[str, NDArray[np.float64]]:
    """{"p", "N", "t"} -> (waves, 3) seconds of onset, peak and offset of one lead; NaN for a bracket that is missing."""
    samples, symbols = getattr(annotation, "sample", []), getattr(annotation, "symbol", [])
    found: dict[str, list[tuple[float, float, float]]] = {"p": [], "N": [], "t": []}
    for index, symbol in enumerate(symbols):
        if symbol in found:
            onset = samples[index - 1] / fs if index > 0 and symbols[index - 1] == "(" else np.nan
            offset = (
                samples[index + 1] / fs
                if index + 1 < len(symbols) and symbols[index + 1] == ")"
                else np.nan
            )
            found[symbol].append((onset, samples[index] / fs, offset))
    return {symbol: np.array(waves, np.float64).reshape(-1, 3) for symbol, waves in found.items()}


def _beat_peaks(by_lead: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The beats that at least six leads agree on: medians of QRS peaks within 150 ms of each other."""
    everything = np.sort(np.concatenate(by_lead))
    if everything.size == 0:
        return everything
    groups = np.split(everything, np.flatnonzero(np.diff(everything) > SAME_BEAT_S / 2) + 1)
    return np.array([np.median(group) for group in groups if group.size >= MIN_LEADS])


def _marks_of(
    waves: dict[str, NDArray[np.float64]], peaks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(beats, 7) seconds of one lead: its QRS at each beat, the last P before it, and the first T after it."""
    marks = np.full((peaks.size, len(FIDUCIALS)), np.nan)
    for beat, peak in enumerate(peaks):
        previous = peaks[beat - 1] if beat else -np.inf
        following = peaks[beat + 1] if beat + 1 < peaks.size else np.inf
        qrs = [wave for wave in waves["N"] if abs(wave[1] - peak) < SAME_BEAT_S]
        p = [
            wave for wave in waves["p"] if max(peak - P_BEFORE_S, previous + 0.05) < wave[1] < peak
        ]
        t = [wave for wave in waves["t"] if peak < wave[1] < min(peak + T_AFTER_S, following)]
        if qrs:
            marks[beat, [QRS_ON, QRS_OFF]] = qrs[0][0], qrs[0][2]
        if p:
            marks[beat, [P_ON, P_OFF, P_PEAK]] = p[-1][0], p[-1][2], p[-1][1]
        if t:
            marks[beat, [T_ON, T_OFF]] = t[0][0], t[0][2]
    return marks


@dataclass(frozen=True)
class Reference:
    """Global intervals of one record in ms and beats/min; NaN where there is none."""

    heart_rate: float
    pr_ms: float
    p_duration_ms: float
    qrs_ms: float
    qt_ms: float


def reference(record: LudbRecord) -> Reference:
    """As reference.csv makes them: medians over dominant beats on each lead, then the leads' quartiles.

    Onset = 25th percentile of the leads' onsets, offset = 75th of their offsets. Dominant: a QRS duration within 25 % or
    20 ms of the median. Times are relative to the beat's median QRS onset over leads.
    """
    zero = np.nanmedian(record.marks[:, :, QRS_ON], axis=1)
    relative = (record.marks - zero[:, None, None]) * 1000.0
    duration = np.nanmedian(relative[:, :, QRS_OFF] - relative[:, :, QRS_ON], axis=1)
    usual = float(np.nanmedian(duration))
    dominant = np.abs(duration - usual) <= max(0.25 * usual, 20.0)
    with_p = np.isfinite(relative[:, :, P_ON]).sum(axis=1) >= 1
    has_p = not record.no_pr and with_p.mean() >= 0.5
    lead_times = _nanmedian(relative[dominant])
    p_times = _p_times(relative[with_p]) if has_p else np.full_like(lead_times, np.nan)
    on, off = _quartile(lead_times[:, QRS_ON], 25), _quartile(lead_times[:, QRS_OFF], 75)
    p_on, p_off = _quartile(p_times[:, P_ON], 25), _quartile(p_times[:, P_OFF], 75)
    rr = np.diff(record.lead_two_peaks)
    rate = 60.0 / float(np.median(rr)) if rr.size else np.nan
    return Reference(
        rate, on - p_on, p_off - p_on, off - on, _quartile(lead_times[:, T_OFF], 75) - on
    )


def _p_times(relative: NDArray[np.float64]) -> NDArray[np.float64]:
    """(beats, 12, 7) -> (12, 7): boundaries of P about its own peak, laid at the median distance of P from the QRS onset."""
    peak = np.nanmedian(relative[:, :, P_PEAK], axis=1)
    return _nanmedian(relative - peak[:, None, None]) + float(np.median(peak))


def _nanmedian(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(beats, leads, marks) -> (leads, marks): a column of NaN alone stays NaN, without numpy's warning."""
    there = np.isfinite(values).any(axis=0)
    return np.where(there, np.nanmedian(np.where(there, values, 0.0), axis=0), np.nan)


def _quartile(values: NDArray[np.float64], percent: float) -> float:
    there = values[np.isfinite(values)]
    return float(np.percentile(there, percent)) if there.size else float("nan")
