"""The measurements of a recording as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.conduction import AvConduction
from intervals.beat_grid import BEAT_HZ
from intervals.beats import BeatClass

# What the part `measurements` is measured by: the server's own delineator, or NeuroKit2.
Method = Literal["delineator", "neurokit2"]
NUMBERS: Final = (
    "heart_rate_bpm", "rr_ms", "pr_ms", "p_duration_ms", "qrs_ms", "qt_ms",
    "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms",
    "p_axis_deg", "qrs_axis_deg", "t_axis_deg", "sdnn_ms", "rmssd_ms",
)  # fmt: skip


@dataclass(frozen=True)
class BeatFiducials:
    """One beat: times in seconds from the recording's start.

    None for a boundary that the beat does not have or that cannot be measured.
    """

    r: float
    beat_class: BeatClass
    p_onset: float | None = None
    p_offset: float | None = None
    qrs_onset: float | None = None
    qrs_offset: float | None = None
    t_offset: float | None = None


@dataclass(frozen=True, eq=False)
class RepresentativeBeat:
    """The beat on which the boundaries were measured.

    data       (leads, 360) mV, the filtered signal at `fs`
    r          seconds from the start of `data`
    fiducials  boundaries by name, seconds from the start of `data`
    averaged   how many beats it is the mean of
    """

    data: NDArray[np.float64]
    r: float
    fiducials: dict[str, float | None]
    averaged: int
    fs: float = BEAT_HZ


@dataclass(frozen=True, eq=False)
class Measurements:
    """The measurements in ms and degrees.

    A number that cannot be measured is None, with the reason in `warnings` ("field: sentence").

    mean_rate_bpm    rate of the mean interval; `heart_rate_bpm` is that of the median one
    p_present        probability that P waves precede the QRS complexes
    flutter_per_min  rate of flutter waves where they are clear between the beats
    av_conduction    a block between atria and ventricles, by P waves that are not conducted
    without_rest     wide complexes follow each other so fast that none has a visible onset or end
    unmeasured       a clause: why nothing is measured, as there are no beats; None if there are
    """

    heart_rate_bpm: float | None = None
    rr_ms: float | None = None
    pr_ms: float | None = None
    p_duration_ms: float | None = None
    qrs_ms: float | None = None
    qt_ms: float | None = None
    qtc_bazett_ms: float | None = None
    qtc_fridericia_ms: float | None = None
    qtc_framingham_ms: float | None = None
    qtc_hodges_ms: float | None = None
    p_axis_deg: float | None = None
    qrs_axis_deg: float | None = None
    t_axis_deg: float | None = None
    sdnn_ms: float | None = None
    rmssd_ms: float | None = None
    beats: int = 0
    ectopic_beats: int = 0
    uncertainty_ms: dict[str, float] = field(default_factory=dict)
    mean_rate_bpm: float | None = None
    p_present: float | None = None
    flutter_per_min: float | None = None
    av_conduction: AvConduction | None = None
    fiducials: tuple[BeatFiducials, ...] = ()
    representative: RepresentativeBeat | None = None
    without_rest: bool = False
    unmeasured: str | None = None
    warnings: tuple[str, ...] = ()
