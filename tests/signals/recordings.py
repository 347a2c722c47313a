"""Synthetic recordings for the tests of several packages."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from signals.leads import LEADS
from signals.record import EcgRecord, Units


def beating(seconds: float = 10.0, fs: float = 500.0, seed: int = 0) -> np.ndarray:
    """Return (12, samples) float32 in mV that obeys Einthoven's law.

    A QRS complex and a T wave a second, and 5 µV of noise in each electrode.
    """
    at_s = np.arange(round(seconds * fs)) / fs
    phase = at_s % 1.0
    beat = np.exp(-(((phase - 0.4) / 0.015) ** 2)) + 0.25 * np.exp(-(((phase - 0.7) / 0.05) ** 2))
    rng = np.random.default_rng(seed)
    one = 0.7 * beat + 0.005 * rng.normal(size=at_s.size)
    two = 1.1 * beat + 0.005 * rng.normal(size=at_s.size)
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    chest = [
        size * beat + 0.005 * rng.normal(size=at_s.size)
        for size in (-0.6, -0.9, 0.4, 1.2, 1.4, 1.0)
    ]
    return np.array(limbs + chest, np.float32)


def record(
    signal: ArrayLike, leads: tuple[str, ...] = LEADS, fs: float = 500.0, units: Units = "mV"
) -> EcgRecord:
    return EcgRecord(np.ascontiguousarray(signal, np.float32), fs, leads, units)


def of_leads(signal: np.ndarray, *leads: str, fs: float = 500.0) -> EcgRecord:
    """Return a record of these leads of a twelve-lead signal, in this order."""
    return record(signal[[LEADS.index(lead) for lead in leads]], leads, fs)
