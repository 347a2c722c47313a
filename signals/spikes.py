"""Pacing spikes: deflections of a sample or three that no heart makes, on the unfiltered recording.

A spike is what a running median of 14 ms takes out of a lead, in two leads at once, and nothing but a spike: against a
running median of 40 ms it stands hardly higher, where the tip of a narrow QRS stands several times as high. At 500 Hz
the pulses of 0.4 to 2 ms are spread by the recorder's own filter over 1 to 3 samples; below 250 Hz nothing of them is left.

The limits were chosen on half of LUDB and 58 recordings of PTB-XL, of which 9 are paced: figures on these are in sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from signals.ends import pad_edges
from signals.order import median

MIN_FS_HZ: Final = 250.0
NARROW_MS: Final = 14.0  # twice the widest spike at 500 Hz, half of the narrowest QRS
WIDE_MS: Final = 40.0  # most of a narrow QRS
MIN_SHARE: Final = 0.8  # of the height over the wide median
MIN_HEIGHT_MV: Final = 0.2  # the second-highest lead's
LEADS_AT_ONCE: Final = 2
MAX_PER_SECOND: Final = 5.0  # two a beat up to 150 /min; more is mains hum, muscle or a broken lead
APART_MS: Final = (
    8.0  # a spike's own ringing; the two of a dual-chamber pacemaker are 80 ms apart and more
)
_MARGIN_MV: Final = 0.001
_AT_A_TIME: Final = (
    4096  # places whose surroundings are laid out at once: ten noisy minutes have a million
)

# Where a spike lies before the beat's R peak (middle of the steepest part of the QRS), which a paced QRS reaches late.
VENTRICULAR_MS: Final = (-120.0, -12.0)
ATRIAL_MS: Final = (-330.0, -120.0)
STABLE_MS: Final = (
    12.0  # how far a beat's spike may lie from the others' and still be the same pacemaker's
)
MIN_BEATS: Final = 3

Chamber = Literal["atrial", "ventricular", "dual"]


@dataclass(frozen=True, eq=False)
class Spikes:
    """What looks like pacing, before anybody asks whether it stands in a relation to beats.

    times_s, heights_mv  (spikes,): when, and how high in the second-highest lead
    invisible_reason     why spikes cannot be seen in this recording, None where they could be
    """

    times_s: NDArray[np.float64]
    heights_mv: NDArray[np.float64]
    invisible_reason: str | None = None


@dataclass(frozen=True)
class Pacing:
    """Beats with a spike in a stable relation before them, by where it lies; `chamber` None where too few have one.

    ventricular_r_s  R peaks, in seconds, of the beats with a ventricular spike
    """

    atrial_beats: int
    ventricular_beats: int
    beats: int
    ventricular_r_s: tuple[float, ...] = ()

    @property
    def chamber(self) -> Chamber | None:
        atrial, ventricular = self.atrial_beats >= MIN_BEATS, self.ventricular_beats >= MIN_BEATS
        return (
            "dual"
            if atrial and ventricular
            else "atrial"
            if atrial
            else "ventricular"
            if ventricular
            else None
        )


def find_spikes(signal: NDArray[np.floating], fs: float) -> Spikes:
    """Spikes in a recording (leads, samples) in mV, unfiltered; NaN are gaps, whose surroundings count for nothing."""
    nothing = np.zeros(0)
    if fs < MIN_FS_HZ:
        return Spikes(
            nothing,
            nothing,
            f"at {fs:g} Hz pacing spikes cannot be seen; {MIN_FS_HZ:g} Hz are needed",
        )
    if signal.shape[0] < LEADS_AT_ONCE:
        return Spikes(
            nothing,
            nothing,
            f"pacing spikes are looked for in {LEADS_AT_ONCE} leads at once; there is one",
        )
    height = _heights(signal, fs)
    at = _peaks(height, round(APART_MS * fs / 1000))
    if at.size > MAX_PER_SECOND * signal.shape[1] / fs:
        return Spikes(
            nothing,
            nothing,
            "noise or mains hum is full of deflections like pacing spikes, which cannot be told from them",
        )
    return Spikes(at / fs, height[at].astype(np.float64))


def find_pacing(spikes: Spikes, r_times_s: NDArray[np.float64]) -> Pacing:
    """How many beats (R peaks in seconds) the spikes belong to: before the QRS or before the P, always at the same distance."""
    if spikes.times_s.size == 0:
        return Pacing(0, 0, len(r_times_s))
    distances_ms = [1000 * (spikes.times_s - r) for r in r_times_s]
    atrial, ventricular = _stable(distances_ms, ATRIAL_MS), _stable(distances_ms, VENTRICULAR_MS)
    ventricular_r_s = tuple(r_times_s[ventricular].tolist())
    return Pacing(int(atrial.sum()), int(ventricular.sum()), len(r_times_s), ventricular_r_s)


def _heights(signal: NDArray[np.floating], fs: float) -> NDArray[np.floating]:
    """(samples,) mV: the second-highest lead's deflection, of those that are as narrow as a spike."""
    filled, missing = _without_gaps(signal)
    height = np.zeros(filled.shape[1], filled.dtype)
    at = _may_stand_out(filled.astype(np.float32, copy=False), _half_width(NARROW_MS, fs))
    narrow = _over_median(filled, at, _half_width(NARROW_MS, fs))
    high = _second(narrow) >= MIN_HEIGHT_MV
    half = _half_width(WIDE_MS, fs)
    if missing is not None:
        gone = np.concatenate([[0], np.cumsum(missing)])
        high &= gone[np.minimum(at + half + 1, missing.size)] == gone[np.maximum(at - half, 0)]
    at, narrow = at[high], narrow[:, high]
    wide = _over_median(filled, at, half)
    height[at] = _second(np.where(narrow >= MIN_SHARE * wide, narrow, 0.0))
    return height


def _without_gaps(
    signal: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Zero for NaN, and (samples,) where any lead had one; None where none had."""
    if np.isfinite(signal).all():
        return signal, None
    return np.nan_to_num(signal), np.asarray(np.isnan(signal).any(axis=0))


def _may_stand_out(signal: NDArray[np.float32], half: int) -> NDArray[np.intp]:
    """Samples that at least two leads may have over the limit; the median, which is dear, is taken of no others.

    What stands out of a median of `half` samples on either side stands out of more than `half` of these: of one on each side
    at the least, in the same direction. Single precision tells it, with a margin.
    """
    padded = pad_edges(signal, half, half)
    samples = signal.shape[1]
    lowest, highest = _running(padded, half, np.minimum), _running(padded, half, np.maximum)
    above = signal - np.maximum(lowest[:, :samples], lowest[:, half + 1 :][:, :samples])
    below = np.minimum(highest[:, :samples], highest[:, half + 1 :][:, :samples]) - signal
    stands_out = np.maximum(above, below, out=above) >= MIN_HEIGHT_MV - _MARGIN_MV
    leads = stands_out.view(np.int8).sum(axis=0, dtype=np.int16)
    return np.flatnonzero(leads >= LEADS_AT_ONCE)


def _running(signal: NDArray[np.float32], width: int, of_two: np.ufunc) -> NDArray[np.float32]:
    """(leads, samples - width + 1): the least or greatest of `width` samples from each one on, by doubling."""
    found, covered = signal, 1
    while covered < width:
        step = min(covered, width - covered)
        found, covered = of_two(found[:, :-step], found[:, step:]), covered + step
    return found


def _over_median(
    signal: NDArray[np.floating], at: NDArray[np.intp], half: int
) -> NDArray[np.floating]:
    """(leads, places): how far each stands from the median of `half` samples on either side; at the ends the last one is held."""
    found = np.empty((len(signal), at.size), signal.dtype)
    for start in range(0, at.size, _AT_A_TIME):
        some = at[start : start + _AT_A_TIME]
        around = some[:, np.newaxis] + np.arange(-half, half + 1)
        middle = median(signal.take(around, axis=1, mode="clip"))
        found[:, start : start + _AT_A_TIME] = np.abs(signal[:, some] - middle)
    return found


def _second(heights: NDArray[np.floating]) -> NDArray[np.floating]:
    """(leads, places) -> (places,): the second-highest lead's."""
    return np.asarray(np.partition(heights, -LEADS_AT_ONCE, axis=0)[-LEADS_AT_ONCE])


def _half_width(width_ms: float, fs: float) -> int:
    return max(1, round(width_ms * fs / 2000))


def _peaks(height: NDArray[np.floating], apart: int) -> NDArray[np.intp]:
    """Samples over the limit that are the highest within `apart` of them."""
    found: list[int] = []
    for sample in np.flatnonzero(height >= MIN_HEIGHT_MV).tolist():
        if found and sample - found[-1] <= apart:
            found[-1] = max(found[-1], sample, key=lambda at: height[at])
        else:
            found.append(sample)
    return np.array(found, np.intp)


def _stable(
    distances_ms: list[NDArray[np.float64]], window_ms: tuple[float, float]
) -> NDArray[np.bool_]:
    """(beats,): whose spike lies within `STABLE_MS` of the distance that most beats share; few for distances all over the place."""
    inside = [ms[(ms >= window_ms[0]) & (ms < window_ms[1])] for ms in distances_ms]
    every = np.concatenate([*inside, np.zeros(0)])
    near = [
        np.array([bool((np.abs(ms - centre) <= STABLE_MS).any()) for ms in inside], np.bool_)
        for centre in every
    ]
    return max(near, key=np.count_nonzero, default=np.zeros(len(inside), np.bool_))
