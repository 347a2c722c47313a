"""Beats and boundaries made by hand, for tests of a single rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intervals.beat_grid import BEAT_SAMPLES
from intervals.beats import BeatClass, Beats
from intervals.fiducials import Fiducials

# P onset, P offset, QRS onset, QRS offset, T offset in ms from the centre: PR 160, QRS 92, QT 400.
TIMES = (-200.0, -96.0, -40.0, 52.0, 360.0)


def beats_at(
    centres_s: Sequence[float],
    *,
    classes: Sequence[BeatClass] | None = None,
    windows: np.ndarray | None = None,
    whole: Sequence[bool] | None = None,
    representative: np.ndarray | None = None,
    covered: tuple[int, int] = (0, BEAT_SAMPLES),
) -> Beats:
    """Return beats with these centres; normal, whole and all zero where not given otherwise."""
    count = len(centres_s)
    if windows is None:
        windows = np.zeros((count, 12, BEAT_SAMPLES), np.float32)
    if representative is None:
        representative = np.zeros((12, BEAT_SAMPLES))
    return Beats(
        centre_s=np.array(centres_s, np.float64),
        classes=tuple(classes) if classes is not None else ("normal",) * count,
        windows=windows.astype(np.float32),
        whole=np.array(whole if whole is not None else [True] * count, np.bool_),
        representative=representative,
        averaged_count=count,
        recorded_span=covered,
    )


def fiducials_of(
    times: Sequence[float] = TIMES,
    *,
    spread: Sequence[float] = (5.0, 6.0, 4.0, 7.0, 9.0),
    p_present: float = 0.99,
    qrs_seen: float = 0.99,
    t_seen: float = 0.9,
) -> Fiducials:
    return Fiducials(np.array(times), np.array(spread), p_present, qrs_seen, t_seen)
