"""Find pacing spikes: deflections of one to three samples that no heart makes.

They are searched for in the unfiltered recording. A spike is a deflection that a running median of
14 ms removes, in at least two leads at once. A running median of 40 ms must remove hardly more of
it; it removes several times as much of the tip of a narrow QRS complex. A spike also leaves the
range of the samples around it. A sample at a wrong time does not: on the steep sides of a QRS
complex, it has nearly the value of one of its neighbours, in all leads at once. Recordings from
tape have such samples, because the speed of a tape varies. At 500 Hz, the recorder's own filter
spreads pulses of 0.4 to 2 ms over 1 to 3 samples. Below 250 Hz, they cannot be seen.

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
# Width of the narrow running median: twice the widest spike at 500 Hz, and half of the narrowest
# QRS complex.
NARROW_MEDIAN_MS: Final = 14.0
# Width of the wide running median: most of a narrow QRS complex.
WIDE_MEDIAN_MS: Final = 40.0
# Smallest height over the narrow median, as a share of the height over the wide median.
MIN_NARROW_SHARE: Final = 0.8
# Smallest height of a spike, in the lead in which it is second-highest.
MIN_HEIGHT_MV: Final = 0.2
# How far a spike leaves the range of the samples that the wide median covers and the narrow one
# does not: half of the smallest height. Nothing in 49 excerpts of the QT database leaves it so far.
MIN_OUTSIDE_MV: Final = 0.1
LEADS_AT_ONCE: Final = 2  # leads in which a spike must be seen
# Two spikes for each beat at 150 /min. More deflections are mains hum, muscle noise or a broken
# lead.
MAX_SPIKES_PER_SECOND: Final = 5.0
# Deflections that are not farther apart count as one spike and its ringing. The two spikes of a
# dual-chamber pacemaker are at least 80 ms apart.
MAX_RINGING_MS: Final = 8.0
# Allowance for single precision in the search for candidates.
_MARGIN_MV: Final = 0.001
# Number of samples whose medians are computed at once, which limits memory. Ten noisy minutes have
# a million candidates.
_CHUNK_SAMPLES: Final = 4096

# From when (inclusive) to when (exclusive) a spike comes, relative to the R peak of its beat. The R
# peak is the middle of the steepest part of the QRS complex, which is late in a paced QRS complex.
VENTRICULAR_WINDOW_MS: Final = (-120.0, -12.0)
ATRIAL_WINDOW_MS: Final = (-330.0, -120.0)
# Largest difference of a beat's stable distance from the distance that most beats share.
STABLE_MS: Final = 12.0
MIN_BEATS: Final = 3  # with a spike at a stable distance, for a chamber to be paced

Chamber = Literal["atrial", "ventricular", "dual"]


@dataclass(frozen=True, eq=False)
class Spikes:
    """The deflections of a recording that look like pacing spikes, near beats or not.

    times_s           (spikes,) seconds from the start of the recording
    heights_mv        (spikes,) height in mV, in the lead in which the spike is second-highest
    invisible_reason  why spikes cannot be seen in this recording; None if they can
    """

    times_s: NDArray[np.float64]
    heights_mv: NDArray[np.float64]
    invisible_reason: str | None = None


@dataclass(frozen=True)
class Pacing:
    """The numbers of beats that have a spike at a stable distance before them.

    atrial_beats       beats with such a spike before the P wave
    ventricular_beats  beats with such a spike before the QRS complex
    beats              all beats
    ventricular_r_s    R peaks, in seconds, of the beats that `ventricular_beats` counts
    """

    atrial_beats: int
    ventricular_beats: int
    beats: int
    ventricular_r_s: tuple[float, ...] = ()

    @property
    def chamber(self) -> Chamber | None:
        """Return the paced chamber, or None if too few beats have a spike at a stable distance."""
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
    """Return the deflections that look like pacing spikes in an unfiltered recording.

    signal  (leads, samples) in mV, NaN for gaps; deflections near a gap are left out
    fs      sampling rate in Hz
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
    filled, missing = _zero_gaps(signal)
    heights = _spike_heights(filled, missing, fs)
    peaks = _peaks(heights, round(MAX_RINGING_MS * fs / 1000))
    if peaks.size > MAX_SPIKES_PER_SECOND * samples / fs:
        return _invisible(
            "noise or mains hum contains many deflections that look like pacing spikes,"
            " which cannot be distinguished from them"
        )
    peaks = peaks[_second_highest(_distance_outside(filled, peaks, fs)) >= MIN_OUTSIDE_MV]
    return Spikes(peaks / fs, heights[peaks].astype(np.float64))


def _invisible(reason: str) -> Spikes:
    """Return no spikes, with the reason why they cannot be seen."""
    return Spikes(np.zeros(0), np.zeros(0), reason)


def find_pacing(spikes: Spikes, r_times_s: NDArray[np.float64]) -> Pacing:
    """Return how many beats have a spike at a stable distance before them.

    The spike comes before the beat's QRS complex or before its P wave. The distance is stable if it
    is the distance of the spikes of the other beats.

    r_times_s  (beats,) R peaks in seconds
    """
    beats = len(r_times_s)
    if spikes.times_s.size == 0:
        return Pacing(0, 0, beats)
    distances_ms = [1000 * (spikes.times_s - r) for r in r_times_s]
    atrial = _have_stable_spike(distances_ms, ATRIAL_WINDOW_MS)
    ventricular = _have_stable_spike(distances_ms, VENTRICULAR_WINDOW_MS)
    ventricular_r_s = tuple(r_times_s[ventricular].tolist())
    return Pacing(int(atrial.sum()), int(ventricular.sum()), beats, ventricular_r_s)


def _have_stable_spike(
    distances_ms: list[NDArray[np.float64]], window_ms: tuple[float, float]
) -> NDArray[np.bool_]:
    """Return (beats,) whether each beat has a spike at the distance that most beats share.

    If the distances vary from beat to beat, few beats share one.

    distances_ms  for each beat the times (spikes,) of all spikes after its R peak, negative before
    window_ms     distances from the first (inclusive) to the second (exclusive) count
    """
    in_window = []
    for distances in distances_ms:
        is_inside = (distances >= window_ms[0]) & (distances < window_ms[1])
        in_window.append(distances[is_inside])
    most = np.zeros(len(in_window), np.bool_)
    # Try every distance as the shared one. The first of those that most beats share is taken.
    for centre in np.concatenate([*in_window, np.zeros(0)]):
        near = [bool((np.abs(distances - centre) <= STABLE_MS).any()) for distances in in_window]
        if sum(near) > np.count_nonzero(most):
            most = np.array(near, np.bool_)
    return most


def _spike_heights(
    filled: NDArray[np.floating], missing: NDArray[np.bool_] | None, fs: float
) -> NDArray[np.floating]:
    """Return (samples,) the height in mV of each narrow deflection at its samples, 0 elsewhere.

    The height is that of the second-highest of the leads in which the deflection is narrow. Medians
    are expensive, so each step computes them for fewer samples than the step before.

    filled, missing  as `_zero_gaps` returns them
    """
    half_narrow = _half_width(NARROW_MEDIAN_MS, fs)
    half_wide = _half_width(WIDE_MEDIAN_MS, fs)
    # (places,) positions of the candidates, in samples
    places = _candidates(filled.astype(np.float32, copy=False), half_narrow)
    # (leads, places)
    narrow = _distance_from_median(filled, places, half_narrow)
    is_high = _second_highest(narrow) >= MIN_HEIGHT_MV
    if missing is not None:
        is_high &= ~_near_missing(missing, places, half_wide)
    places = places[is_high]
    narrow = narrow[:, is_high]
    wide = _distance_from_median(filled, places, half_wide)
    spike_like = np.where(narrow >= MIN_NARROW_SHARE * wide, narrow, 0.0)
    heights = np.zeros(filled.shape[1], filled.dtype)
    heights[places] = _second_highest(spike_like)
    return heights


def _near_missing(
    missing: NDArray[np.bool_], places: NDArray[np.intp], half: int
) -> NDArray[np.bool_]:
    """Return (places,) whether any sample is missing within `half` samples of each place."""
    # Number of missing samples before each sample. The difference of two is the number in between.
    missing_before = np.concatenate([[0], np.cumsum(missing)])
    first = np.maximum(places - half, 0)
    last = np.minimum(places + half + 1, missing.size)
    return np.asarray(missing_before[last] != missing_before[first])


def _zero_gaps(
    signal: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Return the signal with zeros instead of NaN, and the samples where any lead has a gap.

    The second array is (samples,), or None if no lead has a gap.
    """
    if np.isfinite(signal).all():
        return signal, None
    return np.nan_to_num(signal), np.asarray(np.isnan(signal).any(axis=0))


def _candidates(signal: NDArray[np.float32], half: int) -> NDArray[np.intp]:
    """Return the positions of samples that may exceed the minimum height in at least two leads.

    The running median is expensive, and is computed at these samples only. If a sample is above the
    median of itself and of `half` samples on either side, then at least `half + 1` of these other
    samples are at or below the median, so at least one on each side. The sample is therefore at
    least as far above the minimum of each side as it is above the median. The same holds for a
    sample below the median, with maxima. With a margin, single precision is enough for this test.
    """
    samples = signal.shape[1]
    padded = pad_edges(signal, half, half)
    lowest = _running_extreme(padded, half, np.minimum)
    highest = _running_extreme(padded, half, np.maximum)
    # Windows of `half` samples that end before the sample, and that begin after it.
    lowest_before = lowest[:, :samples]
    lowest_after = lowest[:, half + 1 :][:, :samples]
    highest_before = highest[:, :samples]
    highest_after = highest[:, half + 1 :][:, :samples]
    above = signal - np.maximum(lowest_before, lowest_after)
    below = np.minimum(highest_before, highest_after) - signal
    may_exceed = np.maximum(above, below, out=above) >= MIN_HEIGHT_MV - _MARGIN_MV
    # Add bytes, because numpy would first convert booleans to 64-bit integers.
    leads = may_exceed.view(np.int8).sum(axis=0, dtype=np.int16)
    return np.flatnonzero(leads >= LEADS_AT_ONCE)


def _running_extreme(
    signal: NDArray[np.float32], width: int, of_two: np.ufunc
) -> NDArray[np.float32]:
    """Return (leads, samples - width + 1) the running minimum or maximum.

    Each value is that of a sample and the `width - 1` samples after it. The covered width doubles
    in each step.

    of_two  np.minimum or np.maximum
    """
    extreme = signal
    covered = 1
    while covered < width:
        step = min(covered, width - covered)
        extreme = of_two(extreme[:, :-step], extreme[:, step:])
        covered += step
    return extreme


def _distance_from_median(
    signal: NDArray[np.floating], places: NDArray[np.intp], half: int
) -> NDArray[np.floating]:
    """Return (leads, places) the distance of the sample at each place from its running median.

    The median is that of the sample itself and of `half` samples on either side. At the ends of the
    recording, the first or last sample is repeated.
    """
    distances = np.empty((len(signal), places.size), signal.dtype)
    offsets = np.arange(-half, half + 1)
    for start in range(0, places.size, _CHUNK_SAMPLES):
        chunk = places[start : start + _CHUNK_SAMPLES]
        around = chunk[:, np.newaxis] + offsets
        medians = median(signal.take(around, axis=1, mode="clip"))
        distances[:, start : start + _CHUNK_SAMPLES] = np.abs(signal[:, chunk] - medians)
    return distances


def _distance_outside(
    signal: NDArray[np.floating], places: NDArray[np.intp], fs: float
) -> NDArray[np.floating]:
    """Return (leads, places) how far the sample at each place is outside the range around it.

    The range is that of the samples on either side that the wide median covers and the narrow one
    does not. Negative inside it. At the ends of the recording, the first or last sample is
    repeated, and nothing is outside.
    """
    before = np.arange(-_half_width(WIDE_MEDIAN_MS, fs), -_half_width(NARROW_MEDIAN_MS, fs))
    offsets = np.concatenate([before, -before])
    around = signal.take(places[:, np.newaxis] + offsets, axis=1, mode="clip")
    values = signal[:, places]
    above = values - around.max(axis=2)
    below = around.min(axis=2) - values
    return np.asarray(np.maximum(above, below))


def _second_highest(heights: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (places,) the second-highest of the leads' heights (leads, places)."""
    return np.asarray(np.partition(heights, -LEADS_AT_ONCE, axis=0)[-LEADS_AT_ONCE])


def _half_width(width_ms: float, fs: float) -> int:
    """Return half of a width in samples, at least 1."""
    return max(1, round(width_ms * fs / 2000))


def _peaks(heights: NDArray[np.floating], apart: int) -> NDArray[np.intp]:
    """Return the positions of spikes: the highest sample of each group that reaches the minimum.

    A group ends where the next sample that reaches the minimum is more than `apart` samples away.
    """
    peaks: list[int] = []
    for sample in np.flatnonzero(heights >= MIN_HEIGHT_MV).tolist():
        if not peaks or sample - peaks[-1] > apart:
            peaks.append(sample)
        elif heights[sample] > heights[peaks[-1]]:
            peaks[-1] = sample
    return np.array(peaks, np.intp)
