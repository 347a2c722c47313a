"""Measurements of rhythms made by hand: beats at given times, of given classes."""

from __future__ import annotations

from intervals.beats import BeatClass
from intervals.measurements import BeatFiducials, Measurements

IRREGULAR_S = [0.8, 0.5, 0.95, 0.62, 0.78, 0.45, 0.9, 0.55, 0.7]
SLIGHTLY_IRREGULAR_S = [0.80, 0.86, 0.79, 0.87, 0.81, 0.85]


def measurements_of(
    rr_s: list[float],
    *,
    rate: float = 75.0,
    pr_ms: float | None = 160.0,
    p_present: float | None = 0.98,
    qrs_ms: float | None = 90.0,
    classes: list[BeatClass] | None = None,
) -> Measurements:
    """Return measurements with these intervals between beats, all normal by default."""
    times_s = [0.5]
    for interval_s in rr_s:
        times_s.append(times_s[-1] + interval_s)
    if classes is None:
        classes = ["normal"] * len(times_s)
    beats = tuple(map(BeatFiducials, times_s, classes))
    return Measurements(
        heart_rate_bpm=rate,
        pr_ms=pr_ms,
        p_present=p_present,
        qrs_ms=qrs_ms,
        beats=len(beats),
        fiducials=beats,
    )


def without_p(rr_s: list[float], p_present: float = 0.3, rate: float = 75.0) -> Measurements:
    return measurements_of(rr_s, rate=rate, pr_ms=None, p_present=p_present)


def alternating_intervals(ratio: float, shortest_s: float = 0.6, intervals: int = 8) -> list[float]:
    """Return alternately a short and a long interval in seconds.

    `ratio` is their difference over their mean. Both the irregularity and the median change over
    the median interval are then equal to it.
    """
    step_s = ratio * shortest_s / (1.0 - ratio / 2)
    return [shortest_s, shortest_s + step_s] * (intervals // 2)
