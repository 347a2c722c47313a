"""Training examples of the delineator: means of random beats with their labels, augmented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin

from intervals.beat_grid import (
    BEAT_HZ,
    BEAT_SAMPLES,
    BEFORE_SAMPLES,
    CENTRE_SAMPLE,
    STRIDE,
)
from intervals.beats import Beats, find_beats
from intervals.delineator import network_input
from signals.conditioned import RATE_HZ, Conditioned, condition, remove_wander, smooth
from signals.leads import INDEPENDENT_ROWS
from signals.r_peaks import r_peaks_of
from signals.spike_removal import remove_spikes
from signals.spikes import find_pacing, find_spikes
from training.datasets.annotated import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON, AnnotatedRecord
from training.delineator.stretch import (
    NO_P_SHARE,
    MarkedBeat,
    random_time_map,
    with_other_heights,
    without_p,
)

Array = NDArray[np.float64]

MARGIN: Final = 150  # samples at 250 Hz on either side, for parts that are compressed
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
MAX_CENTRE_SHIFT: Final = 5.0  # samples: where detection puts the centre of a stretched beat
# Of the examples: where I or II is missing, other leads than the independent ones are read.
ANY_LEADS_SHARE: Final = 0.25
FEW_LEADS: Final = 3
# Of the examples: less bandwidth than LUDB's, as of monitors' filters and of rates from 100 Hz on.
LOW_PASS_SHARE: Final = 0.04
LOW_PASS_HZ: Final = (35.0, 60.0)
LOW_PASS_TAPS: Final = 101
WIDE_QRS_MS: Final = 125.0
WITHOUT_P_WEIGHT: Final = 2.2
WIDE_WEIGHT: Final = 1.8


@dataclass(frozen=True, eq=False)
class BeatSource:
    """A record's beats, ready to be drawn.

    windows  (beats, 12, 2 x (360 + 2 x margin)) mV at RATE_HZ, not smoothed
    marks    (beats, 12, 6) samples of the 360, NaN where not annotated: P onset, P offset, QRS
             onset, QRS offset, T onset, T offset
    normal   (beats,) bool
    rows     (leads,) rows of the leads that are annotated
    weight   how often the record is drawn, relative to others
    """

    record: AnnotatedRecord
    beats: Beats
    windows: NDArray[np.float32]
    marks: NDArray[np.float64]
    normal: NDArray[np.bool_]
    rows: NDArray[np.intp]
    weight: float


@dataclass(frozen=True, eq=False)
class Unpaced:
    """A filtered recording without pacing spikes.

    r_peaks_s  (beats,) seconds
    was_paced  whether there were spikes that pace
    """

    ready: Conditioned
    r_peaks_s: NDArray[np.float64]
    was_paced: bool


@dataclass(frozen=True, eq=False)
class Example:
    """The network's input and its targets; times are samples of the 360, NaN where there is none.

    features      (4, leads, 360)
    has_signal    (leads,) bool
    classes       (leads, 360): 0 background, 1 P, 2 QRS, 3 T, -1 where the lead is not
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


def condition_unpaced(record: AnnotatedRecord) -> Unpaced:
    """Filter a recording and find its R peaks as the server does; spikes that pace are removed."""
    ready = condition(record.signal, record.fs)
    r_peaks_s = r_peaks_of(ready)
    spikes = find_spikes(record.signal, record.fs)
    if find_pacing(spikes, r_peaks_s).chamber is None:
        return Unpaced(ready, r_peaks_s, was_paced=False)
    signal = remove_spikes(record.signal, record.fs, spikes, r_peaks_s)
    ready = condition(signal, record.fs)
    return Unpaced(ready, r_peaks_of(ready), was_paced=True)


def beat_source(record: AnnotatedRecord) -> BeatSource | None:
    """Cut out the record's annotated beats; None where no detected beat is annotated."""
    unpaced = condition_unpaced(record)
    beats = find_beats(unpaced.ready, unpaced.r_peaks_s)
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

    unsmoothed = remove_wander(unpaced.ready.unfiltered)
    weight = 1.0 if has_p else WITHOUT_P_WEIGHT
    if _qrs_ms(marks) > WIDE_QRS_MS:
        weight *= WIDE_WEIGHT
    return BeatSource(
        record=record,
        beats=beats,
        windows=_wide_windows(unsmoothed, starts),
        marks=marks,
        normal=beats.normal[detected],
        rows=np.flatnonzero(np.isfinite(marks[:, :, QRS_ON]).any(axis=0)),
        weight=weight,
    )


def _wide_windows(signal: NDArray[np.float32], starts: NDArray[np.intp]) -> NDArray[np.float32]:
    """Cut out windows with a margin, (beats, 12, 2 x (360 + 2 x margin)) at RATE_HZ.

    starts  (beats,) first sample of each window without its margin
    """
    from_start = np.arange(-MARGIN * STRIDE, (BEAT_SAMPLES + MARGIN) * STRIDE)
    places = starts[:, None] + from_start
    inside = np.clip(places, 0, signal.shape[1] - 1)
    return signal[:, inside].transpose(1, 0, 2)


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
    qrs_leads = np.isfinite(lead_marks[QRS_ON]).sum()
    return lead_marks, global_times, float(p_leads >= min(MIN_P_LEADS, max(1, qrs_leads)))


def draw_example(source: BeatSource, leads: int, rng: np.random.Generator) -> Example:
    """Return one training example with `leads` leads, up to eight, chosen at random."""
    beats = _random_beats(source, rng)
    marks = source.marks[beats]
    lead_marks, part_times, p_present = join_marks(marks)
    global_times = part_times
    kept = _random_leads(leads, source.rows, rng)
    if leads <= FEW_LEADS:
        # Of so few leads, the global times are those of these leads.
        _, global_times, _ = join_marks(marks[:, kept])
    wave = source.windows[beats][:, kept].mean(axis=0, dtype=np.float64)
    beat = MarkedBeat(wave, lead_marks[:, kept], global_times, part_times)
    if p_present and rng.random() < NO_P_SHARE:
        beat, p_present = without_p(beat, MARGIN), 0.0
    beat = with_other_heights(beat, MARGIN, rng)
    wave, lead_marks, global_times = _time_warped(beat, rng)
    wave = _with_disturbances(wave, rng)
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


def _random_leads(leads: int, rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose rows, mostly among the leads from which the others follow, seldom among all."""
    among = np.intersect1d(rows, INDEPENDENT_ROWS)
    if among.size < leads or rng.random() < ANY_LEADS_SHARE:
        among = rows
    return np.sort(rng.permutation(among)[:leads])


def _time_warped(beat: MarkedBeat, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Stretch the parts of a beat, warp time smoothly, shift the centre; the marks move along.

    Then the wave is smoothed as a recording is: a narrow complex is smoothed as much as a wide one.

    (leads, 2 x (360 + 2 x margin)) at RATE_HZ -> (leads, 360) at 250 Hz, (6, leads), (5,)
    """
    samples = np.arange(beat.wave.shape[1]) / STRIDE - MARGIN
    old, new = random_time_map(beat, rng)
    warped = _smooth_warp(samples, rng)

    within_window = np.arange(BEAT_SAMPLES * STRIDE) / STRIDE
    stretched = np.interp(np.interp(within_window, samples, warped), new, old)
    wave = np.stack([np.interp(stretched, samples, row) for row in beat.wave])
    if rng.random() < LOW_PASS_SHARE:
        wave = _low_passed(wave, rng.uniform(*LOW_PASS_HZ))
    wave = smooth(wave.astype(np.float32))[:, ::STRIDE].astype(np.float64)

    def moved(times: Array) -> Array:
        """Return when the times occur in the warped wave; NaN remains NaN."""
        stretched_times = np.interp(np.nan_to_num(times), old, new)
        new_times = np.interp(stretched_times, warped, samples)
        return np.where(np.isfinite(times), new_times, np.nan)

    return wave, moved(beat.lead_marks), moved(beat.global_times)


def _low_passed(wave: Array, cutoff_hz: float) -> Array:
    """Low-pass (leads, samples) at RATE_HZ without a delay, as a monitor or a lower rate does."""
    taps = firwin(LOW_PASS_TAPS, cutoff_hz, fs=RATE_HZ)
    reach = LOW_PASS_TAPS // 2
    padded = np.pad(wave, ((0, 0), (reach, reach)), mode="edge")
    return np.stack([np.convolve(row, taps, mode="valid") for row in padded])


def _smooth_warp(samples: Array, rng: np.random.Generator) -> Array:
    """Return the time that each sample shows, with a speed that varies slowly, and a shift."""
    knots = np.arange(samples[0], samples[-1] + 1 + KNOT_SAMPLES, KNOT_SAMPLES)
    speed_at_knots = rng.normal(0.0, WARP_SD, knots.size)
    log_speed = np.interp(samples, knots, speed_at_knots)
    source_time = np.cumsum(np.exp(log_speed)) * (samples[1] - samples[0])
    shift = rng.uniform(-MAX_CENTRE_SHIFT, MAX_CENTRE_SHIFT)
    at_centre = np.interp(CENTRE_SAMPLE, samples, source_time)
    return np.asarray(source_time + CENTRE_SAMPLE - at_centre + shift)


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
    """(6, leads) -> classes (leads, 360), as in Example.

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
        if np.isfinite(marks[T_OFF]) and not np.isfinite(marks[T_ON]):
            # Where T begins was not marked (QTDB).
            st_t = (samples >= marks[QRS_OFF]) & (samples < marks[T_OFF])
            classes[lead, st_t] = NOT_ANNOTATED
        if not np.isfinite(marks[[QRS_ON, QRS_OFF]]).all():
            classes[lead] = NOT_ANNOTATED
    return classes
