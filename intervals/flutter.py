"""Flutter waves: one atrial rhythm of 220 to 350 per minute that goes on through the recording, whatever the ventricles do.

Between the end of T and the next QRS complex only the atria are seen. Flutter is a circuit, and keeps its period to a few
milliseconds: a single saw-tooth (a sinusoid and its octave) with one phase from the first beat to the last explains what is
there. Fibrillation loses its phase within a second, and P waves come once a beat. At 2:1 conduction hardly anything lies
between T and QRS, and nothing is claimed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import Beats
from intervals.fiducials import QRS_ON, T_OFF, Fiducials
from intervals.p_waves import P_PRESENT, irregularity
from signals.conditioned import RATE_HZ, Conditioned

# Typical flutter; slower under drugs, which the lower bound leaves room for (atrial tachycardia is slower still).
RATES_PER_MIN: Final = (220.0, 350.0)
STEP_HZ: Final = (
    0.04  # a frequency wrong by half of it turns the phase by a fifth of a cycle over ten seconds
)
STRIDE: Final = 5  # 100 Hz holds the octave of 350 per minute with room
MIN_STRETCH_S: Final = 0.2  # a stretch shorter than a cycle says little of its period
MIN_SECONDS: Final = 2.0  # of stretches in all
BEFORE_QRS_S: Final = 0.02
QT_WITHOUT_T_S: Final = 0.38  # where the end of T is not seen, times the root of RR in s
MIN_EXPLAINED: Final = (
    0.7  # of the variance; medians on PTB-XL folds 1-8: flutter 0.84, fibrillation 0.11
)
# Where the ventricles keep time, any P wave has one phase: then more than a single wave must be seen in each stretch.
REGULAR: Final = 0.03
MIN_CYCLES: Final = 1.5
INFERIOR_AND_V1: Final = (1, 2, 5, 6)  # II, III, aVF and V1, where flutter waves stand out


def flutter_per_min(ready: Conditioned, beats: Beats, said: Fiducials) -> float | None:
    """The rate of flutter waves; None where there are none, or too little lies between T and QRS to tell."""
    if said.p_present >= P_PRESENT:
        return None
    per_min, explained = atrial_wave(ready, beats, said.times)
    if explained < MIN_EXPLAINED:
        return None
    stretches = _stretches(beats, said.times, ready.signal.shape[1])
    cycles = float(np.mean([stop - start for start, stop in stretches])) / RATE_HZ * per_min / 60.0
    return None if cycles < MIN_CYCLES and irregularity(beats) < REGULAR else per_min


def atrial_wave(
    ready: Conditioned, beats: Beats, times: NDArray[np.float64]
) -> tuple[float, float]:
    """The best single saw-tooth between the beats: its rate, and what share of the variance it explains, 0..1.

    `times` (5,) ms from each beat's centre. (0, 0) where too little lies between T and QRS.
    """
    rows = np.array(
        [row for row in INFERIOR_AND_V1 if row < len(ready.varying) and ready.varying[row]], np.intp
    )
    stretches = _stretches(beats, times, ready.signal.shape[1])
    if not rows.size or sum(stop - start for start, stop in stretches) < MIN_SECONDS * RATE_HZ:
        return 0.0, 0.0
    at = [np.arange(start, stop, STRIDE) for start, stop in stretches]
    wave = np.concatenate(
        [_centred(ready.signal[rows][:, each].astype(np.float64)) for each in at], axis=1
    )
    total = float(np.square(wave).sum())
    if total <= 0:
        return 0.0, 0.0
    low, high = RATES_PER_MIN
    hertz = np.arange(low / 60.0, high / 60.0 + STEP_HZ, STEP_HZ)
    explained = _explained(hertz, at, wave) / total
    best = int(explained.argmax())
    return float(hertz[best] * 60.0), float(explained[best])


def _stretches(beats: Beats, times: NDArray[np.float64], samples: int) -> list[tuple[int, int]]:
    """(start, stop) samples from the end of each T to the next QRS onset, of those long enough; the last beat may hang over the end."""
    centre = beats.centre_s
    rr = np.diff(centre)
    if rr.size == 0 or not np.isfinite(times[QRS_ON]):
        return []
    onset = times[QRS_ON] / 1000.0
    end = (
        times[T_OFF] / 1000.0
        if np.isfinite(times[T_OFF])
        else onset + QT_WITHOUT_T_S * float(np.median(rr)) ** 0.5
    )
    found = zip(centre[:-1] + end, centre[1:] + onset - BEFORE_QRS_S, strict=True)
    within = (
        (max(0, round(start * RATE_HZ)), min(samples, round(stop * RATE_HZ)))
        for start, stop in found
    )
    return [(start, stop) for start, stop in within if stop - start >= MIN_STRETCH_S * RATE_HZ]


def _centred(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(wave - wave.mean(axis=1, keepdims=True), np.float64)


def _explained(
    hertz: NDArray[np.float64], at: list[NDArray[np.intp]], wave: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(frequencies,) sum of squares of `wave` (leads, samples) that a sinusoid and its octave explain, by least squares."""
    parts = []
    for each in at:
        phase = 2j * np.pi * hertz[:, None] * (each / RATE_HZ)
        turning = np.exp(phase)
        basis = np.stack([turning.real, turning.imag, (turning**2).real, (turning**2).imag], axis=1)
        parts.append(
            basis - basis.mean(axis=2, keepdims=True)
        )  # as each stretch is taken about its mean
    basis = np.concatenate(parts, axis=2)  # (frequencies, 4, samples)
    towards = basis @ wave.T  # (frequencies, 4, leads)
    square = basis @ basis.transpose(0, 2, 1)
    square += 1e-6 * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(4)
    return np.asarray((towards * np.linalg.solve(square, towards)).sum(axis=(1, 2)), np.float64)
