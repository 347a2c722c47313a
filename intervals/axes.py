"""The frontal axes of P, QRS and T, from net areas on the representative beat."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import sample_at
from intervals.fiducials import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF
from intervals.formulas import axis_deg

_I, _II, _III, _AVF = 0, 1, 2, 5  # rows of LEADS
ST_MS: Final = 60.0  # after the QRS: left out of T's area
BASELINE_MS: Final = 20.0  # before the QRS: the level that QRS and T are measured from
# Of the size of the largest of I, II and III: II - I - III is 0 with correct electrodes.
MAX_CONTRADICTION: Final = 0.25
MIN_SAMPLES: Final = 4  # of a wave


def frontal_axes(
    beat: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Return the axes of P, QRS and T in degrees by field name, and warnings where there are none.

    beat   (12, 288) mV, leads as LEADS
    times  (5,) boundaries in ms from the centre, NaN for none
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
    """Return whether II is too far from I + III. False where one of the three is missing."""
    limb_leads = beat[[_I, _II, _III]]
    if not limb_leads.any(axis=1).all():
        return False
    level = limb_leads - limb_leads.mean(axis=1, keepdims=True)
    residual = level[1] - level[0] - level[2]
    largest = np.vecdot(level, level).max()
    return bool(residual @ residual > MAX_CONTRADICTION**2 * largest)


def _wave_axis(
    frontal: NDArray[np.float64],
    start_ms: float,
    stop_ms: float,
    baseline: NDArray[np.float64] | None,
) -> float | None:
    """Return the axis of one wave in I and aVF, (2, samples).

    baseline  (2,) the level that the area is measured from; None for the straight line between
              both ends of the wave
    """
    wave = _between(frontal, start_ms, stop_ms)
    if wave is None or wave.shape[1] < MIN_SAMPLES:
        return None
    level = _end_to_end_line(wave) if baseline is None else baseline[:, None]
    height = wave - level
    area = height.sum(axis=1)
    absolute_area = np.abs(height).sum(axis=1)
    size = float(np.hypot(absolute_area[0], absolute_area[1]))
    return axis_deg(float(area[0]), float(area[1]), size)


def _end_to_end_line(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each lead's straight line from its first sample to its last."""
    first = wave[:, :1]
    last = wave[:, -1:]
    position = np.arange(wave.shape[1]) / (wave.shape[1] - 1)
    return np.asarray(first + (last - first) * position)


def _mean_level(
    frontal: NDArray[np.float64], start_ms: float, stop_ms: float
) -> NDArray[np.float64] | None:
    """Return each lead's mean between two times; None where nothing is recorded there."""
    part = _between(frontal, start_ms, stop_ms)
    if part is None or part.shape[1] == 0:
        return None
    return np.asarray(part.mean(axis=1))


def _between(
    frontal: NDArray[np.float64], start_ms: float, stop_ms: float
) -> NDArray[np.float64] | None:
    """Return the samples between two times in ms from the centre, both included; None for NaN."""
    if not (np.isfinite(start_ms) and np.isfinite(stop_ms)):
        return None
    start = max(0, sample_at(start_ms))
    stop = max(0, sample_at(stop_ms) + 1)
    return frontal[:, start:stop]
