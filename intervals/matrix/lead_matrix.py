"""The measurement matrix: amplitudes, durations and ST levels of each lead.

Amplitudes of QRS, ST and T are from the level immediately before the QRS onset, where GE's 12SL and
Philips' program measure from too, and from which the Universal Definition of Myocardial Infarction
asks ST to be measured. P is from the straight line between its onset and its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.axes import ST_MS
from intervals.beat_grid import BEFORE_S
from intervals.matrix.end_qrs_notch import AFTER_QRS_MS, notch_peak_mv
from intervals.matrix.qrs_waves import (
    MIN_ABOVE_MS,
    MIN_AMPLITUDE_MV,
    QrsWaves,
    Wave,
    qrs_waves,
    stays_above,
)
from intervals.matrix.unfiltered_beat import (
    LEVEL_START_MS,
    SAMPLE_MS,
    UnfilteredBeat,
    unfiltered_beat,
)
from intervals.measurements import Measurements
from signals.conditioned import Conditioned, smooth
from signals.leads import LEADS

# The ST levels, ms after the J point.
LEVELS_MS: Final = (0.0, 40.0, 60.0, 80.0)
# Beyond the waves: the reach of the 11 taps that smooth P, ST and T.
_MARGIN_MS: Final = 12.0
_P_END_MS: Final = 10.0
# A choice: two standard errors are then below the 0.1 mV from which on ST is elevated.
MAX_ERROR_MV: Final = 0.05


@dataclass(frozen=True)
class LeadRow:
    """The measurements of one lead; None for what it does not have.

    Amplitudes are in mV and signed, durations in ms, the slope of ST in mV/s.
    """

    p_mv: float | None = None
    p_ms: float | None = None
    q_mv: float | None = None
    q_ms: float | None = None
    r_mv: float | None = None
    r_ms: float | None = None
    s_mv: float | None = None
    s_ms: float | None = None
    r2_mv: float | None = None
    r2_ms: float | None = None
    t_mv: float | None = None
    jp_mv: float | None = None
    j_mv: float | None = None
    st40_mv: float | None = None
    st60_mv: float | None = None
    st80_mv: float | None = None
    st_slope_mv_s: float | None = None


@dataclass(frozen=True)
class Matrix:
    """The rows of the leads in the order of LEADS.

    warnings   "matrix: sentence"
    uncertain  leads whose level differs so much from beat to beat that the standard error of their
               mean is above MAX_ERROR_MV
    """

    rows: tuple[LeadRow, ...]
    warnings: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()


def lead_matrix(
    ready: Conditioned, measurements: Measurements, present: NDArray[np.bool_]
) -> Matrix | None:
    """Measure each lead of a recording in mV; None if the QRS complex is not found as a whole.

    ready    the recording that was measured, leads as LEADS
    present  (12,) the rows of the other leads are empty
    """
    times_ms = _times_ms(measurements)
    if "qrs_onset" not in times_ms or "qrs_offset" not in times_ms:
        return None
    beat = _beat(ready, _centres_s(measurements), times_ms)
    if beat is None:
        return None
    smoothed = smooth(beat.data.astype(np.float32)).astype(np.float64)
    p_mv = _p_heights(beat, smoothed, times_ms)
    t_mv = _t_heights(beat, smoothed, times_ms)
    levels = _st_levels(beat, smoothed, times_ms["qrs_offset"]).tolist()
    onset, end = _sample(beat, times_ms["qrs_onset"]), _sample(beat, times_ms["qrs_offset"])
    waves = qrs_waves(beat.data[:, onset : end + 1], SAMPLE_MS)
    until_notch_ends = beat.data[:, onset : end + 1 + round(AFTER_QRS_MS / SAMPLE_MS)].tolist()
    notches = [notch_peak_mv(lead, end + 1 - onset) for lead in until_notch_ends]
    rows = []
    for lead, is_present in enumerate(present):
        row = LeadRow()
        if is_present:
            p_ms = None if p_mv[lead] is None else times_ms["p_offset"] - times_ms["p_onset"]
            row = _row(waves[lead], levels[lead], p_mv[lead], p_ms, t_mv[lead], notches[lead])
        rows.append(row)
    uncertain = tuple(
        lead for lead, error_mv in zip(LEADS, beat.error_mv, strict=True) if error_mv > MAX_ERROR_MV
    )
    return Matrix(tuple(rows), _warnings(times_ms, uncertain), uncertain)


def _times_ms(measurements: Measurements) -> dict[str, float]:
    """Return the boundaries that the representative beat has, ms from its centre."""
    if measurements.representative is None:
        return {}
    return {
        name: (time_s - BEFORE_S) * 1000.0
        for name, time_s in measurements.representative.fiducials.items()
        if time_s is not None
    }


def _centres_s(measurements: Measurements) -> NDArray[np.float64]:
    """Return (beats,) the centres of the normal beats in seconds."""
    assert measurements.representative is not None
    r_s = measurements.representative.r - BEFORE_S
    normal = [beat.r for beat in measurements.fiducials if beat.beat_class == "normal"]
    return np.array(normal) - r_s


def _beat(
    ready: Conditioned, centres_s: NDArray[np.float64], times_ms: dict[str, float]
) -> UnfilteredBeat | None:
    """Return the mean beat from P to T; None if no beat lies within the recording."""
    qrs_on, st_end = times_ms["qrs_onset"], times_ms["qrs_offset"] + LEVELS_MS[-1]
    first = min(times_ms.get("p_onset", qrs_on), qrs_on - LEVEL_START_MS)
    last = max(times_ms.get("t_offset", st_end), st_end)
    span = (first - _MARGIN_MS, last + _MARGIN_MS)
    return unfiltered_beat(ready.unfiltered, ready.missing, centres_s, qrs_on, span)


def _sample(beat: UnfilteredBeat, time_ms: float) -> int:
    """Return the beat's sample nearest to a time in ms from its centre."""
    return round(beat.place(time_ms))


def _p_heights(
    beat: UnfilteredBeat, smoothed: NDArray[np.float64], times_ms: dict[str, float]
) -> list[float | None]:
    """Return (leads,) the largest deviation of P from the line between its ends.

    The ends are means of the 10 ms outside P. None without P, or where P is no wave.
    """
    if "p_onset" not in times_ms or "p_offset" not in times_ms:
        return [None] * len(smoothed)
    start, stop = _sample(beat, times_ms["p_onset"]), _sample(beat, times_ms["p_offset"])
    outside = round(_P_END_MS / SAMPLE_MS)
    before = beat.data[:, start - outside : start + 1].mean(axis=1, keepdims=True)
    after = beat.data[:, stop : stop + outside + 1].mean(axis=1, keepdims=True)
    share = np.linspace(0.0, 1.0, stop - start + 1)
    heights = smoothed[:, start : stop + 1] - before * (1.0 - share) - after * share
    peaks = np.abs(heights).argmax(axis=1).tolist()
    return [_peak(lead, at) for lead, at in zip(heights.tolist(), peaks, strict=True)]


def _peak(heights: list[float], at: int) -> float | None:
    """Return the height at its peak; None if it is no wave by the criteria of `qrs_waves`."""
    if abs(heights[at]) < MIN_AMPLITUDE_MV:
        return None
    reach = round(MIN_ABOVE_MS / SAMPLE_MS)
    first = max(0, at - reach)
    sizes = [abs(height) for height in heights[first : at + reach + 1]]
    return heights[at] if stays_above(sizes, at - first, SAMPLE_MS) else None


def _t_heights(
    beat: UnfilteredBeat, smoothed: NDArray[np.float64], times_ms: dict[str, float]
) -> list[float | None]:
    """Return (leads,) the largest peak or trough of T, looked for from ST_MS after the J point.

    None where T has no end, or one before ST_MS after the J point, or no turning point with slopes
    of MIN_AMPLITUDE_MV on both sides.
    """
    if "t_offset" not in times_ms:
        return [None] * len(smoothed)
    start = _sample(beat, times_ms["qrs_offset"] + ST_MS)
    stop = _sample(beat, times_ms["t_offset"]) + 1
    if start >= stop:
        return [None] * len(smoothed)
    # Every second sample: between two of them, the smoothed T changes by less than 1 uV.
    turning = [_turning_values(lead) for lead in smoothed[:, start:stop:2].tolist()]
    return [max(values, key=abs) if values else None for values in turning]


def _turning_values(values: list[float]) -> list[float]:
    """Return the peaks and troughs that rise and fall by MIN_AMPLITUDE_MV on both sides."""
    turning = []
    low = high = values[0]
    rises = falls = False
    for value in values:
        if not falls and high - value >= MIN_AMPLITUDE_MV:
            if rises:
                turning.append(high)
            rises, falls, low = False, True, value
        elif not rises and value - low >= MIN_AMPLITUDE_MV:
            if falls:
                turning.append(low)
            rises, falls, high = True, False, value
        # Not min() and max(), which take twice the time of the whole loop.
        if value < low:
            low = value
        elif value > high:
            high = value
    return turning


def _st_levels(
    beat: UnfilteredBeat, smoothed: NDArray[np.float64], j_ms: float
) -> NDArray[np.float64]:
    """Return (leads, 4) the levels at LEVELS_MS after the J point.

    J is the mean of the first three samples of the ST segment, not smoothed: the smoothing would
    mix the complex into it.
    """
    samples = [_sample(beat, j_ms + after_ms) for after_ms in LEVELS_MS]
    levels = smoothed[:, samples]
    levels[:, 0] = beat.data[:, samples[0] : samples[0] + 3].mean(axis=1)
    return levels


def _row(
    waves: QrsWaves,
    levels: list[float],
    p_mv: float | None,
    p_ms: float | None,
    t_mv: float | None,
    jp_mv: float | None,
) -> LeadRow:
    """Return one lead's row."""
    j, st40, st60, st80 = levels
    return LeadRow(
        p_mv=p_mv,
        p_ms=p_ms,
        q_mv=_height(waves.q),
        q_ms=_duration(waves.q),
        r_mv=_height(waves.r),
        r_ms=_duration(waves.r),
        s_mv=_height(waves.s),
        s_ms=_duration(waves.s),
        r2_mv=_height(waves.r2),
        r2_ms=_duration(waves.r2),
        t_mv=t_mv,
        j_mv=j,
        st40_mv=st40,
        st60_mv=st60,
        st80_mv=st80,
        st_slope_mv_s=(st80 - j) / (LEVELS_MS[-1] / 1000.0),
        jp_mv=jp_mv,
    )


def _height(wave: Wave | None) -> float | None:
    return None if wave is None else wave.peak_mv


def _duration(wave: Wave | None) -> float | None:
    return None if wave is None else wave.duration_ms


def _warnings(times_ms: dict[str, float], uncertain: tuple[str, ...]) -> tuple[str, ...]:
    """Return why columns are empty in every lead, and which leads are uncertain."""
    warnings = []
    if "p_onset" not in times_ms or "p_offset" not in times_ms:
        warnings.append("matrix: p_mv and p_ms are null; no P wave is measured")
    if "t_offset" not in times_ms:
        warnings.append("matrix: t_mv is null; the end of T is not measured")
    if uncertain:
        warnings.append(
            f"matrix: the beats differ much in {', '.join(uncertain)}; the standard error of their "
            f"mean is above {MAX_ERROR_MV:g} mV"
        )
    return tuple(warnings)
