"""Pacing spikes cut out of a recording, with the decay that follows them, so that a QRS complex isn't measured from its spike.

A spike is bridged by a straight line over the samples that a running median takes out. What the electrode's discharge leaves
behind is an exponential from the spike's end on, under which the QRS complex begins: both are fitted together, the decay by one
time constant for all leads, the complex by a parabola and a cubic that start at the spike, and only the decay is taken away.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.spikes import NARROW_MS, Spikes

REACH_MS: Final = 16.0  # before and after a spike's highest sample: the two phases of a pulse, and the recorder's ringing
STILL_SPIKE_MV: Final = (
    0.05  # second-highest lead over the running median: a quarter of what makes a spike
)
MARGIN_MS: Final = 2.0
LEVEL_MS: Final = 12.0  # before the spike: what it rises from
DECAY_MS: Final = (
    3.0,
    5.0,
    8.0,
    12.0,
    18.0,
)  # time constants tried; discharges of implanted electrodes last some tens of ms
FIT_MS: Final = 48.0  # after the spike: the decay, and the slow beginning of a paced QRS complex
MIN_DECAY_MV: Final = 0.05  # a lower one is as well noise
BEAT_MS: Final = (
    -12.0,
    100.0,
)  # about the R peak: what looks like a spike there is the QRS complex's own tip


def remove_spikes(
    signal: NDArray[np.floating], fs: float, spikes: Spikes, r_times_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(leads, samples) in mV, NaN for gaps -> the same without the spikes that don't lie on a beat (R peaks in seconds)."""
    cleaned = np.array(signal, np.float64)
    places = [round(at * fs) for at in spikes.times_s.tolist() if not _on_a_beat(at, r_times_s)]
    for sample in places:
        first, last = _extent(cleaned, sample, fs)
        if first > 0 and last + 1 < cleaned.shape[1]:
            _take_decay_away(cleaned, first, last, fs)
            _bridge(cleaned, first, last)
    return cleaned


def _on_a_beat(at_s: float, r_times_s: NDArray[np.float64]) -> bool:
    away_ms = 1000.0 * (at_s - r_times_s)
    return bool(((away_ms >= BEAT_MS[0]) & (away_ms <= BEAT_MS[1])).any())


def _extent(signal: NDArray[np.float64], sample: int, fs: float) -> tuple[int, int]:
    """The spike's first and last sample, a margin on either side included."""
    from scipy.ndimage import median_filter

    reach, half = round(REACH_MS * fs / 1000), max(1, round(NARROW_MS * fs / 2000))
    start = max(0, sample - reach - half)
    around = np.nan_to_num(signal[:, start : sample + reach + half + 1])
    narrow = np.abs(around - median_filter(around, size=(1, 2 * half + 1), mode="nearest"))
    second = np.sort(narrow, axis=0)[-min(2, len(narrow))]
    found = np.flatnonzero(second[: sample - start + reach + 1] >= STILL_SPIKE_MV)
    margin = max(1, round(MARGIN_MS * fs / 1000))
    if found.size == 0:
        return max(0, sample - margin), min(signal.shape[1] - 1, sample + margin)
    return max(0, start + int(found[0]) - margin), min(
        signal.shape[1] - 1, start + int(found[-1]) + margin
    )


def _take_decay_away(signal: NDArray[np.float64], first: int, last: int, fs: float) -> None:
    """In place, from `last` on: the exponential that is left over the level before the spike, in the leads that show one."""
    level_samples, samples = max(2, round(LEVEL_MS * fs / 1000)), round(FIT_MS * fs / 1000)
    before, after = (
        signal[:, max(0, first - level_samples) : first],
        signal[:, last : last + samples],
    )
    if (
        before.shape[1] == 0
        or after.shape[1] < samples
        or np.isnan(before).any()
        or np.isnan(after).any()
    ):
        return
    risen = after - before.mean(axis=1, keepdims=True)
    times_ms = np.arange(samples) * 1000.0 / fs
    best, height, decay = np.inf, np.zeros(len(signal)), np.zeros(samples)
    for constant_ms in DECAY_MS:
        shape = np.exp(-times_ms / constant_ms)
        basis = np.stack([shape, (times_ms / FIT_MS) ** 2, (times_ms / FIT_MS) ** 3], axis=1)
        weights = np.linalg.lstsq(basis, risen.T, rcond=None)[0]
        left = float(np.square(risen.T - basis @ weights).sum())
        if left < best:
            best, height, decay = left, weights[0], shape
    # What decays is at most what is there at its beginning: more would turn the spike over instead of taking it away.
    height = np.clip(height, np.minimum(risen[:, 0], 0.0), np.maximum(risen[:, 0], 0.0))
    height = np.where(np.abs(height) >= MIN_DECAY_MV, height, 0.0)
    rest = min(signal.shape[1] - last, round(5 * FIT_MS * fs / 1000))
    constant_ms = -1000.0 / fs / np.log(decay[1])
    signal[:, last : last + rest] -= height[:, None] * np.exp(
        -np.arange(rest) * 1000.0 / fs / constant_ms
    )


def _bridge(signal: NDArray[np.float64], first: int, last: int) -> None:
    """In place: a straight line between the samples on either side; a lead without a signal stays at its one value to the last bit."""
    share = np.linspace(0.0, 1.0, last - first + 1)
    signal[:, first : last + 1] = (
        signal[:, [first]] + (signal[:, [last]] - signal[:, [first]]) * share
    )
