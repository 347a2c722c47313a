"""Beats to train the delineator on: means of random subsets of a record's beats with their own labels, disturbed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, BEAT_SAMPLES, BEFORE_SAMPLES, STRIDE
from intervals.beats import Beats, find_beats
from intervals.delineator import network_input
from signals.conditioned import RATE_HZ, Conditioned, condition
from signals.leads import INDEPENDENT_ROWS
from signals.r_peaks import r_peaks_of
from signals.spike_removal import remove_spikes
from signals.spikes import find_pacing, find_spikes
from training.datasets.ludb import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON, LudbRecord

MARGIN: Final = 30  # samples at 250 Hz on either side that time warping may reach into
CENTRE: Final = BEFORE_SAMPLES // STRIDE
TIMES: Final = (P_ON, P_OFF, QRS_ON, QRS_OFF, T_OFF)
ONSETS: Final = (True, False, True, False, False)
MIN_P_LEADS: Final = 3
MAX_BEATS: Final = 20
KNOT_SAMPLES: Final = 32.5  # 130 ms
WARP_SD: Final = 0.09  # of the logarithm of speed, a knot
WIDE_QRS_MS: Final = 125.0
ANY_LEADS_SHARE: Final = (
    0.25  # of the examples: where I or II is missing, what is read are other leads
)
WITHOUT_P_WEIGHT: Final = 2.2
WIDE_WEIGHT: Final = 1.8


@dataclass(frozen=True, eq=False)
class BeatSource:
    """A record's beats ready to be drawn.

    windows  (beats, 12, 288 + 2 x margin) mV at 250 Hz
    marks    (beats, 12, 6) on the samples of the 288, NaN where not drawn: P on, P off, QRS on, QRS off, T on, T off
    normal   (beats,) bool
    """

    record: LudbRecord
    beats: Beats
    windows: NDArray[np.float64]
    marks: NDArray[np.float64]
    normal: NDArray[np.bool_]
    weight: float


@dataclass(frozen=True, eq=False)
class Example:
    """What the network reads and should say; times are samples of the 288, NaN where there is none."""

    features: NDArray[np.float32]  # (4, leads, 288)
    alive: NDArray[np.bool_]  # (leads,)
    classes: NDArray[np.int64]  # (leads, 288), -1 where the lead is not annotated
    leads: NDArray[np.float64]  # (5, leads)
    overall: NDArray[np.float64]  # (5,)
    p_present: float


def unpaced(record: LudbRecord) -> tuple[Conditioned, NDArray[np.float64]]:
    """The filtered recording and its R peaks; where spikes pace, without them, as the server measures it."""
    ready = condition(record.signal, record.fs)
    r_peaks_s = r_peaks_of(ready)
    spikes = find_spikes(record.signal, record.fs)
    if find_pacing(spikes, r_peaks_s).chamber is None:
        return ready, r_peaks_s
    ready = condition(remove_spikes(record.signal, record.fs, spikes, r_peaks_s), record.fs)
    return ready, r_peaks_of(ready)


def beat_source(record: LudbRecord) -> BeatSource | None:
    """None where no detected beat is annotated."""
    ready, r_peaks_s = unpaced(record)
    beats = find_beats(ready, r_peaks_s)
    pairs = [
        (k, int(abs(record.peaks - at).argmin()))
        for k, at in enumerate(beats.centre_s)
        if abs(record.peaks - at).min() < 0.12
    ]
    if not pairs:
        return None
    mine, theirs = np.array(pairs).T
    centres = np.rint(beats.centre_s[mine] * RATE_HZ).astype(np.intp)
    at = (centres - BEFORE_SAMPLES)[:, None] + np.arange(-MARGIN, BEAT_SAMPLES + MARGIN) * STRIDE
    windows = (
        ready.signal[:, np.clip(at, 0, ready.signal.shape[1] - 1)]
        .transpose(1, 0, 2)
        .astype(np.float64)
    )
    marks = ((record.marks[theirs] * RATE_HZ) - (centres - BEFORE_SAMPLES)[:, None, None]) / STRIDE
    marks = marks[:, :, : T_OFF + 1]
    has_p = np.isfinite(marks[:, :, P_ON]).any(axis=1).mean() >= 0.5 and not record.no_pr
    if not has_p:
        marks[:, :, [P_ON, P_OFF]] = np.nan
    width_ms = float(np.nanmedian(marks[:, :, QRS_OFF] - marks[:, :, QRS_ON])) * 1000.0 / BEAT_HZ
    weight = (1.0 if has_p else WITHOUT_P_WEIGHT) * (WIDE_WEIGHT if width_ms > WIDE_QRS_MS else 1.0)
    return BeatSource(record, beats, windows, marks, beats.normal[mine], weight)


def targets(marks: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """(beats, leads, 6) -> the leads' medians (6, leads), the global quartiles (5,), and 1.0 where P is drawn."""
    enough = np.isfinite(marks).mean(axis=0) >= 0.5
    lead = np.where(enough, np.nanmedian(np.where(enough, marks, 0.0), axis=0), np.nan).T
    overall = np.full(len(TIMES), np.nan)
    for index, (row, onset) in enumerate(zip(TIMES, ONSETS, strict=True)):
        there = lead[row][np.isfinite(lead[row])]
        if there.size:
            overall[index] = np.percentile(there, 25 if onset else 75)
    return lead, overall, float(np.isfinite(lead[P_ON]).sum() >= MIN_P_LEADS)


def draw(source: BeatSource, leads: int, rng: np.random.Generator) -> Example:
    """One training example with `leads` leads, up to eight, chosen at random."""
    chosen = _subset(source, rng)
    lead_marks, overall, present = targets(source.marks[chosen])
    wave = source.windows[chosen].mean(axis=0)
    wave, lead_marks, overall = _warped(wave, lead_marks, overall, rng)
    kept = _kept(leads, rng)
    wave, lead_marks = _disturbed(wave[kept], rng), lead_marks[:, kept]
    features, alive = network_input(wave)
    return Example(
        features, alive, _class_map(lead_marks), lead_marks[list(TIMES)], overall, present
    )


def _kept(leads: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of the leads that are read: of those that the others follow from, seldom of all twelve."""
    among = np.arange(12) if rng.random() < ANY_LEADS_SHARE else np.array(INDEPENDENT_ROWS)
    return np.sort(rng.permutation(among)[:leads])


def _subset(source: BeatSource, rng: np.random.Generator) -> NDArray[np.intp]:
    normal, other = np.flatnonzero(source.normal), np.flatnonzero(~source.normal)
    if normal.size == 0 or (other.size and rng.random() < 0.08):
        return rng.choice(other, 1)
    return rng.choice(normal, min(int(rng.integers(1, MAX_BEATS + 1)), normal.size), replace=False)


def _warped(
    wave: NDArray[np.float64],
    lead_marks: NDArray[np.float64],
    overall: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Time runs faster here and slower there; the labels go with it."""
    places = np.arange(-MARGIN, BEAT_SAMPLES + MARGIN, dtype=np.float64)
    knots = np.arange(-MARGIN, BEAT_SAMPLES + MARGIN + KNOT_SAMPLES, KNOT_SAMPLES)
    speed = np.exp(np.interp(places, knots, rng.normal(0.0, WARP_SD, knots.size)))
    source_time = np.cumsum(speed)
    centre = MARGIN + CENTRE
    source_time += (
        CENTRE - source_time[centre] + rng.uniform(-3.0, 3.0)
    )  # the centre itself is known to +-12 ms only
    out = np.arange(BEAT_SAMPLES) + MARGIN
    warped = np.stack([np.interp(source_time[out], places, row) for row in wave])

    def moved(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(
            np.isfinite(times), np.interp(np.nan_to_num(times), source_time, places), np.nan
        )

    return warped, moved(lead_marks), moved(overall)


def _disturbed(wave: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    leads, samples = wave.shape
    t = np.arange(samples) / BEAT_HZ
    wave = (
        wave
        * np.exp(rng.normal(0.0, 0.3, (leads, 1)))
        * rng.choice([-1.0, 1.0], (leads, 1), p=[0.2, 0.8])
    )
    wave = wave + rng.normal(size=wave.shape) * rng.uniform(0.0, 0.03) * (rng.random() < 0.6)
    drift = rng.normal(0.0, 0.05, (leads, 2)) * (rng.random() < 0.5)
    wave = (
        wave
        + drift[:, :1] * (t - t.mean())
        + drift[:, 1:] * np.sin(2 * np.pi * (rng.uniform(0.2, 0.6) * t + rng.random()))
    )
    hum = rng.uniform(0.0, 0.02) * (
        rng.random() < 0.25
    )  # what the trapezoid and the averaging leave of 50 and 60 Hz
    wave = wave + hum * np.sin(2 * np.pi * (rng.choice([50.0, 60.0]) * t + rng.random((leads, 1))))
    if leads > 2 and rng.random() < 0.15:
        wave[rng.integers(leads)] = 0.0
    return wave


def _class_map(lead_marks: NDArray[np.float64]) -> NDArray[np.int64]:
    """(6, leads) -> (leads, 288): 0 nothing, 1 P, 2 QRS, 3 T; -1 throughout where the QRS is not drawn, and outside this beat."""
    leads = lead_marks.shape[1]
    places = np.arange(BEAT_SAMPLES)
    classes = np.zeros((leads, BEAT_SAMPLES), np.int64)
    for lead in range(leads):
        marks = lead_marks[:, lead]
        for value, on, off in (
            (1, marks[P_ON], marks[P_OFF]),
            (3, marks[T_ON], marks[T_OFF]),
            (2, marks[QRS_ON], marks[QRS_OFF]),
        ):
            if np.isfinite(on) and np.isfinite(off):
                classes[lead, (places >= on) & (places < off)] = value
        if not np.isfinite(marks[QRS_ON]) or not np.isfinite(marks[QRS_OFF]):
            classes[lead] = -1
    return classes
