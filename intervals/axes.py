"""The frontal axes of P, QRS and T, from net areas on the representative beat."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import BEAT_HZ, BEFORE_S
from intervals.fiducials import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF
from intervals.formulas import axis_deg

_I, _II, _III, _AVF = 0, 1, 2, 5  # rows of LEADS
ST_MS: Final = 60.0  # after the QRS: left out of T's area
BASELINE_MS: Final = 20.0  # before the QRS: the level that QRS and T are measured from
MAX_CONTRADICTION: Final = (
    0.25  # of the size of I, II and III: II - I - III is 0 where the electrodes agree
)


def axes(
    beat: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """`beat` (12, 288), leads as LEADS; `times` (5,) ms from its centre -> the angles, and why there are none."""
    none: dict[str, float | None] = {"p_axis_deg": None, "qrs_axis_deg": None, "t_axis_deg": None}
    if len(beat) < 6 or not beat[[_I, _AVF]].any(axis=1).all():
        return none, ("qrs_axis_deg: leads I and aVF are needed for the axes",)
    if _contradicts(beat):
        return none, (
            "qrs_axis_deg: I, II and III contradict each other (I + III is not II); no axes",
        )
    beat = beat[[_I, _AVF]]
    base = _mean(beat, times[QRS_ON] - BASELINE_MS, times[QRS_ON])
    found = {
        "p_axis_deg": _axis(beat, times[P_ON], times[P_OFF], None),
        "qrs_axis_deg": _axis(beat, times[QRS_ON], times[QRS_OFF], base),
        "t_axis_deg": _axis(beat, times[QRS_OFF] + ST_MS, times[T_OFF], base),
    }
    return found, ()


def _contradicts(beat: NDArray[np.float64]) -> bool:
    limb = beat[[_I, _II, _III]]
    if not limb.any(axis=1).all():
        return False
    level = limb - limb.mean(axis=1, keepdims=True)
    rest = level[1] - level[0] - level[2]
    return bool(rest @ rest > MAX_CONTRADICTION**2 * np.vecdot(level, level).max())


def _axis(
    beat: NDArray[np.float64], start_ms: float, stop_ms: float, base: NDArray[np.float64] | None
) -> float | None:
    """Of I and aVF, over the level `base`, or over the line between both ends where there is none."""
    part = _part(beat, start_ms, stop_ms)
    if part is None or part.shape[1] < 4:
        return None
    wave = part - (_line(part) if base is None else base[:, None])
    area, size = wave.sum(axis=1), np.abs(wave).sum(axis=1)
    return axis_deg(float(area[0]), float(area[1]), float(np.hypot(size[0], size[1])))


def _line(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each lead's first sample to its last."""
    return np.asarray(
        part[:, :1]
        + (part[:, -1:] - part[:, :1]) * (np.arange(part.shape[1]) / (part.shape[1] - 1))
    )


def _mean(beat: NDArray[np.float64], start_ms: float, stop_ms: float) -> NDArray[np.float64] | None:
    part = _part(beat, start_ms, stop_ms)
    return None if part is None or part.shape[1] == 0 else np.asarray(part.mean(axis=1))


def _part(beat: NDArray[np.float64], start_ms: float, stop_ms: float) -> NDArray[np.float64] | None:
    if not (np.isfinite(start_ms) and np.isfinite(stop_ms)):
        return None
    start, stop = (round((edge / 1000.0 + BEFORE_S) * BEAT_HZ) for edge in (start_ms, stop_ms))
    return beat[:, max(0, start) : max(0, stop + 1)]
