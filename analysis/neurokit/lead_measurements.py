"""The part `measurements` by NeuroKit2.

NeuroKit2 finds beats in everything, does not tell normal from ectopic beats, and gives a PR
interval where there is no P wave. So it measures only where the server's own method finds beats,
and where the two contradict each other, a warning says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from analysis import answer_types
from analysis.measuring import MeasuredRecord, measurements_part
from analysis.options import AnalyzeOptions
from heads.pacemaker import PACEMAKER_LABEL
from intervals.formulas import qtc_ms
from intervals.measurements import NUMBERS, Measurements
from intervals.neurokit.leads import BOUNDARIES, MAX_MEASURED_S, LeadsMeasured, measure_leads
from intervals.neurokit.loading import name_with_version
from signals.leads import TwelveLeads
from signals.record import EcgRecord

# NeuroKit2's median errors on LUDB, over the leads together (docs/accuracy.md).
LUDB_BIAS_MS: Final = {"QRS": 53, "PR": -45, "QT": 7}
# A heart rate is as it should be within the larger of 10 % and 5 per minute (ANSI/AAMI EC13:2002,
# 4.2.7).
RATE_SHARE: Final = 0.1
RATE_PER_MIN: Final = 5.0
OWN_METHOD: Final = "by the server's own method"
# The parts with numbers that are always by that method.
OWN_PARTS: Final = ("clinical_analysis", "findings")


def with_measurements(
    measured: MeasuredRecord, record: EcgRecord, leads: TwelveLeads, options: AnalyzeOptions
) -> MeasuredRecord:
    """Return what was measured with the part by NeuroKit2, unless there is no beat to measure."""
    if measured.unmeasured is not None:
        return measured
    by_leads = measure_leads(leads, record.fs)
    part = _measurements_part(by_leads, measured, record)
    warnings = [*_own_warnings(measured, options), *_lead_warnings(by_leads)]
    if part is not None:
        warnings += _standing_warnings()
        warnings += _doubts(part, measured)
    return replace(measured, by_neurokit=part, warnings=tuple(warnings))


def _own_warnings(measured: MeasuredRecord, options: AnalyzeOptions) -> Iterator[str]:
    """Yield the warnings of the server's own method; why a field of it is null, as another part's.

    `measurements` has NeuroKit2's value of that field, which such a warning is not about. What is
    said at the heart rate, such as a pause, is true of the recording.
    """
    own: Mapping[str, object] = measured.measurements or {}
    null = {name for name in NUMBERS if own.get(name) is None} - {"heart_rate_bpm"}
    parts = [name for name in OWN_PARTS if name in options.include]
    for warning in measured.warnings:
        field, _, _ = warning.partition(": ")
        if field not in null:
            yield warning
        elif parts:
            yield f"{parts[0]}: {OWN_METHOD}: {warning}"


def _measurements_part(
    by_leads: LeadsMeasured, measured: MeasuredRecord, record: EcgRecord
) -> answer_types.Measurements | None:
    """Return the part `measurements`; None if NeuroKit2 finds no beats on any lead."""
    values: dict[str, Any] = dict(by_leads.values)
    if "rr_ms" not in values:
        return None
    beats = int(values.pop("beats"))
    if "qt_ms" in values:
        values |= qtc_ms(values["qt_ms"], values["rr_ms"])
    if _ectopic_beats(measured):
        values |= {"sdnn_ms": None, "rmssd_ms": None}
    part = measurements_part(Measurements(**values, beats=beats), record.patient)
    part["method"] = "neurokit2"
    part["ectopic_beats"] = None
    part["uncertainty_ms"] = {name: None for name in BOUNDARIES if values.get(name) is not None}
    part["flags"] = [flag for flag in part["flags"] if flag["name"] == "heart_rate_bpm"]
    part["reference_ranges"] = {
        name: range_
        for name, range_ in part["reference_ranges"].items()
        if name == "heart_rate_bpm"
    }
    return part


def _ectopic_beats(measured: MeasuredRecord) -> int:
    """Return the number of ectopic beats that the server's own method finds."""
    own = measured.measurements
    return (own["ectopic_beats"] or 0) if own is not None else 0


def _standing_warnings() -> Iterator[str]:
    """Yield what holds for every measurement by NeuroKit2."""
    biases = ", ".join(f"{name} {bias:+d} ms" for name, bias in LUDB_BIAS_MS.items())
    yield (
        f"measurements: by {name_with_version()}, median over the leads; its median errors on LUDB "
        f"are {biases} (docs/accuracy.md)"
    )
    yield "qrs_axis_deg: NeuroKit2 measures no axes; p_axis_deg and t_axis_deg are null too"
    yield "uncertainty_ms: NeuroKit2 states no uncertainty"
    yield "ectopic_beats: NeuroKit2 does not tell normal from ectopic beats"
    yield (
        "flags: of the heart rate only; the reference ranges are not for intervals with "
        "NeuroKit2's errors"
    )


def _lead_warnings(by_leads: LeadsMeasured) -> Iterator[str]:
    """Yield on which leads NeuroKit2 failed, and of which it measured a part."""
    by_error: dict[str, list[str]] = {}
    for lead, error in by_leads.failed.items():
        by_error.setdefault(error, []).append(lead)
    for error, leads in by_error.items():
        yield f"measurements: NeuroKit2 raises {error} on {', '.join(leads)}"
    by_part: dict[tuple[float, float], list[str]] = {}
    for lead, part in by_leads.shortened.items():
        by_part.setdefault(part, []).append(lead)
    for (start_s, stop_s), leads in by_part.items():
        yield (
            f"measurements: NeuroKit2 measures {', '.join(leads)} from {start_s:g} to {stop_s:g} s "
            f"only: at most {MAX_MEASURED_S:g} s without a gap"
        )


def _doubts(part: answer_types.Measurements, measured: MeasuredRecord) -> Iterator[str]:
    """Yield where NeuroKit2 and the server's own method contradict each other, and what is null."""
    rate, own_rate = part["heart_rate_bpm"], measured.number("heart_rate_bpm")
    if (
        rate is not None
        and own_rate is not None
        and abs(rate - own_rate) > max(RATE_SHARE * own_rate, RATE_PER_MIN)
    ):
        yield f"heart_rate_bpm: NeuroKit2 finds {rate:g} per minute; {OWN_METHOD}, {own_rate:g}"
    if part["pr_ms"] is not None and measured.number("pr_ms") is None:
        yield (
            f"pr_ms: NeuroKit2 gives {part['pr_ms']:g} ms; {OWN_METHOD}, no PR interval can be "
            "measured on this recording"
        )
    if measured.rhythm is not None and measured.rhythm.name == PACEMAKER_LABEL:
        yield "qrs_ms: the beats are paced; NeuroKit2 measures with the spikes in the signal"
    ectopic_beats = _ectopic_beats(measured)
    if ectopic_beats:
        yield (
            f"sdnn_ms: {ectopic_beats} ectopic beats, which NeuroKit2 does not leave out; sdnn_ms "
            "and rmssd_ms are null"
        )
    elif part["sdnn_ms"] is None or part["rmssd_ms"] is None:
        yield "sdnn_ms: fewer than three intervals on most leads"
    lengths = (part["pr_ms"], part["p_duration_ms"], part["qrs_ms"], part["qt_ms"])
    for name, length in zip(BOUNDARIES, lengths, strict=True):
        if length is None:
            yield f"{name}: NeuroKit2 gives no value on any lead"
