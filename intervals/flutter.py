"""Flutter waves: one atrial rhythm of 220 to 350 per minute, whatever the ventricles do.

Between the end of T and the next QRS complex only the atria are seen. Flutter is a circuit whose
period varies by a few milliseconds: a single saw-tooth (a sinusoid and its octave) with one phase
from the first beat to the last explains these stretches. Fibrillation loses its phase within a
second, and P waves come once a beat. At 2:1 conduction hardly anything is left between T and QRS,
and no flutter is reported.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import Beats
from intervals.fiducials import QRS_ON, T_OFF, Fiducials
from intervals.p_waves import P_PRESENT, beat_to_beat_change
from signals.conditioned import RATE_HZ, Conditioned

# Typical flutter; slower under drugs, which the lower bound leaves room for (atrial tachycardia is
# slower still).
RATES_PER_MIN: Final = (220.0, 350.0)
# A frequency wrong by half a step turns the phase by a fifth of a cycle over ten seconds.
STEP_HZ: Final = 0.04
STRIDE: Final = 5  # to 100 Hz, well above twice the octave of 350 per minute
MIN_STRETCH_S: Final = 0.2  # a stretch shorter than a cycle hardly shows its period
MIN_SECONDS: Final = 2.0  # of all stretches together
BEFORE_QRS_S: Final = 0.02
# Without an end of T: the QT interval in seconds over the square root of RR in seconds.
QT_WITHOUT_T_S: Final = 0.38
# Share of the variance; medians on PTB-XL folds 1-8: flutter 0.84, fibrillation 0.11.
MIN_EXPLAINED: Final = 0.7
# With a regular ventricular rhythm any P wave has one phase: each stretch must then hold more than
# a single wave.
REGULAR: Final = 0.03
MIN_CYCLES: Final = 1.5
INFERIOR_AND_V1: Final = (1, 2, 5, 6)  # II, III, aVF and V1, in which flutter waves are largest

Stretch = tuple[int, int]
"""First sample and the one after the last, at RATE_HZ, between a T wave and the next QRS."""


def flutter_per_min(ready: Conditioned, beats: Beats, fiducials: Fiducials) -> float | None:
    """Return the rate of flutter waves.

    None where there are none, or where the recording between T and QRS is too short to tell.
    """
    if fiducials.p_present >= P_PRESENT:
        return None
    per_min, explained = atrial_wave(ready, beats, fiducials.times)
    if explained < MIN_EXPLAINED:
        return None

    stretches = _stretches(beats, fiducials.times, ready.signal.shape[1])
    mean_samples = float(np.mean([stop - start for start, stop in stretches]))
    cycles = mean_samples / RATE_HZ * per_min / 60.0
    if cycles < MIN_CYCLES and beat_to_beat_change(beats) < REGULAR:
        return None
    return per_min


def atrial_wave(
    ready: Conditioned, beats: Beats, times: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the rate per minute of the best single saw-tooth between the beats, and its fit.

    The fit is the share of the variance that it explains, 0..1. Both are 0 where the recording
    between T and QRS is too short.

    times  (5,) ms from each beat's centre
    """
    stretches = _stretches(beats, times, ready.signal.shape[1])
    total_samples = sum(stop - start for start, stop in stretches)
    leads = [lead for lead in INFERIOR_AND_V1 if lead < len(ready.varying) and ready.varying[lead]]
    if not leads or total_samples < MIN_SECONDS * RATE_HZ:
        return 0.0, 0.0

    signal = ready.signal[np.array(leads, np.intp)]
    places = [np.arange(start, stop, STRIDE) for start, stop in stretches]
    pieces = [_about_mean(signal[:, samples].astype(np.float64)) for samples in places]
    wave = np.concatenate(pieces, axis=1)
    total = float(np.square(wave).sum())
    if total <= 0:
        return 0.0, 0.0

    low, high = RATES_PER_MIN
    hertz = np.arange(low / 60.0, high / 60.0 + STEP_HZ, STEP_HZ)
    explained = _explained(hertz, places, wave) / total
    best = int(explained.argmax())
    return float(hertz[best] * 60.0), float(explained[best])


def _stretches(beats: Beats, times: NDArray[np.float64], samples: int) -> list[Stretch]:
    """Return the stretches from the end of each T to the next QRS onset that are long enough.

    The last beat's QRS may begin after the recording's end.
    """
    centres = beats.centre_s
    rr_s = np.diff(centres)
    if rr_s.size == 0 or not np.isfinite(times[QRS_ON]):
        return []
    qrs_onset_s = times[QRS_ON] / 1000.0
    if np.isfinite(times[T_OFF]):
        t_end_s = times[T_OFF] / 1000.0
    else:
        t_end_s = qrs_onset_s + QT_WITHOUT_T_S * float(np.median(rr_s)) ** 0.5

    starts_s = centres[:-1] + t_end_s
    stops_s = centres[1:] + qrs_onset_s - BEFORE_QRS_S
    stretches = []
    for start_s, stop_s in zip(starts_s, stops_s, strict=True):
        start = max(0, round(start_s * RATE_HZ))
        stop = min(samples, round(stop_s * RATE_HZ))
        if stop - start >= MIN_STRETCH_S * RATE_HZ:
            stretches.append((start, stop))
    return stretches


def _about_mean(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    """(leads, samples), each lead less its mean."""
    return np.asarray(wave - wave.mean(axis=1, keepdims=True), np.float64)


def _explained(
    hertz: NDArray[np.float64], places: list[NDArray[np.intp]], wave: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sum of squares that a sinusoid and its octave explain, by least squares.

    hertz   (frequencies,)
    places  the samples of each stretch, at RATE_HZ
    wave    (leads, samples) of all stretches, one after the other

    Returns (frequencies,).
    """
    pieces = []
    for samples in places:
        phase = 2j * np.pi * hertz[:, None] * (samples / RATE_HZ)
        turning = np.exp(phase)
        octave = turning**2
        basis = np.stack([turning.real, turning.imag, octave.real, octave.imag], axis=1)
        # About its mean in each stretch, as the wave is.
        pieces.append(basis - basis.mean(axis=2, keepdims=True))

    basis = np.concatenate(pieces, axis=2)  # (frequencies, 4, samples)
    projections = basis @ wave.T  # (frequencies, 4, leads)
    gram = basis @ basis.transpose(0, 2, 1)
    # A ridge of a millionth keeps the system solvable.
    trace = np.trace(gram, axis1=1, axis2=2)[:, None, None]
    gram += 1e-6 * trace * np.eye(4)
    coefficients = np.linalg.solve(gram, projections)
    return np.asarray((projections * coefficients).sum(axis=(1, 2)), np.float64)
