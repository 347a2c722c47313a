"""From a recording to its measurements: beats, the representative beat, boundaries on it, intervals; and what must stay unsaid."""

from __future__ import annotations

from math import hypot, isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.axes import axes
from intervals.beats import BEAT_HZ, BEFORE_S, Beats, as_read, find_beats
from intervals.complexes import why_no_complex
from intervals.delineator import card, delineate
from intervals.fiducials import NAMES, P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, Fiducials, fiducials
from intervals.flutter import flutter_per_min
from intervals.formulas import qtc_ms, variability_ms
from intervals.measurements import BeatFiducials, Measurements, RepresentativeBeat
from intervals.p_waves import why_no_pr
from intervals.unet import Network
from signals.conditioned import RATE_HZ, Conditioned, condition
from signals.leads import TwelveLeads
from signals.order import median
from signals.r_peaks import r_peaks_of

INTERVALS: Final = {
    "pr_ms": (P_ON, QRS_ON),
    "p_duration_ms": (P_ON, P_OFF),
    "qrs_ms": (QRS_ON, QRS_OFF),
    "qt_ms": (QRS_ON, T_OFF),
}
MIN_SAME_SHARE: Final = 0.25  # of the beats, and at least three: fewer of one form among four or more are no rhythm but noise
MIN_T_SEEN: Final = 0.3  # the median lead's peak probability of T
MAX_OFFSET_SPREAD_MS: Final = (
    60.0  # of the readings of the QRS complex's end; one of 786 real recordings has more than 52
)
QT_RANGE_MS: Final = (180.0, 760.0)


def measure(leads: TwelveLeads, fs: float, *, paced: bool = False) -> Measurements:
    """Measure a recording at `fs`; never raises for what is in it.

    paced  pacing spikes were found: a P wave is then not looked for
    """
    ready = condition(leads.signal, fs)
    return measure_conditioned(ready, r_peaks_of(ready), paced=paced)


def measure_conditioned(
    ready: Conditioned,
    r_peaks_s: NDArray[np.float64],
    *,
    paced: bool = False,
    network: Network | None = None,
    calibration: dict[str, Any] | None = None,
) -> Measurements:
    """The same on the filtered recording (12, samples), leads in standard order, and its R peaks, for who has them already.

    network, calibration  others than what ships, for training
    """
    beats = find_beats(ready, r_peaks_s)
    if beats.representative is None:
        return Measurements(warnings=("measurements: no beats are found; nothing is measured",))
    count = len(beats.classes)
    same = int(beats.normal.sum())
    if count >= 4 and same < max(3, MIN_SAME_SHARE * count):
        return Measurements(
            warnings=(
                "measurements: what looks like beats has no common form; nothing is measured",
            )
        )
    known = card() if calibration is None else calibration
    said = fiducials(
        delineate(as_read(beats), network), np.array([known["bias_ms"][name] for name in NAMES])
    )
    rates, too_few = _rates(beats, ready)
    rr_ms = rates.get("rr_ms")
    reason = _why_nothing(beats, said, rr_ms)
    if reason is not None:
        return Measurements(warnings=(f"measurements: {reason}; nothing is measured",))
    flutter = flutter_per_min(ready, beats, said)
    times, unseen = _shown(beats, said, rr_ms, flutter, paced)
    intervals, no_rate = _intervals(times, rr_ms)
    angles, no_axes = axes(beats.representative, times)
    each, representative = _with_beats(beats, times)
    return Measurements(
        **rates,
        **intervals,
        **angles,
        beats=count,
        ectopic_beats=beats.classes.count("ectopic"),
        uncertainty_ms={
            name: uncertainty_of(name, said, known) for name in INTERVALS if name in intervals
        },
        p_present=said.p_present,
        flutter_per_min=flutter,
        fiducials=each,
        representative=representative,
        warnings=(*too_few, *unseen, *no_rate, *no_axes),
    )


def _rates(beats: Beats, ready: Conditioned) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Rate and variability, as far as they are known, and why they are not."""
    rr_ms = np.diff(beats.centre_s) * 1000.0
    normal, across = beats.normal, np.zeros(rr_ms.size, np.bool_)
    if ready.missing.any():
        gone = np.concatenate([[0], np.cumsum(ready.missing)])
        at = np.clip(np.rint(beats.centre_s * RATE_HZ).astype(np.intp), 0, ready.missing.size)
        across = gone[at[1:]] > gone[at[:-1]]  # a gap may hide a beat
    seen = rr_ms[~across]
    if seen.size == 0:
        return {}, ("heart_rate_bpm: fewer than two beats in a row; no rate",)
    rr = float(median(seen))
    pair = normal[1:] & normal[:-1] & ~across
    follows = np.concatenate([[False], pair[:-1]])[pair]
    sdnn, rmssd = variability_ms(rr_ms[pair], follows)
    few = () if sdnn is not None else ("sdnn_ms: fewer than three intervals between normal beats",)
    return {"heart_rate_bpm": 60000.0 / rr, "rr_ms": rr, "sdnn_ms": sdnn, "rmssd_ms": rmssd}, few


def _shown(
    beats: Beats, said: Fiducials, rr_ms: float | None, flutter: float | None, paced: bool
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The boundaries (5,) in ms from the centre that may be shown, NaN where not, and why not."""
    times = said.times.copy()
    reasons: list[str] = []
    _drop_outside(times, beats, reasons)
    if not np.isfinite(times[[QRS_ON, QRS_OFF]]).all():
        reasons.append(
            "qrs_ms: no complex is recorded from its beginning to its end; no interval is measured"
        )
        times[:] = np.nan
    elif said.spread[QRS_OFF] > MAX_OFFSET_SPREAD_MS:
        reasons.append("qrs_ms: the end of the QRS complex cannot be told from the start of T")
        times[QRS_OFF] = np.nan
    reason = why_no_pr(beats, times, said.p_present, paced=paced)
    if flutter is not None:
        reason = f"flutter waves, {flutter:.0f} per minute; a PR interval has no meaning"
    if reason is not None:
        reasons.append(f"pr_ms: {reason}")
        times[[P_ON, P_OFF]] = np.nan
    qt = times[T_OFF] - times[QRS_ON]
    if np.isfinite(times[QRS_ON]) and not (
        QT_RANGE_MS[0] <= qt <= QT_RANGE_MS[1] and said.t_seen >= MIN_T_SEEN
    ):
        reasons.append("qt_ms: the end of a T wave is not seen")
        times[T_OFF] = np.nan
    _drop_fused(times, rr_ms, reasons)
    return times, tuple(reasons)


def _intervals(
    times: NDArray[np.float64], rr_ms: float | None
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Those whose ends are both seen, and QT corrected for the rate; why it is not."""
    at = times.tolist()
    values = {name: at[stop] - at[start] for name, (start, stop) in INTERVALS.items()}
    there = {name: value for name, value in values.items() if isfinite(value)}
    if "qt_ms" not in there:
        return there, ()
    if rr_ms is None:
        return there, ("qtc_bazett_ms: no rate to correct QT for",)
    return there | qtc_ms(there["qt_ms"], rr_ms), ()


def _drop_fused(times: NDArray[np.float64], rr_ms: float | None, reasons: list[str]) -> None:
    """Boundaries of P and T where T would end after the next beat's P has begun, in place: what is between them is neither's end.

    So it is in 2:1 flutter, whose waves pass for both. In LUDB 54 ms and more lie between the two in every recording.
    """
    if (
        rr_ms is not None
        and np.isfinite(times[[P_ON, T_OFF]]).all()
        and times[T_OFF] - times[P_ON] > rr_ms
    ):
        reasons.append(
            "pr_ms, qt_ms: the T wave runs into the next P wave; neither the one's end nor the other's beginning is seen"
        )
        times[[P_ON, P_OFF, T_OFF]] = np.nan


def uncertainty_of(name: str, said: Fiducials, known: dict[str, Any]) -> float:
    """ms within which the reference lies in about four of five recordings: the spread of both ends, scaled out of fold."""
    scale = known["uncertainty"][name]
    return float(scale["scale"] * max(interval_spread(name, said), scale["floor_ms"]))


def interval_spread(name: str, said: Fiducials) -> float:
    """How far the readings of an interval's ends lie apart, ms."""
    start, stop = INTERVALS[name]
    return hypot(said.spread[start], said.spread[stop])


def _why_nothing(beats: Beats, said: Fiducials, rr_ms: float | None) -> str | None:
    """Why what was averaged is no QRS complex. One that is cut off by the recording's ends cannot be judged."""
    assert beats.representative is not None
    first, last = _covered_ms(beats)
    if said.times[QRS_ON] < first or said.times[QRS_OFF] > last:
        return None
    return why_no_complex(beats.representative, said, None if rr_ms is None else rr_ms / 1000.0)


def _covered_ms(beats: Beats) -> tuple[float, float]:
    first, last = ((edge / BEAT_HZ - BEFORE_S) * 1000.0 for edge in beats.covered)
    return first, last


def _drop_outside(times: NDArray[np.float64], beats: Beats, reasons: list[str]) -> None:
    """Boundaries where the beat that was measured isn't recorded: beside the recording's ends, in place."""
    first, last = _covered_ms(beats)
    outside = (times < first) | (times > last)
    if outside.any():
        reasons.append("measurements: no beat lies wholly within the recording")
        times[outside] = np.nan


def _with_beats(
    beats: Beats, times: NDArray[np.float64]
) -> tuple[tuple[BeatFiducials, ...], RepresentativeBeat]:
    """The boundaries carried back to each beat of the dominant form, and on the beat that they were measured on."""
    assert beats.representative is not None
    r_ms = _r_ms(beats.representative, times)
    each: list[BeatFiducials] = []
    for centre, kind in zip(beats.centre_s.tolist(), beats.classes, strict=True):
        if kind != "normal":
            each.append(BeatFiducials(max(0.0, centre), kind))
            continue
        places = _placed(centre, times)
        if each and _in_last_t(places, each[-1]):
            places |= {"p_onset": None, "p_offset": None}
        each.append(BeatFiducials(max(0.0, centre + r_ms / 1000.0), kind, **places))
    return tuple(each), RepresentativeBeat(
        beats.representative, BEFORE_S + r_ms / 1000.0, _placed(BEFORE_S, times), beats.averaged
    )


def _in_last_t(places: dict[str, float | None], last: BeatFiducials) -> bool:
    """A premature beat's P has a distance of its own: where the others' would begin before the last T ends, none is told."""
    onset = places["p_onset"]
    return onset is not None and last.t_offset is not None and onset < last.t_offset


def _placed(centre_s: float, times: NDArray[np.float64]) -> dict[str, float | None]:
    """Seconds; a boundary before the recording's start is not there."""
    at = {name: centre_s + time / 1000.0 for name, time in zip(NAMES, times.tolist(), strict=True)}
    return {name: value if value >= 0 else None for name, value in at.items()}  # NaN is not


def _r_ms(representative: NDArray[np.float64], times: NDArray[np.float64]) -> float:
    """The largest spatial magnitude within the QRS complex, or within 100 ms of the centre; ms from the centre."""
    start, stop = (
        (times[QRS_ON], times[QRS_OFF])
        if np.isfinite(times[[QRS_ON, QRS_OFF]]).all()
        else (-100.0, 100.0)
    )
    at = np.arange(representative.shape[1]) * (1000.0 / BEAT_HZ) - BEFORE_S * 1000.0
    level = representative - median(representative)[:, None]
    inside = (at >= start) & (at <= stop)
    return float(at[inside][np.square(level[:, inside]).sum(axis=0).argmax()])
