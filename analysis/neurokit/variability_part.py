"""The part `hrv`: heart rate variability by NeuroKit2 from the server's own normal beats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.measuring import MeasuredRecord
from analysis.neurokit.variability_types import HeartRateVariability, Indices
from intervals.neurokit.loading import name_with_version
from intervals.neurokit.variability import (
    MIN_SECONDS,
    RELIABLE_SHARE,
    NormalIntervals,
    Variability,
    normal_intervals,
    variability,
)
from intervals.rhythm import UNDETERMINED
from signals.gaps import fill_short_gaps
from signals.leads import TwelveLeads
from signals.number_text import number_text
from signals.record import EcgRecord

SIGNIFICANT_DIGITS: Final = 6  # of an index


def with_variability(
    measured: MeasuredRecord, record: EcgRecord, leads: TwelveLeads
) -> MeasuredRecord:
    """Compute the part `hrv`, or say why it is null."""
    reason = _why_no_variability(measured, record)
    if reason is not None:
        return _with_warnings(measured, f"hrv: {reason}")
    intervals = _normal_intervals(measured, record, leads)
    needed_s = RELIABLE_SHARE * MIN_SECONDS
    if intervals.seconds < needed_s:
        return _with_warnings(
            measured,
            f"hrv: the intervals between normal beats are {intervals.seconds:.0f} s of "
            f"{record.duration_s:.0f} s; {needed_s:g} s are needed",
        )
    indices = variability(intervals, record.duration_s)
    part = _variability_part(indices, intervals, record)
    warnings = [f"hrv: {sentence}" for sentence in indices.warnings]
    return _with_warnings(
        replace(measured, hrv=part), *_interval_warnings(intervals, measured), *warnings
    )


def _why_no_variability(measured: MeasuredRecord, record: EcgRecord) -> str | None:
    """Return why heart rate variability is not computed, None if it is."""
    if record.duration_s < MIN_SECONDS:
        length = number_text(record.duration_s, MIN_SECONDS)
        return f"the recording is {length} s long; {MIN_SECONDS:g} s or more are needed"
    name = UNDETERMINED if measured.rhythm is None else measured.rhythm.name
    # Variability is that of the sinus node.
    if name != UNDETERMINED and not name.startswith("Sinus"):
        return f"the rhythm by rules is {name}; only intervals between sinus beats have a meaning"
    return None


def _normal_intervals(
    measured: MeasuredRecord, record: EcgRecord, leads: TwelveLeads
) -> NormalIntervals:
    """Return the intervals between the server's own normal beats."""
    beats = measured.fiducials or []
    beats_s = np.array([beat["r"] for beat in beats])
    normal = np.array([beat["class"] == "normal" for beat in beats], np.bool_)
    return normal_intervals(beats_s, normal, _has_gap(beats_s, record, leads))


def _has_gap(
    beats_s: NDArray[np.float64], record: EcgRecord, leads: TwelveLeads
) -> NDArray[np.bool_]:
    """Return (beats - 1,) whether a lead has a gap between a beat and the next."""
    _, missing = fill_short_gaps(leads.signal[leads.present].astype(np.float64), record.fs)
    missing_until = np.concatenate([[0], np.cumsum(missing.any(axis=0))])
    places = np.clip(np.rint(beats_s * record.fs).astype(np.intp), 0, missing_until.size - 1)
    return np.asarray(missing_until[places[1:]] > missing_until[places[:-1]])


def _interval_warnings(intervals: NormalIntervals, measured: MeasuredRecord) -> Iterator[str]:
    """Yield what makes all indices doubtful."""
    if intervals.left_out:
        yield (
            f"hrv: {intervals.left_out} of {intervals.left_out + intervals.rr_ms.size} intervals "
            f"are left out: {intervals.beside_other} beside ectopic or noisy beats, "
            f"{intervals.across_gap} across gaps, {intervals.artefact} at beats too early or late"
        )
    if intervals.share < RELIABLE_SHARE:
        yield (
            f"hrv: {100 * intervals.share:.0f} % of the intervals are between normal beats; below "
            f"{100 * RELIABLE_SHARE:g} % the indices are unreliable"
        )
    if measured.rhythm is None or measured.rhythm.name == UNDETERMINED:
        yield "hrv: the rhythm is not determined; the indices have a meaning in sinus rhythm only"


def _variability_part(
    indices: Variability, intervals: NormalIntervals, record: EcgRecord
) -> HeartRateVariability:
    return {
        "method": name_with_version(),
        "seconds": round(record.duration_s, 3),
        "intervals": int(intervals.rr_ms.size),
        "left_out": {
            "beside_other_beats": intervals.beside_other,
            "across_gaps": intervals.across_gap,
            "artefacts": intervals.artefact,
        },
        "time": _rounded(indices.time),
        "frequency": _rounded(indices.frequency),
        "nonlinear": _rounded(indices.nonlinear),
    }


def _rounded(indices: Indices | None) -> Indices | None:
    if indices is None:
        return None
    return {
        name: None if value is None else float(f"{value:.{SIGNIFICANT_DIGITS}g}")
        for name, value in indices.items()
    }


def _with_warnings(measured: MeasuredRecord, *warnings: str) -> MeasuredRecord:
    return replace(measured, warnings=(*measured.warnings, *warnings))
