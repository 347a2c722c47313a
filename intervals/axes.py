"""The frontal axes of P, QRS and T, from net areas on the representative beat."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import sample_at
from intervals.fiducials import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF
from intervals.formulas import axis_deg

# Rows of LEADS.
_I, _II, _III, _AVF = 0, 1, 2, 5
# The ST segment after the end of the QRS complex, which is not part of the area of T.
ST_MS: Final = 60.0
# The baseline of QRS and T is the mean of this time before the QRS complex.
BASELINE_MS: Final = 20.0
# The limb leads contradict each other if the rms of II - I - III, which is 0 with correct
# electrodes, is above this share of the largest rms of the three leads. All are rms about the mean.
MAX_CONTRADICTION_SHARE: Final = 0.25
MIN_WAVE_SAMPLES: Final = 4


def frontal_axes(
    beat: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Return the axes of P, QRS and T in degrees by field name, and warnings.

    An axis that cannot be measured is None. If a lead is missing or the limb leads contradict each
    other, all axes are None, and a warning gives the reason.

    beat   (12, 288) mV, leads as LEADS; leads that were not recorded are 0
    times  (5,) ms from the beat's centre: P onset, P offset, QRS onset, QRS offset, T offset; NaN
           for a boundary that was not found
    """
    no_axes: dict[str, float | None] = {
        "p_axis_deg": None,
        "qrs_axis_deg": None,
        "t_axis_deg": None,
    }
    if len(beat) < 6 or not beat[[_I, _AVF]].any(axis=1).all():
        return no_axes, ("qrs_axis_deg: the axes need leads I and aVF; not both are recorded",)
    if _limb_leads_contradict(beat):
        return no_axes, (
            "qrs_axis_deg: I, II and III contradict each other (I + III is not II); no axes",
        )

    frontal = beat[[_I, _AVF]]
    baseline = _mean_level(frontal, times[QRS_ON] - BASELINE_MS, times[QRS_ON])
    axes = {
        "p_axis_deg": _wave_axis(frontal, times[P_ON], times[P_OFF], None),
        "qrs_axis_deg": _wave_axis(frontal, times[QRS_ON], times[QRS_OFF], baseline),
        "t_axis_deg": _wave_axis(frontal, times[QRS_OFF] + ST_MS, times[T_OFF], baseline),
    }
    return axes, ()


def _limb_leads_contradict(beat: NDArray[np.float64]) -> bool:
    """Return whether II differs too much from I + III. False if one of the three is missing."""
    limb_leads = beat[[_I, _II, _III]]
    if not limb_leads.any(axis=1).all():
        return False
    about_mean = limb_leads - limb_leads.mean(axis=1, keepdims=True)
    residual = about_mean[1] - about_mean[0] - about_mean[2]
    largest = np.vecdot(about_mean, about_mean).max()
    return bool(residual @ residual > MAX_CONTRADICTION_SHARE**2 * largest)


def _wave_axis(
    frontal: NDArray[np.float64],
    start_ms: float,
    stop_ms: float,
    baseline: NDArray[np.float64] | None,
) -> float | None:
    """Return the axis of one wave in degrees; None if it has no boundaries or no direction.

    frontal   (2, 288) mV, I and aVF
    baseline  (2,) mV, the zero of the wave's area; None for the straight line between the ends of
              the wave
    """
    wave = _samples_between(frontal, start_ms, stop_ms)
    if wave is None or wave.shape[1] < MIN_WAVE_SAMPLES:
        return None
    level = _end_to_end_line(wave) if baseline is None else baseline[:, None]
    height = wave - level
    area = height.sum(axis=1)
    absolute_area = np.abs(height).sum(axis=1)
    size = float(np.hypot(absolute_area[0], absolute_area[1]))
    return axis_deg(float(area[0]), float(area[1]), size)


def _end_to_end_line(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, samples) the straight line from each lead's first sample to its last."""
    first = wave[:, :1]
    last = wave[:, -1:]
    position = np.arange(wave.shape[1]) / (wave.shape[1] - 1)
    return np.asarray(first + (last - first) * position)


def _mean_level(
    frontal: NDArray[np.float64], start_ms: float, stop_ms: float
) -> NDArray[np.float64] | None:
    """Return (2,) each lead's mean between two times; None if there are no samples."""
    samples = _samples_between(frontal, start_ms, stop_ms)
    if samples is None or samples.shape[1] == 0:
        return None
    return np.asarray(samples.mean(axis=1))


def _samples_between(
    frontal: NDArray[np.float64], start_ms: float, stop_ms: float
) -> NDArray[np.float64] | None:
    """Return (2, samples) from one time to another, both included; None if a time is NaN."""
    if not (np.isfinite(start_ms) and np.isfinite(stop_ms)):
        return None
    start = max(0, sample_at(start_ms))
    stop = max(0, sample_at(stop_ms) + 1)
    return frontal[:, start:stop]
