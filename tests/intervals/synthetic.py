"""ECGs with known boundaries: each wave is a pulse of finite length on its own axis.

Onset and offset of each wave are then exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signals.leads import LEADS, TwelveLeads
from signals.record import EcgRecord

# Height of each wave in the leads (mV), rows as LEADS; the other limb leads follow from I and II.
_I_AND_II = {
    "p": (0.08, 0.13),
    "q": (-0.06, -0.08),
    "r": (0.6, 1.0),
    "s": (-0.1, -0.15),
    "t": (0.2, 0.3),
}
_CHEST = {
    "p": (0.06, 0.07, 0.07, 0.06, 0.06, 0.06),
    "q": (0.0, 0.0, 0.0, -0.06, -0.08, -0.08),
    "r": (0.25, 0.5, 0.9, 1.4, 1.3, 1.0),
    "s": (-0.9, -1.3, -0.8, -0.4, -0.2, -0.1),
    "t": (-0.08, 0.4, 0.45, 0.4, 0.35, 0.25),
}


@dataclass(frozen=True)
class Made:
    """The intervals of a synthetic ECG, ms, and its waves.

    t_ms     from T's onset to its offset
    t_scale  factor of T's height; T is as high as R in lead II at 3.3
    p, qrs, t  whether there are such waves
    """

    rr_ms: float = 850.0
    pr_ms: float = 160.0
    p_duration_ms: float = 104.0
    qrs_ms: float = 92.0
    qt_ms: float = 400.0
    t_ms: float = 170.0
    t_scale: float = 1.0
    p: bool = True
    qrs: bool = True
    t: bool = True


def synthetic(
    made: Made = Made(), fs: float = 500.0, seconds: float = 10.0, first_s: float = 0.6
) -> np.ndarray:
    """(12, samples) mV; QRS onsets at first_s, first_s + RR, ..."""
    return synthetic_at(np.arange(first_s, seconds, made.rr_ms / 1000.0), made, fs, seconds)


def synthetic_at(
    onsets_s: Sequence[float] | np.ndarray,
    made: Made = Made(),
    fs: float = 500.0,
    seconds: float = 10.0,
) -> np.ndarray:
    """(12, samples) mV with these QRS onsets."""
    times_s = np.arange(round(seconds * fs)) / fs
    signal = np.zeros((12, times_s.size))
    for onset_s in onsets_s:
        for wave, (start_ms, stop_ms) in _spans(made).items():
            start_s, stop_s = onset_s + start_ms / 1000.0, onset_s + stop_ms / 1000.0
            first, end = np.searchsorted(times_s, (start_s, stop_s))
            peak = 0.65 if wave == "t" else 0.5
            pulse = _pulse(times_s[first:end], start_s, stop_s, peak)
            scale = made.t_scale if wave == "t" else 1.0
            signal[:, first:end] += scale * _projected(wave)[:, None] * pulse
    return signal


def twelve(signal: np.ndarray) -> TwelveLeads:
    """Return the leads as the server passes them on; a lead of NaN is missing."""
    present = ~np.isnan(signal).all(axis=1)
    return TwelveLeads(np.asarray(signal, np.float64), present)


def record(signal: np.ndarray, fs: float = 500.0) -> EcgRecord:
    return EcgRecord(signal.astype(np.float32), fs, LEADS)


def _spans(made: Made) -> dict[str, tuple[float, float]]:
    q = made.qrs_ms
    spans: dict[str, tuple[float, float]] = {}
    if made.p:
        spans["p"] = (-made.pr_ms, made.p_duration_ms - made.pr_ms)
    if made.qrs:
        spans |= {"q": (0.0, 0.3 * q), "r": (0.2 * q, 0.7 * q), "s": (0.6 * q, q)}
    if made.t:
        spans["t"] = (made.qt_ms - made.t_ms, made.qt_ms)
    return spans


def _pulse(times: np.ndarray, start: float, stop: float, peak: float) -> np.ndarray:
    """Rises as a quarter of a sine squared, falls as one; zero outside."""
    at = (times - start) / (stop - start)
    phase = np.where(at < peak, at / peak, (1.0 - at) / (1.0 - peak))
    return np.where((at > 0) & (at < 1), np.sin(np.clip(phase, 0, 1) * np.pi / 2) ** 1.5, 0.0)


def _projected(wave: str) -> np.ndarray:
    """(12,) height in each lead."""
    lead_i, lead_ii = _I_AND_II[wave]
    augmented = [-(lead_i + lead_ii) / 2, lead_i - lead_ii / 2, lead_ii - lead_i / 2]
    return np.array([lead_i, lead_ii, lead_ii - lead_i, *augmented, *_CHEST[wave]])
