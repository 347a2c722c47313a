"""Published formulas on intervals: rate-corrected QT, the electrical axis, variability of the beat."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

# aVF is measured against the mean of the other two electrodes and reads sqrt(3)/2 of what a lead at 90 degrees would
# (Goldberger 1942); I reads the whole.
AVF_SCALE: Final = 2.0 / 3.0**0.5
MIN_RESULTANT: Final = (
    0.1  # of the areas without sign: less, and the axis points nowhere in particular
)
MIN_INTERVALS: Final = 3  # normal-to-normal, for SDNN; RMSSD needs as many differences less one


def qtc_ms(qt_ms: float, rr_ms: float) -> dict[str, float]:
    """QT corrected for the rate, by four formulas (as AHA/ACCF/HRS 2009 name them, doi 10.1161/CIRCULATIONAHA.108.191096).

    Bazett 1920: QT / RR^(1/2); Fridericia 1920: QT / RR^(1/3); Framingham (Sagie 1992): QT + 154 (1 - RR);
    Hodges 1983: QT + 1.75 (rate - 60). RR in seconds.
    """
    rr_s = rr_ms / 1000.0
    return {
        "qtc_bazett_ms": qt_ms / rr_s**0.5,
        "qtc_fridericia_ms": qt_ms / rr_s ** (1.0 / 3.0),
        "qtc_framingham_ms": qt_ms + 154.0 * (1.0 - rr_s),
        "qtc_hodges_ms": qt_ms + 1.75 * (60.0 / rr_s - 60.0),
    }


def axis_deg(area_i: float, area_avf: float, size: float) -> float | None:
    """The frontal axis, -180..180, from net areas of I and aVF; None where they are under a tenth of `size`, the areas without sign."""
    y = area_avf * AVF_SCALE
    if not np.hypot(area_i, y) > MIN_RESULTANT * size:
        return None
    return float(np.degrees(np.arctan2(y, area_i)))


def variability_ms(
    rr_ms: NDArray[np.float64], follows: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """SDNN and RMSSD (Task Force 1996) of normal-to-normal intervals; `follows` marks those that come directly after another."""
    sdnn = None
    if rr_ms.size >= MIN_INTERVALS:
        level = rr_ms - rr_ms.mean()
        sdnn = sqrt(float(level @ level) / (rr_ms.size - 1))
    steps = (rr_ms[1:] - rr_ms[:-1])[follows[1:]]
    return sdnn, sqrt(
        float(steps @ steps) / steps.size
    ) if steps.size >= MIN_INTERVALS - 1 else None
