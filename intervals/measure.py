"""Measure a recording: beats, the representative beat, its boundaries, intervals, axes, flutter.

What cannot be measured is None, with the reason in the warnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.blocks import av_conduction
from intervals.atrial.conduction import AvConduction
from intervals.axes import frontal_axes
from intervals.beat_fiducials import fiducials_of_beats
from intervals.beats import Beats, delineator_beat, find_beats
from intervals.boundaries import recorded_ms, reportable_boundaries
from intervals.calibration import Calibration, corrected, shipped_calibration
from intervals.delineator import delineate
from intervals.fiducials import (
    INTERVALS,
    NAMES,
    P_OFF,
    P_ON,
    QRS_OFF,
    QRS_ON,
    Fiducials,
    find_fiducials,
)
from intervals.flutter import flutter_per_min
from intervals.formulas import qtc_ms, variability_ms
from intervals.measurements import Measurements
from intervals.p_evidence import PEvidence, with_p_evidence
from intervals.p_waves import P_PRESENT
from intervals.qrs_shape import why_no_qrs, why_shallow
from intervals.unet import Network
from intervals.without_rest import is_without_rest
from signals.conditioned import RATE_HZ, Conditioned, condition
from signals.leads import TwelveLeads
from signals.limb_leads import LIMB_LEADS
from signals.order import median
from signals.r_peaks import r_peaks_of

NO_BEATS: Final = "no beats are found"
NO_REST: Final = "wide complexes follow each other without a rest in which one could begin or end"
# Among at least JUDGED_BEATS beats, fewer of one morphology than this share, or than MIN_SAME, are
# noise and not a rhythm.
JUDGED_BEATS: Final = 4
MIN_SAME_SHARE: Final = 0.25
MIN_SAME: Final = 3


def measure(leads: TwelveLeads, fs: float, *, paced: bool = False) -> Measurements:
    """Measure a recording at `fs` Hz. Never raises for the content of its samples.

    paced  pacing spikes were found: P waves are then not measured
    """
    ready = condition(leads.signal, fs)
    return measure_conditioned(
        ready,
        r_peaks_of(ready),
        right_limb_leads=leads.right_limb_leads,
        millivolts=leads.millivolts,
        paced=paced,
    )


def measure_conditioned(
    ready: Conditioned,
    r_peaks_s: NDArray[np.float64],
    *,
    right_limb_leads: Sequence[str] = LIMB_LEADS,
    millivolts: bool = True,
    paced: bool = False,
    network: Network | None = None,
    calibration: Calibration | None = None,
) -> Measurements:
    """Measure a filtered recording, (12, samples) with leads as LEADS, at its R peaks.

    For callers that have both already; `measure` computes them itself.

    r_peaks_s    (beats,) seconds
    right_limb_leads  the limb leads on which axes are measured
    millivolts   whether the signal is in mV; otherwise no wave is too shallow for a QRS complex
    network, calibration  in place of the shipped ones, for training
    """
    beats = find_beats(ready, r_peaks_s)
    reason = _why_no_morphology(beats, millivolts=millivolts)
    if reason is not None:
        return _nothing(reason)
    assert beats.representative is not None

    delineation = delineate(delineator_beat(beats), network)
    if calibration is None:
        calibration = shipped_calibration(int(delineation.has_signal.sum()))
    fiducials = corrected(find_fiducials(delineation, calibration.bias_ms), calibration)
    rates, rate_warnings = _rates(beats, ready)
    rr_ms = rates.get("rr_ms")
    reason = _why_no_complex(beats, fiducials, rr_ms, millivolts=millivolts)
    if reason is not None and millivolts and is_without_rest(beats, rr_ms):
        return _without_rest(beats, rates, rate_warnings)
    if reason is not None:
        return _nothing(reason)

    atria = _atria(ready, beats, fiducials, rr_ms, calibration.p_evidence, paced=paced)
    times = atria.times
    intervals, qtc_warnings = _intervals(times, rr_ms)
    axes, axis_warnings = frontal_axes(beats.representative, times, right_limb_leads)
    each_beat, representative = fiducials_of_beats(beats, times)
    return Measurements(
        **rates,
        **intervals,
        **axes,
        beats=len(beats.classes),
        ectopic_beats=beats.classes.count("ectopic"),
        uncertainty_ms=_uncertainties_ms(intervals, fiducials, calibration),
        p_present=atria.p_present,
        flutter_per_min=atria.flutter_per_min,
        av_conduction=atria.conduction,
        fiducials=each_beat,
        representative=representative,
        without_rest=False,
        unmeasured=None,
        warnings=(*rate_warnings, *atria.warnings, *qtc_warnings, *axis_warnings),
    )


def _nothing(reason: str) -> Measurements:
    return Measurements(
        unmeasured=reason, warnings=(f"measurements: {reason}; nothing is measured",)
    )


def _without_rest(
    beats: Beats, rates: dict[str, float | None], warnings: tuple[str, ...]
) -> Measurements:
    """Return the rate and the beats alone: QRS and T run into each other."""
    each_beat, representative = fiducials_of_beats(beats, np.full(len(NAMES), np.nan))
    return Measurements(
        **rates,
        beats=len(beats.classes),
        ectopic_beats=beats.classes.count("ectopic"),
        uncertainty_ms={},
        p_present=None,
        flutter_per_min=None,
        av_conduction=None,
        fiducials=each_beat,
        representative=representative,
        without_rest=True,
        unmeasured=None,
        warnings=(*warnings, f"qrs_ms: {NO_REST}; no interval is measured"),
    )


def _why_no_morphology(beats: Beats, *, millivolts: bool) -> str | None:
    """Return the reason why there are no beats of one morphology, None where there are.

    millivolts  as for `measure_conditioned`
    """
    if beats.representative is None:
        return NO_BEATS
    count = len(beats.classes)
    same = int(beats.normal.sum())
    if count >= JUDGED_BEATS and same < max(MIN_SAME, MIN_SAME_SHARE * count):
        return "the detected beats have no common morphology"
    return why_shallow(beats.representative) if millivolts else None


def _why_no_complex(
    beats: Beats, fiducials: Fiducials, rr_ms: float | None, *, millivolts: bool
) -> str | None:
    """Return the reason why the representative beat has no QRS complex, None where it has one.

    A complex that the recording's ends cut off cannot be judged.
    """
    assert beats.representative is not None
    first_ms, last_ms = recorded_ms(beats)
    if fiducials.times[QRS_ON] < first_ms or fiducials.times[QRS_OFF] > last_ms:
        return None
    rr_s = None if rr_ms is None else rr_ms / 1000.0
    return why_no_qrs(beats.representative, fiducials, rr_s, millivolts=millivolts)


def _rates(beats: Beats, ready: Conditioned) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Return rate and variability by field name, as far as they are known, and warnings."""
    rr_ms = np.diff(beats.centre_s) * 1000.0
    across_gap = _across_gap(beats, ready.missing)
    uninterrupted = rr_ms[~across_gap]
    if uninterrupted.size == 0:
        return {}, ("heart_rate_bpm: fewer than two consecutive beats; no rate is given",)
    median_rr = float(median(uninterrupted))

    normal = beats.normal
    normal_to_normal = normal[1:] & normal[:-1] & ~across_gap
    # An interval directly follows another where the interval before it counts too.
    follows = np.concatenate([[False], normal_to_normal[:-1]])[normal_to_normal]
    sdnn, rmssd = variability_ms(rr_ms[normal_to_normal], follows)
    warnings: tuple[str, ...] = ()
    if sdnn is None:
        warnings = ("sdnn_ms: fewer than three intervals between normal beats",)
    rates = {
        "heart_rate_bpm": 60000.0 / median_rr,
        "mean_rate_bpm": 60000.0 / float(uninterrupted.mean()),
        "rr_ms": median_rr,
        "sdnn_ms": sdnn,
        "rmssd_ms": rmssd,
    }
    return rates, warnings


def _across_gap(beats: Beats, missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which RR intervals (beats - 1,) span a gap, which may hide a beat.

    missing  (samples,) at RATE_HZ
    """
    intervals = max(0, len(beats.classes) - 1)
    if not missing.any():
        return np.zeros(intervals, np.bool_)
    missing_until = np.concatenate([[0], np.cumsum(missing)])
    centres = np.rint(beats.centre_s * RATE_HZ).astype(np.intp)
    centres = np.clip(centres, 0, missing.size)
    return np.asarray(missing_until[centres[1:]] > missing_until[centres[:-1]])


@dataclass(frozen=True, eq=False)
class _Atria:
    """What the atria do, and the boundaries (5,) that may be reported beside it, NaN for none."""

    times: NDArray[np.float64]
    p_present: float
    flutter_per_min: float | None
    conduction: AvConduction | None
    warnings: tuple[str, ...]


def _atria(
    ready: Conditioned,
    beats: Beats,
    fiducials: Fiducials,
    rr_ms: float | None,
    p_evidence: PEvidence | None,
    *,
    paced: bool,
) -> _Atria:
    flutter = flutter_per_min(ready, beats, fiducials)
    if flutter is None and not paced:
        fiducials = with_p_evidence(beats, fiducials, p_evidence)
    p_present = fiducials.p_present
    times, warnings = reportable_boundaries(
        beats, fiducials, rr_ms, flutter_per_min=flutter, paced=paced
    )
    if flutter is not None or paced:
        return _Atria(times, p_present, flutter, None, warnings)
    has_pr = bool(np.isfinite(times[P_ON]))
    block = av_conduction(ready, beats, fiducials.times, has_pr=has_pr)
    if block is not None and block.kind in ("complete", "dissociated") and has_pr:
        times = times.copy()
        times[[P_ON, P_OFF]] = np.nan
        no_pr = "pr_ms: the P waves are not conducted; a PR interval has no meaning"
        warnings = (*warnings, no_pr)
    return _Atria(times, p_present, flutter, block, warnings)


def _intervals(
    times: NDArray[np.float64], rr_ms: float | None
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the intervals whose ends are both seen, QT corrected for the rate, and warnings."""
    at_ms = times.tolist()
    intervals = {}
    for name, (start, stop) in INTERVALS.items():
        length_ms = at_ms[stop] - at_ms[start]
        if isfinite(length_ms):
            intervals[name] = length_ms
    if "qt_ms" not in intervals:
        return intervals, ()
    if rr_ms is None:
        return intervals, ("qtc_bazett_ms: no heart rate is known to correct QT for",)
    return intervals | qtc_ms(intervals["qt_ms"], rr_ms), ()


def _uncertainties_ms(
    intervals: dict[str, float], fiducials: Fiducials, calibration: Calibration
) -> dict[str, float]:
    """Return the uncertainty of each measured interval, ms.

    In about four of five recordings the reference is within it: the spread of both ends, scaled by
    a factor that was fitted out of fold. It is wider for a P wave that the network alone would not
    believe.
    """
    uncertainties = {}
    evidence = calibration.p_evidence
    widening = 1.0
    if evidence is not None and fiducials.p_present < P_PRESENT:
        widening = evidence.widening
    for name in INTERVALS:
        if name in intervals:
            by_length = calibration.intervals[name]
            spread_ms = fiducials.interval_spread(name)
            uncertainties[name] = by_length.uncertainty(intervals[name], spread_ms)
            if P_ON in INTERVALS[name]:
                uncertainties[name] *= widening
    return uncertainties
