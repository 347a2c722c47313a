"""Streams of noise alone, in which there is no beat to be found."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from signals.streams.watch_rate import WATCH_HZ

STREAMS: Final = 48
SECONDS: Final = 120
# Power falls as frequency to this power: white noise, muscles, movement of the baseline.
SLOPES: Final = (0.0, 1.0, 2.0)
SIZE_MV: Final = (0.02, 1.0)
# Bursts and steps, as of muscles and loose electrodes: so many a minute.
EVENTS_A_MIN: Final = (0.0, 40.0)
BURST_S: Final = (0.05, 1.5)


def noise_streams(leads: int, seed: int) -> NDArray[np.float32]:
    """Return (STREAMS, leads, samples) mV."""
    rng = np.random.default_rng(seed)
    samples = SECONDS * WATCH_HZ
    return np.stack([_stream(leads, samples, rng) for _ in range(STREAMS)]).astype(np.float32)


def _stream(leads: int, samples: int, rng: Generator) -> NDArray[np.float64]:
    size_mv = np.exp(rng.uniform(*np.log(SIZE_MV)))
    slope = float(rng.choice(SLOPES))
    noise = np.stack([_coloured(samples, slope, rng) for _ in range(leads)])
    loudness, step = np.ones(samples), np.zeros(samples)
    events = rng.poisson(rng.uniform(*EVENTS_A_MIN) * SECONDS / 60)
    for at in rng.integers(samples, size=events):
        if rng.random() < 0.5:
            length = round(rng.uniform(*BURST_S) * WATCH_HZ)
            loudness[at : at + length] *= rng.uniform(2, 8)
        else:
            step[at:] += rng.normal(0, 2)
    # The baseline follows a step, as behind a high-pass filter of 0.5 Hz.
    jumps = np.diff(step, prepend=0.0)
    decay = np.exp(-np.arange(4 * WATCH_HZ) * 2 * np.pi * 0.5 / WATCH_HZ)
    return np.asarray(size_mv * (noise * loudness + np.convolve(jumps, decay)[:samples]))


def _coloured(samples: int, slope: float, rng: Generator) -> NDArray[np.float64]:
    """Return (samples,) noise of unit variance whose power falls as frequency ** -slope."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / WATCH_HZ)
    spectrum *= np.maximum(frequency, 0.3) ** (-slope / 2)
    noise: NDArray[np.float64] = np.fft.irfft(spectrum, samples)
    scaled: NDArray[np.float64] = noise / noise.std()
    return scaled
