"""The notch at the end of QRS, from which early repolarisation is known.

Macfarlane et al., J Am Coll Cardiol 2015;66:470, doi:10.1016/j.jacc.2015.05.033: a notch on the
final half of the downslope of a prominent R wave, entirely above the baseline. Its peak is Jp. A
slur, the definition's other form, has no turning point; it is not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from intervals.matrix.qrs_waves import MIN_SLOPE_MV

# A choice: the notch may outlast the end of QRS of all leads together by this long.
AFTER_QRS_MS: Final = 40.0
FINAL_SHARE: Final = 0.5
# A choice: the R wave is prominent from 0.5 mV, the height of low voltage in the limb leads.
PROMINENT_R_MV: Final = 0.5


def notch_peak_mv(values_mv: Sequence[float], qrs_samples: int) -> float | None:
    """Return Jp of one lead, mV above the level before QRS; None without a notch.

    A notch on the first half of the downslope is passed over; a later one may be on the final half.

    values_mv    from the QRS onset to AFTER_QRS_MS after its end
    qrs_samples  how many of them are of the complex
    """
    complex_mv = values_mv[:qrs_samples]
    r_mv = max(complex_mv)
    if r_mv < PROMINENT_R_MV:
        return None
    trough = peak = values_mv[complex_mv.index(r_mv)]
    for value in values_mv[complex_mv.index(r_mv) :]:
        if value <= trough and peak - trough < MIN_SLOPE_MV:
            trough = peak = value
        elif value > peak:
            peak = value
        elif peak - value >= MIN_SLOPE_MV and peak - trough >= MIN_SLOPE_MV:
            if trough > 0.0 and peak <= FINAL_SHARE * r_mv:
                return peak
            trough = peak = value
    return None
