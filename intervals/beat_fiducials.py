"""The representative beat's boundaries carried back to each beat of the recording."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEFORE_S, SAMPLE_MS
from intervals.beats import Beats
from intervals.fiducials import NAMES, QRS_OFF, QRS_ON
from intervals.measurements import BeatFiducials, RepresentativeBeat
from signals.order import median

# Without QRS boundaries, the R peak is looked for within this distance of the centre.
R_REACH_MS: Final = 100.0


def fiducials_of_beats(
    beats: Beats, times: NDArray[np.float64]
) -> tuple[tuple[BeatFiducials, ...], RepresentativeBeat]:
    """Return the boundaries of each beat, and the representative beat with its own.

    Only beats of the dominant morphology have boundaries; the others have their centre as `r`.

    times  (5,) ms from the centre, NaN for none
    """
    assert beats.representative is not None
    r_ms = _r_peak_ms(beats.representative, times)
    fiducials: list[BeatFiducials] = []
    for centre_s, beat_class in zip(beats.centre_s.tolist(), beats.classes, strict=True):
        if beat_class != "normal":
            fiducials.append(BeatFiducials(max(0.0, centre_s), beat_class))
            continue
        boundaries = _boundaries_s(centre_s, times)
        if fiducials and _p_in_last_t(boundaries, fiducials[-1]):
            boundaries |= {"p_onset": None, "p_offset": None}
        r_s = max(0.0, centre_s + r_ms / 1000.0)
        fiducials.append(BeatFiducials(r_s, beat_class, **boundaries))

    representative = RepresentativeBeat(
        data=beats.representative,
        r=BEFORE_S + r_ms / 1000.0,
        fiducials=_boundaries_s(BEFORE_S, times),
        averaged=beats.averaged_count,
    )
    return tuple(fiducials), representative


def _boundaries_s(centre_s: float, times: NDArray[np.float64]) -> dict[str, float | None]:
    """Return each boundary in seconds by name; None for NaN or before the recording's start."""
    boundaries: dict[str, float | None] = {}
    for name, time_ms in zip(NAMES, times.tolist(), strict=True):
        time_s = centre_s + time_ms / 1000.0
        # NaN is not at or after the start either.
        boundaries[name] = time_s if time_s >= 0 else None
    return boundaries


def _p_in_last_t(boundaries: dict[str, float | None], last: BeatFiducials) -> bool:
    """Return whether P would begin before the last beat's T ends.

    The P of a premature beat has another distance from its QRS than the other beats' P.
    """
    p_onset = boundaries["p_onset"]
    if p_onset is None or last.t_offset is None:
        return False
    return p_onset < last.t_offset


def _r_peak_ms(representative: NDArray[np.float64], times: NDArray[np.float64]) -> float:
    """Return the time of the largest spatial magnitude within the QRS, ms from the centre."""
    start_ms, stop_ms = -R_REACH_MS, R_REACH_MS
    if np.isfinite(times[[QRS_ON, QRS_OFF]]).all():
        start_ms, stop_ms = times[QRS_ON], times[QRS_OFF]
    samples = representative.shape[1]
    at_ms = np.arange(samples) * SAMPLE_MS - BEFORE_S * 1000.0
    inside = (at_ms >= start_ms) & (at_ms <= stop_ms)

    level = representative - median(representative)[:, None]
    magnitude = np.square(level[:, inside]).sum(axis=0)
    largest = magnitude.argmax()
    return float(at_ms[inside][largest])
