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
from scipy.ndimage import median_filter

MIN_FS_HZ: Final = 250.0
NARROW_MS: Final = 14.0  # twice the widest spike at 500 Hz, half of the narrowest QRS
WIDE_MS: Final = 40.0  # most of a narrow QRS
MIN_SHARE: Final = 0.8  # of the height over the wide median
MIN_HEIGHT_MV: Final = 0.2  # the second-highest lead's
LEADS_AT_ONCE: Final = 2
MAX_PER_SECOND: Final = 5.0  # two a beat up to 150 /min; more is mains hum, muscle or a broken lead
APART_MS: Final = 8.0  # a spike's own ringing; the two of a dual-chamber pacemaker are 80 ms apart and more

# Where a spike lies before the beat's R peak (middle of the steepest part of the QRS), which a paced QRS reaches late.
VENTRICULAR_MS: Final = (-120.0, -12.0)
ATRIAL_MS: Final = (-330.0, -120.0)
STABLE_MS: Final = 12.0  # how far a beat's spike may lie from the others' and still be the same pacemaker's
MIN_BEATS: Final = 3

Chamber = Literal["atrial", "ventricular", "dual"]


@dataclass(frozen=True, eq=False)
class Spikes:
    """What looks like pacing, before anybody asks whether it stands in a relation to beats.

    times_s, heights_mv  (spikes,): when, and how high in the second-highest lead
    invisible            why spikes cannot be seen in this recording, None where they could be
    """

    times_s: NDArray[np.float64]
    heights_mv: NDArray[np.float64]
    invisible: str | None = None


@dataclass(frozen=True)
class Pacing:
    """Beats with a spike in a stable relation before them, by where it lies; `chamber` None where too few have one.

    paced_s  R peaks, in seconds, of the beats with a ventricular spike
    """

    atrial_beats: int
    ventricular_beats: int
    beats: int
    paced_s: tuple[float, ...] = ()

    @property
    def chamber(self) -> Chamber | None:
        atrial, ventricular = self.atrial_beats >= MIN_BEATS, self.ventricular_beats >= MIN_BEATS
        return "dual" if atrial and ventricular else "atrial" if atrial else "ventricular" if ventricular else None


def find_spikes(signal: NDArray[np.floating], fs: float) -> Spikes:
    """Spikes in a recording (leads, samples) in mV, unfiltered; NaN are gaps, whose surroundings count for nothing."""
    nothing = np.zeros(0)
    if fs < MIN_FS_HZ:
        return Spikes(nothing, nothing, f"at {fs:g} Hz pacing spikes cannot be seen; {MIN_FS_HZ:g} Hz are needed")
    if signal.shape[0] < LEADS_AT_ONCE:
        return Spikes(nothing, nothing, f"pacing spikes are looked for in {LEADS_AT_ONCE} leads at once; there is one")
    height = _heights(signal, fs)
    at = _peaks(height, round(APART_MS * fs / 1000))
    if at.size > MAX_PER_SECOND * signal.shape[1] / fs:
        return Spikes(nothing, nothing, "noise or mains hum is full of deflections like pacing spikes, which cannot be told from them")
    return Spikes(at / fs, height[at])


def pacing(spikes: Spikes, r_times_s: NDArray[np.float64]) -> Pacing:
    """How many beats (R peaks in seconds) the spikes belong to: before the QRS or before the P, always at the same distance."""
    distances_ms = [1000 * (spikes.times_s - r) for r in r_times_s]
    atrial, ventricular = _stable(distances_ms, ATRIAL_MS), _stable(distances_ms, VENTRICULAR_MS)
    paced_s = tuple(r_times_s[ventricular].tolist())
    return Pacing(int(atrial.sum()), int(ventricular.sum()), len(r_times_s), paced_s)


def _heights(signal: NDArray[np.floating], fs: float) -> NDArray[np.float64]:
    """(samples,) mV: the second-highest lead's deflection, of those that are as narrow as a spike."""
    filled = np.nan_to_num(np.asarray(signal, np.float64))
    narrow = np.abs(filled - _median(filled, NARROW_MS, fs))
    # The wide median costs most of the time, and only the few samples over the limit need it.
    candidates = np.flatnonzero(np.partition(narrow, -LEADS_AT_ONCE, axis=0)[-LEADS_AT_ONCE] >= MIN_HEIGHT_MV)
    height = np.zeros(filled.shape[1])
    half = _half_width(WIDE_MS, fs)
    missing = np.isnan(signal).any(axis=0)
    padded = np.pad(filled, ((0, 0), (half, half)), mode="edge")
    for sample in candidates.tolist():
        if missing[max(0, sample - half) : sample + half + 1].any():
            continue
        wide = np.abs(filled[:, sample] - np.median(padded[:, sample : sample + 2 * half + 1], axis=1))
        own = np.where(narrow[:, sample] >= MIN_SHARE * wide, narrow[:, sample], 0.0)
        height[sample] = np.partition(own, -LEADS_AT_ONCE)[-LEADS_AT_ONCE]
    return height


def _median(signal: NDArray[np.float64], width_ms: float, fs: float) -> NDArray[np.float64]:
    return np.asarray(median_filter(signal, size=(1, 2 * _half_width(width_ms, fs) + 1), mode="nearest"), np.float64)


def _half_width(width_ms: float, fs: float) -> int:
    return max(1, round(width_ms * fs / 2000))


def _peaks(height: NDArray[np.float64], apart: int) -> NDArray[np.intp]:
    """Samples over the limit that are the highest within `apart` of them."""
    found: list[int] = []
    for sample in np.flatnonzero(height >= MIN_HEIGHT_MV).tolist():
        if found and sample - found[-1] <= apart:
            found[-1] = max(found[-1], sample, key=lambda at: height[at])
        else:
            found.append(sample)
    return np.array(found, np.intp)


def _stable(distances_ms: list[NDArray[np.float64]], window_ms: tuple[float, float]) -> NDArray[np.bool_]:
    """(beats,): whose spike lies within `STABLE_MS` of the distance that most beats share; few for distances all over the place."""
    inside = [ms[(ms >= window_ms[0]) & (ms < window_ms[1])] for ms in distances_ms]
    every = np.concatenate([*inside, np.zeros(0)])
    near = [np.array([bool((np.abs(ms - centre) <= STABLE_MS).any()) for ms in inside], np.bool_) for centre in every]
    return max(near, key=np.count_nonzero, default=np.zeros(len(inside), np.bool_))
