"""The frontal axes of P, QRS and T, from net areas on the representative beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import sample_at
from intervals.fiducials import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF
from intervals.formulas import axis_deg
from signals.limb_leads import LIMB_LEADS, limb_coefficients

# The ST segment after the end of the QRS complex, which is not part of the area of T.
ST_MS: Final = 60.0
# The baseline of QRS and T is the mean of this time before the QRS complex.
BASELINE_MS: Final = 20.0
MIN_WAVE_SAMPLES: Final = 4


def frontal_axes(
    beat: NDArray[np.float64], times: NDArray[np.float64], right_limb_leads: Sequence[str]
) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Return the axes of P, QRS and T in degrees by field name, and warnings.

    An axis that cannot be measured is None. If fewer than two limb leads are recorded, all axes
    are None, and a warning gives the reason. They are also None if it is unknown which limb leads
    are right; the warning of `signals.leads` says so.

    beat   (12, 360) mV, leads as LEADS; leads that were not recorded are 0
    times  (5,) ms from the beat's centre: P onset, P offset, QRS onset, QRS offset, T offset; NaN
           for a boundary that was not found
    right_limb_leads  the limb leads on which axes are measured
    """
    no_axes: dict[str, float | None] = {
        "p_axis_deg": None,
        "qrs_axis_deg": None,
        "t_axis_deg": None,
    }
    recorded = [lead for lead, row in zip(LIMB_LEADS, beat, strict=False) if row.any()]
    if len(recorded) < 2:
        return no_axes, ("qrs_axis_deg: the axes need two limb leads; fewer are recorded",)
    sources = [lead for lead in recorded if lead in right_limb_leads]
    if len(sources) < 2:
        return no_axes, ()

    frontal = np.stack([_limb_lead(lead, beat, sources) for lead in ("I", "aVF")])
    baseline = _mean_level(frontal, times[QRS_ON] - BASELINE_MS, times[QRS_ON])
    axes = {
        "p_axis_deg": _wave_axis(frontal, times[P_ON], times[P_OFF], None),
        "qrs_axis_deg": _wave_axis(frontal, times[QRS_ON], times[QRS_OFF], baseline),
        "t_axis_deg": _wave_axis(frontal, times[QRS_OFF] + ST_MS, times[T_OFF], baseline),
    }
    return axes, ()


def _limb_lead(lead: str, beat: NDArray[np.float64], sources: list[str]) -> NDArray[np.float64]:
    """Return (360,) a limb lead of the beat, derived if it is none of the sources."""
    if lead in sources:
        return np.asarray(beat[LIMB_LEADS.index(lead)])
    first, second = sources[:2]
    c, d = limb_coefficients(lead, first, second)
    row = c * beat[LIMB_LEADS.index(first)] + d * beat[LIMB_LEADS.index(second)]
    return np.asarray(row)


def _wave_axis(
    frontal: NDArray[np.float64],
    start_ms: float,
    stop_ms: float,
    baseline: NDArray[np.float64] | None,
) -> float | None:
    """Return the axis of one wave in degrees; None if it has no boundaries or no direction.

    frontal   (2, 360) mV, I and aVF
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
