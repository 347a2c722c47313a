"""Which of the boundaries that were read may be reported, and why the others may not.

A boundary that may not be reported becomes NaN, with a warning.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import time_ms_of
from intervals.beats import Beats, own_span_ms
from intervals.fiducials import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, Fiducials
from intervals.p_waves import CUT_MS, why_no_pr

MIN_T_SEEN: Final = 0.3  # the median over leads of T's peak probability
# Spread of the readings of the QRS complex's end; one of 786 real recordings has more than 52.
MAX_OFFSET_SPREAD_MS: Final = 60.0
QT_RANGE_MS: Final = (180.0, 860.0)
# From the end of T to the next QRS complex. Of 2,242 beats in LUDB and QTDB that experts marked,
# the shortest have 12 ms (8 beats of one recording have less than 70).
MIN_TQ_MS: Final = 10.0


def reportable_boundaries(
    beats: Beats,
    fiducials: Fiducials,
    rr_ms: float | None,
    *,
    flutter_per_min: float | None,
    paced: bool,
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the boundaries (5,) in ms from the centre, NaN where not reportable, and warnings."""
    times = fiducials.times.copy()
    warnings: list[str] = []
    _drop_unrecorded(times, beats, warnings)
    _judge_qrs(times, fiducials, warnings)

    no_pr = why_no_pr(beats, times, fiducials.p_present, paced=paced)
    if flutter_per_min is not None:
        no_pr = f"flutter waves, {flutter_per_min:.0f} per minute; a PR interval has no meaning"
    if no_pr is not None:
        warnings.append(f"pr_ms: {no_pr}")
        times[[P_ON, P_OFF]] = np.nan

    _judge_t(times, fiducials, warnings)
    _drop_beyond_next_complex(times, rr_ms, warnings)
    _drop_fused(times, rr_ms, warnings)
    _drop_cut_t(times, beats, warnings)
    return times, tuple(warnings)


def recorded_ms(beats: Beats) -> tuple[float, float]:
    """Return from when to when the representative beat is recorded, ms from its centre."""
    first, last = beats.recorded_span
    return time_ms_of(first), time_ms_of(last)


def _drop_unrecorded(times: NDArray[np.float64], beats: Beats, warnings: list[str]) -> None:
    """Drop boundaries beyond the recording's ends, in place."""
    first_ms, last_ms = recorded_ms(beats)
    unrecorded = (times < first_ms) | (times > last_ms)
    if unrecorded.any():
        warnings.append("measurements: no beat is wholly within the recording")
        times[unrecorded] = np.nan


def _judge_qrs(times: NDArray[np.float64], fiducials: Fiducials, warnings: list[str]) -> None:
    """Drop all boundaries without a whole QRS complex, its end where that is unclear, in place."""
    if not np.isfinite(times[[QRS_ON, QRS_OFF]]).all():
        warnings.append(
            "qrs_ms: no complex is recorded from its onset to its offset; no interval is measured"
        )
        times[:] = np.nan
    elif fiducials.spread[QRS_OFF] > MAX_OFFSET_SPREAD_MS:
        warnings.append(
            "qrs_ms: the end of the QRS complex cannot be distinguished from the start of T"
        )
        times[QRS_OFF] = np.nan


def _judge_t(times: NDArray[np.float64], fiducials: Fiducials, warnings: list[str]) -> None:
    """Drop the end of T where T is not seen or QT is implausible, in place.

    Without a QRS onset there is no QT interval to judge, and its warning has been given.
    """
    if not np.isfinite(times[QRS_ON]):
        return
    shortest_ms, longest_ms = QT_RANGE_MS
    qt_ms = times[T_OFF] - times[QRS_ON]
    if not (shortest_ms <= qt_ms <= longest_ms and fiducials.t_seen >= MIN_T_SEEN):
        warnings.append("qt_ms: the end of a T wave is not seen")
        times[T_OFF] = np.nan


def _drop_beyond_next_complex(
    times: NDArray[np.float64], rr_ms: float | None, warnings: list[str]
) -> None:
    """Drop the end of T where the next beat's QRS complex has begun by then, in place."""
    if rr_ms is not None and times[T_OFF] - times[QRS_ON] > rr_ms - MIN_TQ_MS:
        warnings.append("qt_ms: the T wave runs into the next QRS complex; its end is not seen")
        times[T_OFF] = np.nan


def _drop_fused(times: NDArray[np.float64], rr_ms: float | None, warnings: list[str]) -> None:
    """Drop the boundaries of P and T where T would end after the next beat's P begins, in place.

    Neither wave then ends between them. It happens in 2:1 flutter, whose waves pass for both. In
    LUDB at least 54 ms separate the two in every recording.
    """
    if rr_ms is None or not np.isfinite(times[[P_ON, T_OFF]]).all():
        return
    if times[T_OFF] - times[P_ON] > rr_ms:
        warnings.append(
            "pr_ms, qt_ms: the T wave runs into the next P wave; neither the end of T nor the onset"
            " of P is seen"
        )
        times[[P_ON, P_OFF, T_OFF]] = np.nan


def _drop_cut_t(times: NDArray[np.float64], beats: Beats, warnings: list[str]) -> None:
    """Drop the end of T where the beat is cut off before its neighbour, in place.

    T is compared with the next P wave before: in 2:1 flutter this end of T says that P is none.
    """
    _, last_own_ms = own_span_ms(beats)
    if times[T_OFF] > last_own_ms - CUT_MS:
        warnings.append(
            "qt_ms: the rate is so fast that the end of T cannot be distinguished from the next P"
        )
        times[T_OFF] = np.nan
