"""What is left of a recording without its QRS complexes and T waves: the atria, and noise.

The mean QRS-T of the beats of one morphology is subtracted from each of them, so that a P wave that
falls on a T wave remains if it falls there in some beats only. Under the QRS complexes nothing can
be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import Beats
from intervals.fiducials import QRS_OFF, QRS_ON, T_OFF
from signals.conditioned import RATE_HZ, Conditioned
from signals.leads import informative_rows
from signals.order import median

STRIDE: Final = 5
ATRIAL_HZ: Final = RATE_HZ / STRIDE  # 100 Hz: P waves have nothing above 50 Hz
# A P wave lasts about 100 ms: it passes a mean over 50 ms less a mean over 310 ms, which neither
# noise nor the baseline and hardly a T wave do.
NARROW_SAMPLES: Final = 5
WIDE_SAMPLES: Final = 31
# Without measured boundaries: QRS from 50 ms before the centre, 110 ms long, and the QT interval in
# seconds over the square root of RR in seconds.
USUAL_ONSET_S: Final = -0.05
USUAL_QRS_S: Final = 0.11
USUAL_QT_S: Final = 0.4
AROUND_QRS_S: Final = 0.02  # on either side, in which QRS complexes of one morphology still differ
AFTER_T_S: Final = 0.03
# Of a beat of another morphology nothing is subtracted: from before its QRS to the end of its ST
# segment nothing is judged.
ECTOPIC_S: Final = (-0.1, 0.45)
MAX_HIDDEN_SHARE: Final = 0.8  # of the recording


@dataclass(frozen=True, eq=False)
class Remainder:
    """The recording at ATRIAL_HZ without ventricular complexes.

    wave       (leads, samples) mV: in the band of P waves
    hidden     (samples,) whether a QRS complex or a beat of another morphology hides the atria
    under_t    (samples,) whether a QRS-T was subtracted, and with it what recurs at its place
    onsets_s   (beats,) QRS onsets
    rows       (leads,) which rows of the recording they are
    """

    wave: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    under_t: NDArray[np.bool_]
    onsets_s: NDArray[np.float64]
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class _Span:
    """Samples from each beat's centre: of the QRS complex, and to the end of what is subtracted."""

    qrs_start: int
    qrs_stop: int
    t_stop: int


def atrial_remainder(
    ready: Conditioned, beats: Beats, times: NDArray[np.float64]
) -> Remainder | None:
    """Return what is left of the recording; None if the ventricles leave hardly anything.

    times  (5,) boundaries in ms from each beat's centre, NaN for none
    """
    onset_s, span = _span(beats, times)
    informative = np.array(informative_rows(ready.varying), np.intp)
    rows = informative[ready.varying[informative]]
    signal = ready.signal[rows, ::STRIDE].astype(np.float64)
    centres = np.rint(beats.centre_s * ATRIAL_HZ).astype(np.intp)
    hidden = _hidden(centres, beats.normal, span, signal.shape[1])
    hidden |= ready.missing[::STRIDE]
    if signal.shape[0] == 0 or hidden.mean() > MAX_HIDDEN_SHARE:
        return None
    under_t = _subtract_complexes(signal, centres, beats.normal, span)
    shown = np.flatnonzero(~hidden)
    samples = np.arange(signal.shape[1])
    bridged = np.stack([np.interp(samples, shown, lead[shown]) for lead in signal])
    wave = _running_mean(bridged, NARROW_SAMPLES) - _running_mean(bridged, WIDE_SAMPLES)
    return Remainder(wave, hidden, under_t, beats.centre_s + onset_s, rows)


def _span(beats: Beats, times: NDArray[np.float64]) -> tuple[float, _Span]:
    """Return the QRS onset in seconds from the centre, and the span of the complexes."""
    onset_s, offset_s, t_end_s = (times[[QRS_ON, QRS_OFF, T_OFF]] / 1000.0).tolist()
    rr_s = float(median(np.diff(beats.centre_s)))
    if not np.isfinite(onset_s):
        onset_s = USUAL_ONSET_S
    if not np.isfinite(offset_s):
        offset_s = onset_s + USUAL_QRS_S
    if not np.isfinite(t_end_s):
        t_end_s = onset_s + USUAL_QT_S * float(np.sqrt(rr_s))
    t_end_s = min(t_end_s + AFTER_T_S, rr_s + onset_s - AROUND_QRS_S)
    span = _Span(
        qrs_start=round((onset_s - AROUND_QRS_S) * ATRIAL_HZ),
        qrs_stop=round((offset_s + AROUND_QRS_S) * ATRIAL_HZ) + 1,
        t_stop=round(t_end_s * ATRIAL_HZ),
    )
    return onset_s, span


def _hidden(
    centres: NDArray[np.intp], normal: NDArray[np.bool_], span: _Span, samples: int
) -> NDArray[np.bool_]:
    """Return (samples,) where the ventricles hide the atria."""
    hidden = np.zeros(samples, np.bool_)
    before, after = (round(seconds * ATRIAL_HZ) for seconds in ECTOPIC_S)
    for centre, is_normal in zip(centres.tolist(), normal.tolist(), strict=True):
        start = centre + (span.qrs_start if is_normal else before)
        stop = centre + (span.qrs_stop if is_normal else after)
        hidden[max(0, start) : max(0, stop)] = True
    return hidden


def _subtract_complexes(
    signal: NDArray[np.float64], centres: NDArray[np.intp], normal: NDArray[np.bool_], span: _Span
) -> NDArray[np.bool_]:
    """Subtract the median QRS-T from each normal beat of (leads, samples), in place.

    Returns (samples,) where it was subtracted: nowhere with fewer than two whole complexes.
    """
    samples = signal.shape[1]
    under_t = np.zeros(samples, np.bool_)
    places = centres[normal]
    is_whole = (places + span.qrs_start >= 0) & (places + span.t_stop <= samples)
    length = span.t_stop - span.qrs_start
    if is_whole.sum() < 2 or length <= 0:
        return under_t
    starts = places[is_whole] + span.qrs_start
    complexes = np.stack([signal[:, start : start + length] for start in starts.tolist()])
    usual = np.median(complexes, axis=0)
    usual -= usual[:, -1:].copy()
    next_starts = np.append(centres[1:] + span.qrs_start, samples)[normal]
    for centre, next_start in zip(places.tolist(), next_starts.tolist(), strict=True):
        first = centre + span.qrs_start
        start, stop = max(0, first), min(first + length, next_start, samples)
        if stop > start:
            signal[:, start:stop] -= usual[:, start - first : stop - first]
            under_t[start:stop] = True
    return under_t


def _running_mean(signal: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Return the mean over an odd number of samples about each of (leads, samples)."""
    half = samples // 2
    padded = np.pad(signal, ((0, 0), (half + 1, half)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    return np.asarray((sums[:, samples:] - sums[:, :-samples]) / samples, np.float64)
