"""ECGs whose amplitudes, durations and ST levels are known exactly in each lead.

A beat is, from the QRS onset on: lobes of half a sine (Q, R, S, R', in any order of signs), a ramp
of RAMP_MS to the level of J, a straight ST segment of ST_SPAN_MS, and T, whose peak is in the
middle between the end of ST and the end of T. P is a lobe on the line before the complex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from intervals.beat_grid import BEAT_SAMPLES, BEFORE_S
from intervals.measurements import BeatFiducials, Measurements, RepresentativeBeat

RAMP_MS = 12.0
ST_SPAN_MS = 100.0


@dataclass(frozen=True)
class Lead:
    """One lead: `lobes` are (mV, ms) from the QRS onset, `delay_ms` is isoelectric before them."""

    lobes: tuple[tuple[float, float], ...] = ((-0.1, 20.0), (1.0, 40.0), (-0.2, 28.0))
    delay_ms: float = 0.0
    p_mv: float = 0.12
    j_mv: float = 0.0
    st80_mv: float = 0.0
    t_mv: float = 0.3

    def scaled(self, factor: float) -> Lead:
        """Return the lead with every amplitude multiplied."""
        return replace(
            self,
            lobes=tuple((factor * height, width) for height, width in self.lobes),
            p_mv=factor * self.p_mv,
            j_mv=factor * self.j_mv,
            st80_mv=factor * self.st80_mv,
            t_mv=factor * self.t_mv,
        )


@dataclass(frozen=True)
class Times:
    """The global intervals, ms."""

    rr_ms: float = 850.0
    pr_ms: float = 160.0
    p_ms: float = 100.0
    qrs_ms: float = 100.0
    qt_ms: float = 400.0


NORMAL = Lead()


def recording(
    leads: Sequence[Lead], times: Times = Times(), fs: float = 500.0, seconds: float = 10.0
) -> np.ndarray:
    """(leads, samples) mV; QRS onsets at FIRST_S, then every RR."""
    at_s = np.arange(round(seconds * fs)) / fs
    signal = np.zeros((len(leads), at_s.size))
    for onset_s in onsets_s(times, seconds):
        after_ms = (at_s - onset_s) * 1000.0
        near = (after_ms > -400.0) & (after_ms < 700.0)
        for row, lead in zip(signal, leads, strict=True):
            row[near] += beat(lead, times, after_ms[near])
    return signal


FIRST_S = 0.6


def onsets_s(times: Times, seconds: float = 10.0) -> np.ndarray:
    return np.arange(FIRST_S, seconds - 0.5, times.rr_ms / 1000.0)


def beat(lead: Lead, times: Times, after_ms: np.ndarray) -> np.ndarray:
    """One beat at these times after the QRS onset, mV."""
    values = lead.p_mv * _half_sine(after_ms, -times.pr_ms, times.p_ms)
    start = lead.delay_ms
    for height, width in lead.lobes:
        values += height * _half_sine(after_ms, start, width)
        start += width
    assert start <= times.qrs_ms - RAMP_MS
    j, t_end = times.qrs_ms, times.qt_ms
    slope = (lead.st80_mv - lead.j_mv) / 80.0
    t_start = j + ST_SPAN_MS
    st_end = lead.j_mv + ST_SPAN_MS * slope
    levels = [0.0, lead.j_mv, st_end]
    st = np.interp(after_ms, [j - RAMP_MS, j, t_start], levels)
    half = (t_end - t_start) / 2.0
    rise = st_end + (lead.t_mv - st_end) * _ease((after_ms - t_start) / half)
    fall = lead.t_mv * (1.0 - _ease((after_ms - t_start - half) / half))
    values += np.where(after_ms < t_start, st, np.where(after_ms < t_start + half, rise, fall))
    return values


def measured_at(times: Times, seconds: float = 10.0) -> Measurements:
    """The measurements of `recording` with its exact boundaries, as the delineator would find."""
    centre_ms = times.qrs_ms / 2.0
    boundaries = {
        "p_onset": -times.pr_ms,
        "p_offset": times.p_ms - times.pr_ms,
        "qrs_onset": 0.0,
        "qrs_offset": times.qrs_ms,
        "t_offset": times.qt_ms,
    }
    fiducials = {name: BEFORE_S + (at - centre_ms) / 1000.0 for name, at in boundaries.items()}
    beats = tuple(
        BeatFiducials(float(onset_s) + centre_ms / 1000.0, "normal")
        for onset_s in onsets_s(times, seconds)
    )
    representative = RepresentativeBeat(
        np.zeros((12, BEAT_SAMPLES)), BEFORE_S, fiducials, len(beats)
    )
    return Measurements(fiducials=beats, representative=representative)


def _ease(share: np.ndarray) -> np.ndarray:
    """0 to 1 with a horizontal tangent at both ends."""
    return (1.0 - np.cos(np.pi * np.clip(share, 0.0, 1.0))) / 2.0


def _half_sine(at_ms: np.ndarray, start_ms: float, width_ms: float) -> np.ndarray:
    phase = (at_ms - start_ms) / width_ms
    return np.where((phase > 0) & (phase < 1), np.sin(np.pi * np.clip(phase, 0.0, 1.0)), 0.0)
