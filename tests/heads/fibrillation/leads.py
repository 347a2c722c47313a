"""Leads at the rate of the watch, and what the shipped model and rule say about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heads.fibrillation import rule
from heads.fibrillation.model import shipped_model
from heads.fibrillation.signal_input import WATCH_HZ, WINDOW_SAMPLES
from signals.synthetic.catalogue import CASES
from signals.synthetic.generator import SyntheticEcg

SECOND = round(WATCH_HZ)


def synthetic(name: str, seconds: int, seed: int = 1) -> NDArray[np.float32]:
    """Return (12, samples) mV of a case of the catalogue."""
    return SyntheticEcg(CASES[name].heart, seed, SECOND).samples(0, seconds * SECOND)


def waves(hz: float, height_mv: float, seconds: int, seed: int = 0) -> NDArray[np.float32]:
    """Return (1, samples) of a sine with a little noise."""
    times_s = np.arange(seconds * SECOND) / WATCH_HZ
    noise = np.random.default_rng(seed).normal(0.0, 0.02 * height_mv, times_s.size)
    lead = height_mv * np.sin(2.0 * np.pi * hz * times_s) + noise
    return lead[np.newaxis].astype(np.float32)


def each_second(leads: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (seconds, leads) the probability of the window that ends after each whole second."""
    seconds = leads.shape[1] // SECOND
    padded = np.pad(leads, ((0, 0), (WINDOW_SAMPLES, 0)), constant_values=np.nan)
    windows = [
        padded[:, second * SECOND : second * SECOND + WINDOW_SAMPLES]
        for second in range(1, seconds + 1)
    ]
    return shipped_model().probabilities(np.concatenate(windows)).reshape(seconds, -1)


def fires(leads: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (seconds,) whether the rule says that the patient fibrillates."""
    state = rule.start(1)
    result = []
    for probabilities in each_second(leads):
        state, is_firing = rule.step(state, probabilities[np.newaxis])
        result.append(bool(is_firing[0]))
    return np.array(result)
