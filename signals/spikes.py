"""Pacing spikes: deflections of one to three samples that no heart makes.

They are found in the unfiltered recording. A spike is a deflection that a running median of 14 ms
removes from a lead, in two leads at once. It is only a spike if a running median of 40 ms removes
hardly more: of the tip of a narrow QRS complex, that would remove several times as much. At 500 Hz,
pulses of 0.4 to 2 ms are spread over 1 to 3 samples by the recorder's own filter. Below 250 Hz
nothing of them is left.

The limits were chosen on half of LUDB and on 58 recordings of PTB-XL, 9 of which are paced. Figures
on these recordings are in-sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from signals.ends import pad_edges
from signals.order import median

MIN_FS_HZ: Final = 250.0
# Twice the widest spike at 500 Hz, and half of the narrowest QRS complex.
NARROW_MS: Final = 14.0
# Most of a narrow QRS complex.
WIDE_MS: Final = 40.0
# Smallest height over the narrow median, as a share of the height over the wide one.
MIN_SHARE: Final = 0.8
# In the second-highest lead.
MIN_HEIGHT_MV: Final = 0.2
LEADS_AT_ONCE: Final = 2
# Two for each beat up to 150 /min. More are mains hum, muscle noise or a broken lead.
MAX_PER_SECOND: Final = 5.0
# Closer deflections are a spike's own ringing. The two spikes of a dual-chamber pacemaker are 80 ms
# apart and more.
APART_MS: Final = 8.0
_MARGIN_MV: Final = 0.001
# Number of samples whose surroundings are in memory at once. Ten noisy minutes have a million.
_CHUNK_SAMPLES: Final = 4096

# Where a spike is relative to the beat's R peak (the middle of the steepest part of the QRS
# complex), which comes late in a paced QRS complex.
VENTRICULAR_MS: Final = (-120.0, -12.0)
ATRIAL_MS: Final = (-330.0, -120.0)
# Largest difference between beats in the distance of their spikes.
STABLE_MS: Final = 12.0
MIN_BEATS: Final = 3

Chamber = Literal["atrial", "ventricular", "dual"]


@dataclass(frozen=True, eq=False)
class Spikes:
    """Deflections like pacing spikes, whatever their distance to beats.

    times_s           (spikes,) seconds from the start
    heights_mv        (spikes,) height in the second-highest lead
    invisible_reason  why spikes cannot be seen in this recording; None if they can
    """

    times_s: NDArray[np.float64]
    heights_mv: NDArray[np.float64]
    invisible_reason: str | None = None


@dataclass(frozen=True)
class Pacing:
    """How many beats have a spike at a stable distance before them.

    atrial_beats, ventricular_beats  beats with such a spike before the P wave, before the QRS
    beats            all beats
    ventricular_r_s  R peaks in seconds of the beats with a ventricular spike
    """

    atrial_beats: int
    ventricular_beats: int
    beats: int
    ventricular_r_s: tuple[float, ...] = ()

    @property
    def chamber(self) -> Chamber | None:
        """The paced chamber, or None if too few beats have a spike."""
        is_atrial = self.atrial_beats >= MIN_BEATS
        is_ventricular = self.ventricular_beats >= MIN_BEATS
        if is_atrial and is_ventricular:
            return "dual"
        if is_atrial:
            return "atrial"
        if is_ventricular:
            return "ventricular"
        return None


def find_spikes(signal: NDArray[np.floating], fs: float) -> Spikes:
    """Find the deflections like pacing spikes in an unfiltered recording.

    signal  (leads, samples) in mV, NaN for gaps; nothing is found near a gap
    """
    leads, samples = signal.shape
    if fs < MIN_FS_HZ:
        return _invisible(
            f"pacing spikes cannot be seen at {fs:g} Hz; at least {MIN_FS_HZ:g} Hz are required"
        )
    if leads < LEADS_AT_ONCE:
        return _invisible(
            f"pacing spikes are searched for in at least {LEADS_AT_ONCE} leads at once;"
            f" the recording has {leads}"
        )
    heights = _spike_heights(signal, fs)
    peaks = _peaks(heights, round(APART_MS * fs / 1000))
    if peaks.size > MAX_PER_SECOND * samples / fs:
        return _invisible(
            "noise or mains hum contains many deflections that look like pacing spikes,"
            " which cannot be distinguished from them"
        )
    return Spikes(peaks / fs, heights[peaks].astype(np.float64))


def _invisible(reason: str) -> Spikes:
    return Spikes(np.zeros(0), np.zeros(0), reason)


def find_pacing(spikes: Spikes, r_times_s: NDArray[np.float64]) -> Pacing:
    """Count the beats that the spikes belong to.

    A spike belongs to a beat if it comes before its QRS complex, or before its P wave, at the same
    distance as the spikes of the other beats.

    r_times_s  (beats,) R peaks in seconds
    """
    beats = len(r_times_s)
    if spikes.times_s.size == 0:
        return Pacing(0, 0, beats)
    distances_ms = [1000 * (spikes.times_s - r) for r in r_times_s]
    atrial = _with_stable_spike(distances_ms, ATRIAL_MS)
    ventricular = _with_stable_spike(distances_ms, VENTRICULAR_MS)
    ventricular_r_s = tuple(r_times_s[ventricular].tolist())
    return Pacing(int(atrial.sum()), int(ventricular.sum()), beats, ventricular_r_s)


def _with_stable_spike(
    distances_ms: list[NDArray[np.float64]], window_ms: tuple[float, float]
) -> NDArray[np.bool_]:
    """Return (beats,) which beats have a spike at the distance that most beats share.

    distances_ms  for each beat the distances (spikes,) of all spikes
    window_ms     from (inclusive) and to (exclusive) which distances count
    If the distances vary from beat to beat, few beats share one.
    """
    in_window = []
    for distances in distances_ms:
        is_inside = (distances >= window_ms[0]) & (distances < window_ms[1])
        in_window.append(distances[is_inside])
    most = np.zeros(len(in_window), np.bool_)
    # Every distance is tried as the common one; of equally good ones the first counts.
    for centre in np.concatenate([*in_window, np.zeros(0)]):
        near = [bool((np.abs(distances - centre) <= STABLE_MS).any()) for distances in in_window]
        if sum(near) > np.count_nonzero(most):
            most = np.array(near, np.bool_)
    return most


def _spike_heights(signal: NDArray[np.floating], fs: float) -> NDArray[np.floating]:
    """Return (samples,) in mV the second-highest lead's deflection, of leads with a narrow one.

    The medians are expensive, so each step computes them for fewer samples than the one before.
    """
    filled, missing = _zero_gaps(signal)
    half_narrow = _half_width(NARROW_MS, fs)
    half_wide = _half_width(WIDE_MS, fs)
    # (places,) samples of the recording
    places = _candidates(filled.astype(np.float32, copy=False), half_narrow)
    # (leads, places)
    narrow = _over_median(filled, places, half_narrow)
    is_high = _second_highest(narrow) >= MIN_HEIGHT_MV
    if missing is not None:
        is_high &= ~_near_missing(missing, places, half_wide)
    places = places[is_high]
    narrow = narrow[:, is_high]
    wide = _over_median(filled, places, half_wide)
    spike_like = np.where(narrow >= MIN_SHARE * wide, narrow, 0.0)
    heights = np.zeros(filled.shape[1], filled.dtype)
    heights[places] = _second_highest(spike_like)
    return heights


def _near_missing(
    missing: NDArray[np.bool_], places: NDArray[np.intp], half: int
) -> NDArray[np.bool_]:
    """Return (places,) whether a sample is missing within `half` samples of each place."""
    # Missing samples before each sample: a difference of two counts those in between.
    missing_before = np.concatenate([[0], np.cumsum(missing)])
    first = np.maximum(places - half, 0)
    last = np.minimum(places + half + 1, missing.size)
    return np.asarray(missing_before[last] != missing_before[first])


def _zero_gaps(
    signal: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Replace NaN by zero.

    Returns (filled, missing): `missing` (samples,) marks the samples where any lead has a gap; None
    if no lead has one.
    """
    if np.isfinite(signal).all():
        return signal, None
    return np.nan_to_num(signal), np.asarray(np.isnan(signal).any(axis=0))


def _candidates(signal: NDArray[np.float32], half: int) -> NDArray[np.intp]:
    """Return the samples that may exceed the minimum height in at least two leads.

    The running median is expensive, and is computed at these samples only. If a sample is above the
    median of itself and `half` samples on either side, then at least `half + 1` of these others are
    at or below the median, so at least one on each side. The sample is therefore at least as far
    above the minimum of each side as it is above the median. The same holds below it, with maxima.
    Single precision is enough for this test, with a margin.
    """
    samples = signal.shape[1]
    padded = pad_edges(signal, half, half)
    lowest = _running(padded, half, np.minimum)
    highest = _running(padded, half, np.maximum)
    # Windows of `half` samples that end before the sample, and that begin after it.
    lowest_before = lowest[:, :samples]
    lowest_after = lowest[:, half + 1 :][:, :samples]
    highest_before = highest[:, :samples]
    highest_after = highest[:, half + 1 :][:, :samples]
    above = signal - np.maximum(lowest_before, lowest_after)
    below = np.minimum(highest_before, highest_after) - signal
    may_exceed = np.maximum(above, below, out=above) >= MIN_HEIGHT_MV - _MARGIN_MV
    # A sum of bytes: numpy would convert booleans to 64-bit integers first.
    leads = may_exceed.view(np.int8).sum(axis=0, dtype=np.int16)
    return np.flatnonzero(leads >= LEADS_AT_ONCE)


def _running(signal: NDArray[np.float32], width: int, of_two: np.ufunc) -> NDArray[np.float32]:
    """Return (leads, samples - width + 1) the minimum or maximum of `width` samples from each on.

    The covered width doubles in each step.
    """
    extreme = signal
    covered = 1
    while covered < width:
        step = min(covered, width - covered)
        extreme = of_two(extreme[:, :-step], extreme[:, step:])
        covered += step
    return extreme


def _over_median(
    signal: NDArray[np.floating], places: NDArray[np.intp], half: int
) -> NDArray[np.floating]:
    """Return (leads, places) the distance of samples from the median of their surroundings.

    These are the sample itself and `half` samples on either side; at the ends of the recording the
    last sample is repeated.
    """
    distances = np.empty((len(signal), places.size), signal.dtype)
    offsets = np.arange(-half, half + 1)
    for start in range(0, places.size, _CHUNK_SAMPLES):
        chunk = places[start : start + _CHUNK_SAMPLES]
        around = chunk[:, np.newaxis] + offsets
        medians = median(signal.take(around, axis=1, mode="clip"))
        distances[:, start : start + _CHUNK_SAMPLES] = np.abs(signal[:, chunk] - medians)
    return distances


def _second_highest(heights: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (places,) the second-highest of the leads' heights (leads, places)."""
    return np.asarray(np.partition(heights, -LEADS_AT_ONCE, axis=0)[-LEADS_AT_ONCE])


def _half_width(width_ms: float, fs: float) -> int:
    return max(1, round(width_ms * fs / 2000))


def _peaks(heights: NDArray[np.floating], apart: int) -> NDArray[np.intp]:
    """Return the samples that reach the minimum height and are the highest within `apart`."""
    peaks: list[int] = []
    for sample in np.flatnonzero(heights >= MIN_HEIGHT_MV).tolist():
        if not peaks or sample - peaks[-1] > apart:
            peaks.append(sample)
        elif heights[sample] > heights[peaks[-1]]:
            peaks[-1] = sample
    return np.array(peaks, np.intp)
