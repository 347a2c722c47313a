"""Waves of the heart vector: asymmetric pulses of finite length, each along one direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pulse:
    """One pulse: rises as half a period of a cosine and falls as another.

    start_ms, peak_ms, stop_ms  from the reference time of its beat
    vector_mv                   the heart vector at the peak, in Frank's axes: to the left, to the
                                feet, to the back
    """

    start_ms: float
    peak_ms: float
    stop_ms: float
    vector_mv: tuple[float, float, float]

    def at(self, times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of the height at these times, 0 to 1."""
        rise = (times_ms - self.start_ms) / (self.peak_ms - self.start_ms)
        fall = (self.stop_ms - times_ms) / (self.stop_ms - self.peak_ms)
        phase = np.clip(np.minimum(rise, fall), 0.0, 1.0)
        return 0.5 - 0.5 * np.cos(np.pi * phase)


def moved(pulses: Iterable[Pulse], by_ms: float) -> tuple[Pulse, ...]:
    """Return the pulses so much later."""
    return tuple(
        replace(
            pulse,
            start_ms=pulse.start_ms + by_ms,
            peak_ms=pulse.peak_ms + by_ms,
            stop_ms=pulse.stop_ms + by_ms,
        )
        for pulse in pulses
    )


def stretched(pulses: Iterable[Pulse], factor: float) -> tuple[Pulse, ...]:
    """Return the pulses with their times from the reference time multiplied."""
    return tuple(
        replace(
            pulse,
            start_ms=factor * pulse.start_ms,
            peak_ms=factor * pulse.peak_ms,
            stop_ms=factor * pulse.stop_ms,
        )
        for pulse in pulses
    )


def heart_vector(pulses: Iterable[Pulse], times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the pulses, (3, samples) mV."""
    vector = np.zeros((3, times_ms.size))
    for pulse in pulses:
        vector += np.array(pulse.vector_mv)[:, None] * pulse.at(times_ms)
    return vector
