"""Published formulas: rate-corrected QT, the electrical axis, heart rate variability."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

# aVF is measured against the mean of the other two electrodes and reads sqrt(3)/2 of what a bipolar
# lead at 90 degrees would (Goldberger 1942); I is bipolar.
AVF_SCALE: Final = 2.0 / 3.0**0.5
# Of the absolute areas: with a smaller resultant, the axis has no particular direction.
MIN_RESULTANT: Final = 0.1
# Normal-to-normal intervals for SDNN; RMSSD needs one difference less.
MIN_INTERVALS: Final = 3


def qtc_ms(qt_ms: float, rr_ms: float) -> dict[str, float]:
    """Return QT corrected for the rate by four formulas, by field name.

    Bazett 1920: QT / RR^(1/2); Fridericia 1920: QT / RR^(1/3); Framingham (Sagie 1992):
    QT + 154 (1 - RR); Hodges 1983: QT + 1.75 (rate - 60). RR in seconds. The names are those of
    AHA/ACCF/HRS 2009, doi 10.1161/CIRCULATIONAHA.108.191096.
    """
    rr_s = rr_ms / 1000.0
    return {
        "qtc_bazett_ms": qt_ms / rr_s**0.5,
        "qtc_fridericia_ms": qt_ms / rr_s ** (1.0 / 3.0),
        "qtc_framingham_ms": qt_ms + 154.0 * (1.0 - rr_s),
        "qtc_hodges_ms": qt_ms + 1.75 * (60.0 / rr_s - 60.0),
    }


def axis_deg(area_i: float, area_avf: float, size: float) -> float | None:
    """Return the frontal axis in degrees, -180..180, from the net areas of I and aVF.

    None where the resultant is not above a tenth of `size`, the resultant of the absolute areas.
    """
    vertical = area_avf * AVF_SCALE
    # Written so that NaN gives None.
    if not np.hypot(area_i, vertical) > MIN_RESULTANT * size:
        return None
    return float(np.degrees(np.arctan2(vertical, area_i)))


def variability_ms(
    rr_ms: NDArray[np.float64], follows: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """Return SDNN and RMSSD of normal-to-normal intervals (Task Force 1996).

    SDNN is the sample standard deviation; None under three intervals. RMSSD is None under two
    differences.

    rr_ms    (intervals,)
    follows  (intervals,) bool: the interval directly follows the one before it in `rr_ms`
    """
    sdnn = None
    if rr_ms.size >= MIN_INTERVALS:
        deviation = rr_ms - rr_ms.mean()
        sdnn = sqrt(float(deviation @ deviation) / (rr_ms.size - 1))

    rmssd = None
    differences = (rr_ms[1:] - rr_ms[:-1])[follows[1:]]
    if differences.size >= MIN_INTERVALS - 1:
        rmssd = sqrt(float(differences @ differences) / differences.size)
    return sdnn, rmssd
