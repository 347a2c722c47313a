"""ECGs whose P waves and QRS complexes come at times of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.intervals.synthetic import Made, synthetic_at

SECONDS = 12.0
P_WAVE = Made(qrs=False, t=False)
VENTRICLES = Made(p=False)


def every(period_s: float, first_s: float = 0.3, seconds: float = SECONDS) -> np.ndarray:
    """Return times from first_s on, period_s apart."""
    return np.arange(first_s, seconds, period_s)


def ecg(
    p_onsets_s: Sequence[float] | np.ndarray,
    qrs_onsets_s: Sequence[float] | np.ndarray,
    made: Made = VENTRICLES,
    noise_mv: float = 0.01,
    seed: int = 0,
) -> np.ndarray:
    """(12, samples) mV at 500 Hz with P waves and QRS complexes with T at these onsets."""
    p_waves = np.asarray(p_onsets_s) + P_WAVE.pr_ms / 1000.0
    signal = synthetic_at(p_waves, P_WAVE, seconds=SECONDS)
    signal += synthetic_at(qrs_onsets_s, made, seconds=SECONDS)
    # As of muscles: independent in each lead; the limb leads still agree.
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, noise_mv, signal.shape)
    noise[2:6] = [
        noise[1] - noise[0],
        -(noise[0] + noise[1]) / 2,
        noise[0] - noise[1] / 2,
        noise[1] - noise[0] / 2,
    ]
    return signal + noise


def conducted(p_onsets_s: np.ndarray, pr_s: Sequence[float | None]) -> np.ndarray:
    """Return the QRS onsets, by the PR of each P wave in turn, again and again; None drops."""
    pattern = [pr_s[number % len(pr_s)] for number in range(p_onsets_s.size)]
    return np.array(
        [onset + pr for onset, pr in zip(p_onsets_s, pattern, strict=True) if pr is not None]
    )
