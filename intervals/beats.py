"""Align beats on all leads, classify them by morphology, and average one representative beat.

Electrocardiographs measure on such a beat too (GE 12SL, Philips DXL). Averaging removes noise.
Beats of another morphology (ectopic or noisy) are not averaged, because they would blur the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from intervals.alignment import SAME_MORPHOLOGY, align, dominant_morphology
from intervals.beat_grid import (
    BEAT_HZ,
    BEAT_SAMPLES,
    BEFORE_SAMPLES,
    CENTRE_SAMPLE,
    SPAN_SAMPLES,
    STRIDE,
    time_ms_of,
)
from signals.conditioned import RATE_HZ, Conditioned
from signals.ends import pad_edges
from signals.leads import informative_rows
from signals.order import mean, median, sort_elementwise

BeatClass = Literal["normal", "ectopic", "noisy"]

# A beat of another morphology is noisy, not ectopic, if the mean absolute second difference of its
# window is above this many times the median of the normal beats.
NOISE_RATIO: Final = 3.0
# If the median RR interval is shorter, the neighbouring beats are removed from the window: the
# delineator was trained on few such beats, and three beats in one window mislead it.
FAST_RR_S: Final = 0.5
# Shares of the RR interval, before and after the centre, that belong to the beat itself. A PR
# interval counts up to 0.42 of RR (`p_waves`), and QRS begins about a tenth before the centre. With
# more of the last beat's T wave, it passes for P, and QRS complexes are read shorter: those of LUDB
# at 150 per minute and 1.5 times their length by 12 ms in the median with 0.8, by 7 ms with 0.55.
OWN_BEFORE: Final = 0.55
OWN_AFTER: Final = 0.85


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a recording.

    centre_s        (beats,) centre of each beat, seconds from the recording's start; aligned with
                    the template to a fraction of a sample
    classes         (beats,) normal means the dominant morphology
    windows         (beats, leads, 360) float32 mV at 250 Hz, the beat's centre at 600 ms
    whole           (beats,) bool: the window is within the recording and contains no gap
    representative  (leads, 360) mV: interquartile mean of the normal, whole beats; without any, the
                    normal beat with the longest part in the recording; None without beats
    averaged_count  number of beats that `representative` is the mean of
    recorded_span   (start, stop) in samples of the 360: where `representative` is from the
                    recording, not from the repetition of its first or last sample
    """

    centre_s: NDArray[np.float64]
    classes: tuple[BeatClass, ...]
    windows: NDArray[np.float32]
    whole: NDArray[np.bool_]
    representative: NDArray[np.float64] | None
    averaged_count: int
    recorded_span: tuple[int, int] = (0, BEAT_SAMPLES)

    @property
    def normal(self) -> NDArray[np.bool_]:
        """Return (beats,) bool: whether each beat has the dominant morphology."""
        return np.array([beat_class == "normal" for beat_class in self.classes], np.bool_)


def find_beats(conditioned: Conditioned, r_peaks_s: NDArray[np.float64]) -> Beats:
    """Return the beats of a recording, aligned, classified and averaged.

    r_peaks_s  (beats,) seconds from the recording's start
    """
    signal = conditioned.signal
    if r_peaks_s.size == 0 or signal.shape[1] == 0:
        return _no_beats(len(signal))

    detected = np.rint(r_peaks_s * RATE_HZ).astype(np.intp)
    aligned, complexes, template_beat = align(
        signal[informative_rows(conditioned.varying)], detected
    )
    normal, correlation = dominant_morphology(complexes, template_beat)
    # Beats of another morphology stay where they were detected: an alignment with a template that
    # they do not resemble is meaningless.
    resembles = correlation > SAME_MORPHOLOGY
    centres = np.where(resembles, aligned, detected.astype(np.float64))
    centre_samples = np.rint(centres).astype(np.intp)

    windows = _windows(signal, centre_samples)
    whole = _whole(centre_samples, conditioned.missing)
    is_averaged, recorded_span = _beats_to_average(normal, whole, centre_samples, signal.shape[1])
    return Beats(
        centre_s=centres / RATE_HZ,
        classes=_classes(normal, windows),
        windows=windows,
        whole=whole,
        representative=interquartile_mean(windows[is_averaged]),
        averaged_count=int(is_averaged.sum()),
        recorded_span=recorded_span,
    )


def delineator_beat(beats: Beats) -> NDArray[np.float64]:
    """Return the representative beat as input of the delineator, (leads, 360) mV.

    Leads that can be computed from others are left out. At fast rates (`FAST_RR_S`) the
    neighbouring beats are removed: each side repeats the last sample that belongs to the beat
    itself (`OWN_BEFORE`, `OWN_AFTER`).
    """
    assert beats.representative is not None
    has_signal = np.asarray(beats.representative.any(axis=1))
    beat = beats.representative[informative_rows(has_signal)]
    own_span = _own_span(beats)
    if own_span is None:
        return beat
    own_samples = np.clip(np.arange(BEAT_SAMPLES), *own_span)
    return np.asarray(beat[:, own_samples], np.float64)


def own_span_ms(beats: Beats) -> tuple[float, float]:
    """Return from when to when the delineator sees the beat itself, ms from its centre.

    Infinite where the neighbouring beats are not removed.
    """
    own_span = _own_span(beats)
    if own_span is None:
        return -inf, inf
    first, last = own_span
    return time_ms_of(first), time_ms_of(last)


def _own_span(beats: Beats) -> tuple[int, int] | None:
    """Return the first and last sample of the 360 of the beat itself; None at usual rates."""
    if beats.centre_s.size < 2:
        return None
    rr_s = float(median(np.diff(beats.centre_s)))
    if rr_s >= FAST_RR_S:
        return None
    first = CENTRE_SAMPLE - round(OWN_BEFORE * rr_s * BEAT_HZ)
    last = CENTRE_SAMPLE + round(OWN_AFTER * rr_s * BEAT_HZ)
    return max(0, first), min(BEAT_SAMPLES - 1, last)


def _no_beats(leads: int) -> Beats:
    return Beats(
        centre_s=np.zeros(0),
        classes=(),
        windows=np.zeros((0, leads, BEAT_SAMPLES), np.float32),
        whole=np.zeros(0, np.bool_),
        representative=None,
        averaged_count=0,
    )


def _beats_to_average(
    normal: NDArray[np.bool_], whole: NDArray[np.bool_], centres: NDArray[np.intp], samples: int
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Return which beats are averaged, (beats,) bool, and their `Beats.recorded_span`.

    The normal beats that are whole are averaged. Without any, the normal beat with the longest part
    within the recording is the only one.

    centres  (beats,) samples of the conditioned recording
    samples  length of the conditioned recording
    """
    normal_and_whole = normal & whole
    if normal_and_whole.any():
        return normal_and_whole, (0, BEAT_SAMPLES)

    starts = np.maximum(0, BEFORE_SAMPLES - centres)
    stops = np.minimum(SPAN_SAMPLES, samples - centres + BEFORE_SAMPLES)
    longest = int(np.where(normal, stops - starts, -1).argmax())
    is_averaged = np.zeros(normal.size, np.bool_)
    is_averaged[longest] = True
    return is_averaged, (int(starts[longest]) // STRIDE, int(stops[longest]) // STRIDE)


def interquartile_mean(windows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean over beats of the middle half of the values at each sample.

    Fewer than four beats are all averaged.

    windows  (beats, leads, 360) -> (leads, 360)
    """
    count = len(windows)
    cut = count // 4
    if cut == 0:
        return np.asarray(windows.mean(axis=0, dtype=np.float64))
    ordered = sort_elementwise(windows)
    middle = ordered[cut].astype(np.float64)
    for beat in ordered[cut + 1 : count - cut]:
        middle += beat
    return middle / (count - 2 * cut)


def _windows(signal: NDArray[np.float32], centres: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return each beat's window, (beats, leads, 360) at 250 Hz.

    Beyond the recording's ends the first or last sample is repeated.

    signal   (leads, samples) at 500 Hz
    centres  (beats,) samples of `signal`
    """
    missing_before = max(0, BEFORE_SAMPLES - int(centres.min()))
    last_stop = int(centres.max()) + SPAN_SAMPLES - BEFORE_SAMPLES
    missing_after = max(0, last_stop - signal.shape[1])
    if missing_before or missing_after:
        signal = pad_edges(signal, missing_before, missing_after)

    windows = np.empty((centres.size, len(signal), BEAT_SAMPLES), np.float32)
    starts = (centres - BEFORE_SAMPLES + missing_before).tolist()
    for window, start in zip(windows, starts, strict=True):
        window[:] = signal[:, start : start + SPAN_SAMPLES : STRIDE]
    return windows


def _whole(centres: NDArray[np.intp], missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (beats,) bool: the window is within the recording and contains no missing sample.

    centres  (beats,) samples
    missing  (samples,) bool
    """
    samples = missing.size
    starts = centres - BEFORE_SAMPLES
    stops = centres - BEFORE_SAMPLES + SPAN_SAMPLES
    inside = (starts >= 0) & (stops <= samples)
    if not missing.any():
        return inside
    # (samples + 1,) how many samples are missing before each sample.
    missing_before = np.concatenate([[0], np.cumsum(missing)])
    before_start = missing_before[np.clip(starts, 0, samples)]
    before_stop = missing_before[np.clip(stops, 0, samples)]
    return np.asarray(inside & (before_stop == before_start))


def _classes(normal: NDArray[np.bool_], windows: NDArray[np.float32]) -> tuple[BeatClass, ...]:
    """Return the class of each beat; one that is not normal is ectopic, or noisy with much jitter.

    The jitter is the mean absolute second difference of a window's samples.
    """
    slope = windows[:, :, 1:] - windows[:, :, :-1]
    curvature = slope[:, :, 1:] - slope[:, :, :-1]
    np.abs(curvature, out=curvature)
    jitter = mean(curvature.reshape(len(curvature), -1))
    usual_jitter = float(median(jitter[normal]))

    classes: list[BeatClass] = []
    for is_normal, beat_jitter in zip(normal, jitter, strict=True):
        if is_normal:
            classes.append("normal")
        elif beat_jitter > NOISE_RATIO * usual_jitter:
            classes.append("noisy")
        else:
            classes.append("ectopic")
    return tuple(classes)
