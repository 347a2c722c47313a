"""Signals that are no ECG, although many of them recur as a heartbeat does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.signal import butter, sawtooth, sosfilt, square

Wave = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def _phase(
    rng: np.random.Generator, at: np.ndarray, low_hz: float = 0.7, high_hz: float = 4.0
) -> np.ndarray:
    return np.asarray(rng.uniform(low_hz, high_hz) * at + rng.uniform())


def _sine(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * _phase(rng, at, 1.0, 10.0))


def _slow_sine(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * _phase(rng, at, 0.3, 1.5))


def _mains(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * (rng.choice([50.0, 60.0]) * at + rng.uniform()))


def _beating_mains(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return _mains(rng, at) * (1.0 + 0.8 * np.sin(2 * np.pi * _phase(rng, at)))


def _calibration(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Pulses of 200 ms."""
    hertz = rng.uniform(0.5, 2.0)
    return ((hertz * at + rng.uniform()) % 1.0 < 0.2 * hertz).astype(np.float64)


def _brown(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.cumsum(rng.normal(size=at.size)) / 30.0


def _pink(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(rng.normal(size=at.size))
    return np.asarray(
        5.0 * np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(spectrum.size))), at.size)
    )


def _steps(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Steps, as of an electrode that moves."""
    jumps = np.zeros(at.size)
    jumps[rng.integers(0, at.size, int(rng.integers(4, 25)))] = rng.normal()
    return np.cumsum(jumps)


def _decaying_steps(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Steps through a recorder's high-pass filter."""
    wave, decay_s = np.zeros(at.size), rng.uniform(0.05, 1.0)
    for place in rng.integers(0, at.size, int(rng.integers(4, 25))):
        wave[place:] += rng.normal() * np.exp(-(at[place:] - at[place]) / decay_s)
    return wave


def _gait(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    phase = _phase(rng, at)
    return np.asarray(
        sum(rng.normal() / k * np.sin(2 * np.pi * (k * phase + rng.uniform())) for k in range(1, 7))
    )


def _pulse_wave(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """An artery's pulse: about 300 ms of ejection at any rate, and one reflected wave."""
    hertz = rng.uniform(0.8, 2.0)
    since_s = ((hertz * at + rng.uniform()) % 1.0) / hertz
    return np.exp(-0.5 * ((since_s - 0.18) / 0.075) ** 2) + 0.35 * np.exp(
        -0.5 * ((since_s - 0.42) / 0.08) ** 2
    )


def _muscle_bursts(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    fs = 1.0 / (at[1] - at[0])
    noise = sosfilt(
        butter(2, [20.0, min(150.0, 0.45 * fs)], "bandpass", fs=fs, output="sos"),
        rng.normal(size=at.size),
    )
    return np.asarray(noise * (_phase(rng, at, 0.5, 2.0) % 1.0 < rng.uniform(0.1, 0.4)))


def _telegraph(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.where(np.cumsum(rng.uniform(size=at.size) < 2.5 * (at[1] - at[0])) % 2, 1.0, -1.0)


def _regular_spikes(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    hertz = rng.uniform(0.7, 2.0)
    return ((hertz * at + rng.uniform()) % 1.0 < hertz * 2 * (at[1] - at[0])).astype(np.float64)


def _scattered_spikes(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    wave = np.zeros(at.size)
    wave[rng.integers(0, at.size, int(rng.integers(5, 40)))] = 3.0
    return wave


def _relaxation(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """A capacitor that charges and discharges."""
    phase, decay = _phase(rng, at) % 1.0, rng.uniform(3.0, 12.0)
    return np.where(phase < 0.5, 1.0 - np.exp(-decay * phase), np.exp(-decay * (phase - 0.5)))


def _clipped_sine(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.clip(rng.uniform(1.5, 8.0) * np.sin(2 * np.pi * _phase(rng, at)), -1.0, 1.0)


def _rectified_sine(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.abs(np.sin(np.pi * _phase(rng, at)))


def _two_tones(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * _phase(rng, at)) + rng.uniform(0.3, 1.0) * np.sin(
        2 * np.pi * _phase(rng, at, 4.0, 12.0)
    )


def _staircase(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.floor((_phase(rng, at, 0.3, 1.0) % 1.0) * rng.integers(3, 8))


def _breath(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    return np.asarray(
        np.tanh(2.0 * np.sin(2 * np.pi * _phase(rng, at, 0.15, 0.6)))
        + 0.02 * rng.normal(size=at.size)
    )


def _shot_noise(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    wave, decay_s = np.zeros(at.size), rng.uniform(0.02, 0.2)
    for place in np.flatnonzero(rng.uniform(size=at.size) < 20.0 * (at[1] - at[0])):
        wave[place:] += rng.exponential() * np.exp(-(at[place:] - at[place]) / decay_s)
    return wave


FAMILIES: Final[dict[str, Wave]] = {
    "square": lambda rng, at: square(2 * np.pi * _phase(rng, at)),
    "saw-tooth": lambda rng, at: sawtooth(2 * np.pi * _phase(rng, at)),
    "triangle": lambda rng, at: sawtooth(2 * np.pi * _phase(rng, at), 0.5),
    "chirp": lambda rng, at: np.sin(2 * np.pi * (at + rng.uniform(0.1, 2.0) * at**2)),
    "white noise": lambda rng, at: rng.normal(size=at.size),
    "sine": _sine,
    "slow sine": _slow_sine,
    "mains": _mains,
    "beating mains": _beating_mains,
    "calibration pulses": _calibration,
    "brown noise": _brown,
    "pink noise": _pink,
    "steps": _steps,
    "decaying steps": _decaying_steps,
    "gait": _gait,
    "pulse wave": _pulse_wave,
    "muscle bursts": _muscle_bursts,
    "telegraph": _telegraph,
    "regular spikes": _regular_spikes,
    "scattered spikes": _scattered_spikes,
    "relaxation": _relaxation,
    "clipped sine": _clipped_sine,
    "rectified sine": _rectified_sine,
    "two tones": _two_tones,
    "staircase": _staircase,
    "breath": _breath,
    "shot noise": _shot_noise,
}


def no_ecg(family: str, seed: int, fs: float = 500.0, seconds: float = 10.0) -> np.ndarray:
    """(12, samples) of one family with a little noise.

    By seed it is the same in every lead, obeys Einthoven's law, or is independent in every lead.
    """
    rng = np.random.default_rng([seed, *family.encode()])
    at = np.arange(round(fs * seconds)) / fs
    wave, kind = FAMILIES[family], seed % 3
    if kind == 2:
        signal = np.stack([wave(rng, at) for _ in range(12)])
    else:
        one, two = (1.0, 1.0) if kind == 0 else rng.normal(size=2)
        chest = np.ones(6) if kind == 0 else rng.normal(size=6)
        limbs = (
            [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
            if kind
            else np.ones(6)
        )
        signal = np.concatenate([limbs, chest])[:, None] * wave(rng, at)
    return np.asarray(
        signal * rng.choice([0.3, 1.0, 2.0])
        + rng.choice([0.0, 0.003, 0.02]) * rng.normal(size=signal.shape)
    )
