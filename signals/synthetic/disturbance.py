"""What the electrodes add: the wander of the baseline and noise."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from signals.synthetic.rhythms import RESPIRATION_HZ
from signals.synthetic.torso import ELECTRODES

# Choices: a calm adult with well prepared skin.
NOISE_MV: Final = 0.004  # rms of each electrode
RESPIRATION_MV: Final = 0.015  # height of the wander with respiration
DRIFT_MV: Final = 0.02  # height of each of the slower drifts
DRIFTS_HZ: Final = (0.031, 0.087)


def noise(samples: int, random: Generator) -> NDArray[np.float64]:
    """Return white noise of each electrode, (9, samples) mV."""
    return NOISE_MV * random.standard_normal((len(ELECTRODES), samples))


def wander(times_s: NDArray[np.float64], random: Generator) -> NDArray[np.float64]:
    """Return the baseline's wander, (9, samples) mV; the same for the same state of `random`."""
    heights = RESPIRATION_MV * random.uniform(0.3, 1.0, len(ELECTRODES))
    # The electrodes move with one chest.
    breath = np.sin(2.0 * np.pi * RESPIRATION_HZ * times_s + random.uniform(0.0, 2.0 * np.pi))
    baseline = heights[:, None] * breath
    for drift_hz in DRIFTS_HZ:
        phases = random.uniform(0.0, 2.0 * np.pi, len(ELECTRODES))
        baseline += DRIFT_MV * np.sin(2.0 * np.pi * drift_hz * times_s + phases[:, None])
    return baseline
