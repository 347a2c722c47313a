"""Generate any stretch of a synthetic ECG: the same samples, in whatever pieces they are asked for.

Samples are computed in blocks of a whole second, each from the seed and its own number. The beats
are drawn one after another, and a stretch that lies before the last one starts them again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from signals.leads import LEADS
from signals.synthetic.beats import Spike
from signals.synthetic.continuous import ContinuousWaves
from signals.synthetic.disturbance import noise, wander
from signals.synthetic.position import heart_position
from signals.synthetic.rhythms import RESPIRATION_HZ, Event, Rhythm
from signals.synthetic.timeline import Timeline
from signals.synthetic.torso import independent_leads, leads_without, recorded_leads
from signals.synthetic.waves import heart_vector

# No pulse is farther from the onset of its QRS complex: a P wave before it, a T wave after it.
_BEFORE_QRS_S: Final = 0.5
_AFTER_QRS_S: Final = 1.0
# How much respiration changes the heights of the waves, as a share (a choice).
_RESPIRATORY_HEIGHT_SHARE: Final = 0.03
_CACHED_BLOCKS: Final = 4
# Numbers that keep the random numbers of one seed apart.
_BEATS, _WAVES, _WANDER, _NOISE, _POSITION = range(5)


@dataclass(frozen=True)
class ElectrodeOff:
    """An electrode that has no contact from one second to another."""

    electrode: str
    from_s: float = 0.0
    to_s: float = math.inf


@dataclass(frozen=True)
class Heart:
    """What is generated.

    waves  waves besides the beats
    off    electrodes without contact; the leads that need them are NaN then
    """

    rhythm: Rhythm
    waves: ContinuousWaves | None = None
    off: tuple[ElectrodeOff, ...] = ()


class SyntheticEcg:
    """The endless ECG of a heart with a seed, at a whole number of samples per second."""

    def __init__(self, heart: Heart, seed: int, fs: int) -> None:
        self.heart = heart
        self.seed = seed
        self.fs = fs
        self._blocks: dict[int, NDArray[np.float32]] = {}
        self._position = heart_position(self._random(_POSITION))
        self._timeline = Timeline(lambda: heart.rhythm.events(self._random(_BEATS)))

    def samples(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples [start, stop) since the beginning, (12, samples) mV."""
        if not 0 <= start < stop:
            raise ValueError(f"samples {start} to {stop}")
        first, last = start // self.fs, (stop - 1) // self.fs
        whole = np.concatenate([self._block(index) for index in range(first, last + 1)], axis=1)
        return whole[:, start - first * self.fs : stop - first * self.fs]

    def beats(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the beats with start_s <= time < stop_s."""
        return self._timeline.between(start_s, stop_s)

    def _random(self, purpose: int, block: int = 0) -> Generator:
        return default_rng((self.seed, purpose, block))

    def _block(self, index: int) -> NDArray[np.float32]:
        """Return second number `index`, (12, fs) mV."""
        if index not in self._blocks:
            if len(self._blocks) == _CACHED_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[index] = self._generated(index)
        return self._blocks[index]

    def _generated(self, index: int) -> NDArray[np.float32]:
        times_s = (index * self.fs + np.arange(self.fs)) / self.fs
        vector = np.zeros((3, self.fs))
        for event in self.beats(index - _AFTER_QRS_S, index + 1.0 + _BEFORE_QRS_S):
            times_ms = 1000.0 * (times_s - event.time_s)
            vector += _breathing(event.time_s) * heart_vector(
                event.beat.pulses(event.rr_s), times_ms
            )
            if event.beat.spike is not None:
                vector += self._spike(event.beat.spike, times_ms)
        if self.heart.waves is not None:
            vector += self.heart.waves.vector(times_s, self._random(_WAVES))
        electrodes = wander(times_s, self._random(_WANDER))
        electrodes += noise(self.fs, self._random(_NOISE, index))
        leads = recorded_leads(independent_leads(self._position @ vector, electrodes))
        for off in self.heart.off:
            is_off = (times_s >= off.from_s) & (times_s < off.to_s)
            for lead in leads_without(off.electrode):
                leads[LEADS.index(lead), is_off] = np.nan
        return leads

    def _spike(self, spike: Spike, times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the spike as a recorder sees it: the mean over each sample's own time."""
        sample_ms = 1000.0 / self.fs
        start_ms = -spike.before_qrs_ms
        begin = np.maximum(times_ms - sample_ms / 2.0, start_ms)
        end = np.minimum(times_ms + sample_ms / 2.0, start_ms + spike.width_ms)
        share = np.clip(end - begin, 0.0, None) / sample_ms
        vector: NDArray[np.float64] = np.array(spike.vector_mv)[:, None] * share
        return vector


def _breathing(time_s: float) -> float:
    """Return the factor of the heights of a beat's waves."""
    return 1.0 + _RESPIRATORY_HEIGHT_SHARE * math.sin(2.0 * math.pi * RESPIRATION_HZ * time_s)
