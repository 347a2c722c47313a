"""Synthetic 12-lead recordings for load, similar enough to an ECG that no check refuses them."""

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
# Height of the waves in each lead, relative to lead II.
SCALES = {"I": 0.7, "II": 1.0, "V1": -0.6, "V2": -0.4, "V3": 0.3, "V4": 1.1, "V5": 1.2, "V6": 0.9}
NOISE_MV = 0.01


def recording(seed: int, seconds: int = SECONDS) -> NDArray[np.float32]:
    """Return (leads, samples) in mV; III, aVR, aVL and aVF follow exactly from I and II."""
    random = np.random.default_rng(seed)
    time_s = np.arange(seconds * SAMPLING_RATE_HZ) / SAMPLING_RATE_HZ
    interval_s = 60.0 / random.uniform(*HEART_RATES_BPM)
    first_s = random.uniform(0.2, interval_s)
    wave = np.zeros_like(time_s)
    for centre_s, width_s, height_mv in WAVES:
        # The distance to the wave's centre in the nearest beat.
        half_s = interval_s / 2
        offset_s = (time_s - first_s - centre_s + half_s) % interval_s - half_s
        wave += height_mv * np.exp(-0.5 * (offset_s / width_s) ** 2)
    leads: dict[str, NDArray[np.float64]] = {}
    for name, scale in SCALES.items():
        leads[name] = scale * wave + NOISE_MV * random.standard_normal(wave.size)
    lead_i, lead_ii = leads["I"], leads["II"]
    leads["III"] = lead_ii - lead_i
    leads["aVR"] = -(lead_i + lead_ii) / 2
    leads["aVL"] = lead_i - lead_ii / 2
    leads["aVF"] = lead_ii - lead_i / 2
    return np.stack([leads[name] for name in LEAD_NAMES]).astype(np.float32)
