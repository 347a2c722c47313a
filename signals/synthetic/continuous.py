"""Waves that go on without beats: of atria or ventricles that fibrillate, and of flutter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

_TURN = 2.0 * np.pi


@dataclass(frozen=True)
class Fibrillation:
    """Fibrillation: the rate and the height wander, on each axis in its own way.

    vector_mv  mean height on each axis
    """

    rate_per_min: float
    vector_mv: tuple[float, float, float]

    def vector(self, times_s: NDArray[np.float64], random: Generator) -> NDArray[np.float64]:
        """Return (3, samples) mV; the same for the same state of `random`."""
        return np.stack([height * self._axis(times_s, random) for height in self.vector_mv])

    def _axis(self, times_s: NDArray[np.float64], random: Generator) -> NDArray[np.float64]:
        phases = random.uniform(0.0, _TURN, 6)
        slow_hz = random.uniform((0.1, 0.5, 0.2), (0.25, 0.9, 0.45))
        slow = np.sin(_TURN * slow_hz[:, None] * times_s + phases[:3, None])
        phase = _TURN * self.rate_per_min / 60.0 * times_s + 3.0 * slow[0] + 0.9 * slow[1]
        wave = np.sin(phase + phases[3]) + 0.35 * np.sin(2.0 * phase + phases[4])
        wave = (1.0 + 0.4 * slow[2]) * wave + 0.25 * np.sin(1.37 * phase + phases[5])
        return np.asarray(wave, np.float64)


@dataclass(frozen=True)
class Flutter:
    """Saw teeth at one rate: a slow fall and a steep rise.

    vector_mv  height on each axis
    """

    rate_per_min: float
    vector_mv: tuple[float, float, float]

    def vector(self, times_s: NDArray[np.float64], random: Generator) -> NDArray[np.float64]:
        """Return (3, samples) mV; the same for the same state of `random`."""
        phase = _TURN * self.rate_per_min / 60.0 * times_s + random.uniform(0.0, _TURN)
        # The first terms of the series of a saw tooth, whose corners are round.
        wave = np.sin(phase) + 0.4 * np.sin(2.0 * phase) + 0.15 * np.sin(3.0 * phase)
        vector: NDArray[np.float64] = np.array(self.vector_mv)[:, None] * wave
        return vector


ContinuousWaves = Fibrillation | Flutter
