"""Synthetic 12-lead recordings for load: made from a seed, shaped enough like an ECG that nothing refuses them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAD_NAMES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SAMPLING_RATE_HZ = 500
SECONDS = 10
HEART_RATES_BPM = (55.0, 95.0)

# (centre in s after the R peak, width in s, height in mV) of P, Q, R, S and T in lead II.
WAVES = (
    (-0.17, 0.025, 0.12),
    (-0.03, 0.010, -0.1),
    (0.0, 0.012, 1.1),
    (0.03, 0.012, -0.2),
    (0.28, 0.05, 0.3),
)
# What lead I and V1..V6 show of lead II's waves.
SCALES = {"I": 0.7, "II": 1.0, "V1": -0.6, "V2": -0.4, "V3": 0.3, "V4": 1.1, "V5": 1.2, "V6": 0.9}
NOISE_MV = 0.01


def recording(seed: int, seconds: int = SECONDS) -> NDArray[np.float32]:
    """(leads, samples) in mV; III, aVR, aVL and aVF follow from I and II exactly."""
    random = np.random.default_rng(seed)
    time_s = np.arange(seconds * SAMPLING_RATE_HZ) / SAMPLING_RATE_HZ
    interval_s = 60.0 / random.uniform(*HEART_RATES_BPM)
    first_s = random.uniform(0.2, interval_s)
    wave = np.zeros_like(time_s)
    for centre_s, width_s, height_mv in WAVES:
        offset_s = (
            time_s - first_s - centre_s + interval_s / 2
        ) % interval_s - interval_s / 2  # to the nearest beat's
        wave += height_mv * np.exp(-0.5 * (offset_s / width_s) ** 2)
    leads = {
        name: scale * wave + NOISE_MV * random.standard_normal(wave.size)
        for name, scale in SCALES.items()
    }
    one, two = leads["I"], leads["II"]
    leads |= {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    return np.stack([leads[name] for name in LEAD_NAMES]).astype(np.float32)
