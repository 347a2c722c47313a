"""Training examples of the delineator: means of random beats with their labels, augmented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import (
    BEAT_HZ,
    BEAT_SAMPLES,
    BEFORE_SAMPLES,
    CENTRE_SAMPLE,
    STRIDE,
)
from intervals.beats import Beats, find_beats
from intervals.delineator import network_input
from signals.conditioned import RATE_HZ, Conditioned, condition
from signals.leads import INDEPENDENT_ROWS
from signals.r_peaks import r_peaks_of
from signals.spike_removal import remove_spikes
from signals.spikes import find_pacing, find_spikes
from training.datasets.ludb import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON, LudbRecord

MARGIN: Final = 30  # samples at 250 Hz on either side, for time warping
TIMES: Final = (P_ON, P_OFF, QRS_ON, QRS_OFF, T_OFF)
IS_ONSET: Final = (True, False, True, False, False)
# Row of Delineation.classes -> its onset and offset, in the order in which they are written: where
# the marks overlap, the QRS prevails.
CLASS_MARKS: Final = {1: (P_ON, P_OFF), 3: (T_ON, T_OFF), 2: (QRS_ON, QRS_OFF)}
NOT_ANNOTATED: Final = -1
MIN_P_LEADS: Final = 3  # annotated leads from which on P counts as present
SAME_BEAT_S: Final = 0.12  # between a beat's centre and its annotated peak
MAX_BEATS: Final = 20
OTHER_BEAT_SHARE: Final = 0.08  # of the examples: one beat that is not normal
KNOT_SAMPLES: Final = 32.5  # 130 ms
WARP_SD: Final = 0.09  # of the logarithm of speed at each knot
MAX_CENTRE_SHIFT: Final = 3.0  # samples: the centre itself is known to +-12 ms only
# Of the examples: where I or II is missing, other leads than the independent ones are read.
ANY_LEADS_SHARE: Final = 0.25
WIDE_QRS_MS: Final = 125.0
WITHOUT_P_WEIGHT: Final = 2.2
WIDE_WEIGHT: Final = 1.8


@dataclass(frozen=True, eq=False)
class BeatSource:
    """A record's beats, ready to be drawn.

    windows  (beats, 12, 288 + 2 x margin) mV at 250 Hz
    marks    (beats, 12, 6) samples of the 288, NaN where not annotated: P onset, P offset, QRS
             onset, QRS offset, T onset, T offset
    normal   (beats,) bool
    weight   how often the record is drawn, relative to others
    """

    record: LudbRecord
    beats: Beats
    windows: NDArray[np.float64]
    marks: NDArray[np.float64]
    normal: NDArray[np.bool_]
    weight: float


@dataclass(frozen=True, eq=False)
class Example:
    """The network's input and its targets; times are samples of the 288, NaN where there is none.

    features      (4, leads, 288)
    has_signal    (leads,) bool
    classes       (leads, 288): 0 background, 1 P, 2 QRS, 3 T, -1 where the lead is not
                  annotated
    lead_times    (5, leads) in the order of TIMES
    global_times  (5,)
    p_present     1.0 with a P wave, else 0.0
    """

    features: NDArray[np.float32]
    has_signal: NDArray[np.bool_]
    classes: NDArray[np.int64]
    lead_times: NDArray[np.float64]
    global_times: NDArray[np.float64]
    p_present: float


def condition_unpaced(record: LudbRecord) -> tuple[Conditioned, NDArray[np.float64]]:
    """Return the filtered recording and its R peaks in seconds, as the server measures them.

    Spikes are removed where they pace.
    """
    ready = condition(record.signal, record.fs)
    r_peaks_s = r_peaks_of(ready)
    spikes = find_spikes(record.signal, record.fs)
    if find_pacing(spikes, r_peaks_s).chamber is None:
        return ready, r_peaks_s
    without_spikes = remove_spikes(record.signal, record.fs, spikes, r_peaks_s)
    ready = condition(without_spikes, record.fs)
    return ready, r_peaks_of(ready)


def beat_source(record: LudbRecord) -> BeatSource | None:
    """Cut out the record's annotated beats; None where no detected beat is annotated."""
    ready, r_peaks_s = condition_unpaced(record)
    beats = find_beats(ready, r_peaks_s)
    detected, annotated = _matching_beats(beats.centre_s, record.peaks)
    if detected.size == 0:
        return None

    centres = np.rint(beats.centre_s[detected] * RATE_HZ).astype(np.intp)
    starts = centres - BEFORE_SAMPLES
    marks = ((record.marks[annotated] * RATE_HZ) - starts[:, None, None]) / STRIDE
    marks = marks[:, :, : T_OFF + 1]
    beats_with_p = np.isfinite(marks[:, :, P_ON]).any(axis=1)
    has_p = beats_with_p.mean() >= 0.5 and not record.no_pr
    if not has_p:
        marks[:, :, [P_ON, P_OFF]] = np.nan

    weight = 1.0 if has_p else WITHOUT_P_WEIGHT
    if _qrs_ms(marks) > WIDE_QRS_MS:
        weight *= WIDE_WEIGHT
    return BeatSource(
        record=record,
        beats=beats,
        windows=_wide_windows(ready.signal, starts),
        marks=marks,
        normal=beats.normal[detected],
        weight=weight,
    )


def _wide_windows(signal: NDArray[np.float32], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Cut out windows with a margin, (beats, 12, 288 + 2 x margin) at 250 Hz.

    starts  (beats,) first sample of each window without its margin, at RATE_HZ
    """
    from_start = np.arange(-MARGIN, BEAT_SAMPLES + MARGIN) * STRIDE
    places = starts[:, None] + from_start
    inside = np.clip(places, 0, signal.shape[1] - 1)
    return signal[:, inside].transpose(1, 0, 2).astype(np.float64)


def join_marks(
    marks: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Join the marks of beats, (beats, leads, 6), as LUDB's references do.

    Returns the leads' medians (6, leads), NaN where fewer than half of the beats are annotated; the
    global times (5,), quartiles over leads; and 1.0 if P is annotated in enough leads, else 0.0.
    """
    enough = np.isfinite(marks).mean(axis=0) >= 0.5
    medians = np.nanmedian(np.where(enough, marks, 0.0), axis=0)
    lead_marks = np.where(enough, medians, np.nan).T

    global_times = np.full(len(TIMES), np.nan)
    for index, (row, is_onset) in enumerate(zip(TIMES, IS_ONSET, strict=True)):
        annotated = lead_marks[row][np.isfinite(lead_marks[row])]
        if annotated.size:
            global_times[index] = np.percentile(annotated, 25 if is_onset else 75)
    p_leads = np.isfinite(lead_marks[P_ON]).sum()
    return lead_marks, global_times, float(p_leads >= MIN_P_LEADS)


def draw_example(source: BeatSource, leads: int, rng: np.random.Generator) -> Example:
    """Return one training example with `leads` leads, up to eight, chosen at random."""
    beats = _random_beats(source, rng)
    lead_marks, global_times, p_present = join_marks(source.marks[beats])
    wave = source.windows[beats].mean(axis=0)
    wave, lead_marks, global_times = _time_warped(wave, lead_marks, global_times, rng)

    kept = _random_leads(leads, rng)
    lead_marks = lead_marks[:, kept]
    wave = _with_disturbances(wave[kept], rng)
    features, has_signal = network_input(wave)
    return Example(
        features=features,
        has_signal=has_signal,
        classes=_class_map(lead_marks),
        lead_times=lead_marks[list(TIMES)],
        global_times=global_times,
        p_present=p_present,
    )


def _matching_beats(
    centres_s: NDArray[np.float64], peaks_s: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the detected beats that are annotated, and of their annotations."""
    detected, annotated = [], []
    for index, centre_s in enumerate(centres_s):
        distances_s = abs(peaks_s - centre_s)
        if distances_s.min() < SAME_BEAT_S:
            detected.append(index)
            annotated.append(int(distances_s.argmin()))
    return np.array(detected, np.intp), np.array(annotated, np.intp)


def _qrs_ms(marks: NDArray[np.float64]) -> float:
    """Return the median QRS duration over beats and leads."""
    samples = np.nanmedian(marks[:, :, QRS_OFF] - marks[:, :, QRS_ON])
    return float(samples) * 1000.0 / BEAT_HZ


def _random_beats(source: BeatSource, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose up to MAX_BEATS normal beats, or seldom one other beat."""
    normal = np.flatnonzero(source.normal)
    other = np.flatnonzero(~source.normal)
    if normal.size == 0 or (other.size and rng.random() < OTHER_BEAT_SHARE):
        return rng.choice(other, 1)
    count = min(int(rng.integers(1, MAX_BEATS + 1)), normal.size)
    return rng.choice(normal, count, replace=False)


def _random_leads(leads: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose rows, mostly among the leads from which the others follow, seldom among all twelve."""
    among = np.array(INDEPENDENT_ROWS)
    if rng.random() < ANY_LEADS_SHARE:
        among = np.arange(12)
    return np.sort(rng.permutation(among)[:leads])


def _time_warped(
    wave: NDArray[np.float64],
    lead_marks: NDArray[np.float64],
    global_times: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Warp time smoothly and shift the centre; the labels move with the wave.

    (leads, 288 + 2 x margin) -> (leads, 288)
    """
    samples = np.arange(-MARGIN, BEAT_SAMPLES + MARGIN, dtype=np.float64)
    knots = np.arange(-MARGIN, BEAT_SAMPLES + MARGIN + KNOT_SAMPLES, KNOT_SAMPLES)
    speed_at_knots = rng.normal(0.0, WARP_SD, knots.size)
    log_speed = np.interp(samples, knots, speed_at_knots)
    source_time = np.cumsum(np.exp(log_speed))
    shift = rng.uniform(-MAX_CENTRE_SHIFT, MAX_CENTRE_SHIFT)
    source_time += CENTRE_SAMPLE - source_time[MARGIN + CENTRE_SAMPLE] + shift

    within_window = source_time[np.arange(BEAT_SAMPLES) + MARGIN]
    warped = np.stack([np.interp(within_window, samples, row) for row in wave])

    def moved(times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return when the times occur in the warped wave; NaN remains NaN."""
        new_times = np.interp(np.nan_to_num(times), source_time, samples)
        return np.where(np.isfinite(times), new_times, np.nan)

    return warped, moved(lead_marks), moved(global_times)


def _with_disturbances(wave: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Change gain and polarity; add noise, drift and hum; seldom lose a lead. (leads, samples)."""
    leads, samples = wave.shape
    time_s = np.arange(samples) / BEAT_HZ
    gain = np.exp(rng.normal(0.0, 0.3, (leads, 1)))
    polarity = rng.choice([-1.0, 1.0], (leads, 1), p=[0.2, 0.8])
    wave = wave * gain * polarity

    noise = rng.normal(size=wave.shape) * rng.uniform(0.0, 0.03)
    has_noise = rng.random() < 0.6
    wave = wave + noise * has_noise

    heights = rng.normal(0.0, 0.05, (leads, 2))
    heights = heights * (rng.random() < 0.5)
    linear_drift = heights[:, :1] * (time_s - time_s.mean())
    cycles = rng.uniform(0.2, 0.6) * time_s + rng.random()
    slow_drift = heights[:, 1:] * np.sin(2 * np.pi * cycles)
    wave = wave + linear_drift + slow_drift

    # As much as smoothing and averaging leave of 50 and 60 Hz.
    hum_height = rng.uniform(0.0, 0.02)
    hum_height = hum_height * (rng.random() < 0.25)
    cycles = rng.choice([50.0, 60.0]) * time_s + rng.random((leads, 1))
    wave = wave + hum_height * np.sin(2 * np.pi * cycles)

    loses_lead = leads > 2 and rng.random() < 0.15
    if loses_lead:
        wave[rng.integers(leads)] = 0.0
    return wave


def _class_map(lead_marks: NDArray[np.float64]) -> NDArray[np.int64]:
    """(6, leads) -> classes (leads, 288), as in Example.

    A lead without an annotated QRS is not annotated at all. Background includes the neighbouring
    beats.
    """
    leads = lead_marks.shape[1]
    samples = np.arange(BEAT_SAMPLES)
    classes = np.zeros((leads, BEAT_SAMPLES), np.int64)
    for lead in range(leads):
        marks = lead_marks[:, lead]
        for wave_class, (onset, offset) in CLASS_MARKS.items():
            if np.isfinite(marks[[onset, offset]]).all():
                inside = (samples >= marks[onset]) & (samples < marks[offset])
                classes[lead, inside] = wave_class
        if not np.isfinite(marks[[QRS_ON, QRS_OFF]]).all():
            classes[lead] = NOT_ANNOTATED
    return classes
