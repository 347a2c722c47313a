"""A recording before the encoder: checked, judged, cut into segments, as far as the request asks for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.deployment import Deployment, HeadUse
from analysis.measuring import MEASURED_PARTS, Measured, measure_record
from analysis.options import AnalyzeOptions, FeatureOptions, Options, QualityOptions
from analysis.plan import Needs, needs_of
from analysis.uploads import ClassifyOptions
from errors import NoModel, TooFewLeads, TooShort
from model_store.manifest import Role
from signal_quality import Quality, assess_leads, find_calibration_pulse
from signal_quality.calibration import Pulse
from signals.checks import check_record
from signals.leads import LEADS, TwelveLeads, twelve_leads
from signals.record import EcgRecord
from signals.segments import Segments, make_segments

PULSE_EDGE_S = 0.1  # what a device filters into the samples before the pulse
MIN_MODEL_LEADS = (
    6  # the interface's rule: fewer leads than the six of the limbs, and the encoder is not asked
)


@dataclass(frozen=True)
class Prepared:
    """What is known of a recording before the encoder, small enough to travel between processes.

    segments  (segments, 12 or 13, samples) float32 for the encoders in `needs`; no segments where `no_model` says why
    extra_segments  the segments of encoders that want others than these
    heads     the installed versions that serve this recording's answer is promised, whatever is installed by then
    no_model  why the model parts are null, None where they will be there
    """

    record_id: str | None
    options: Options
    needs: Needs
    segments: NDArray[np.float32]
    extra_segments: Mapping[Role, NDArray[np.float32]] = field(default_factory=dict)
    heads: tuple[HeadUse, ...] = ()
    unusable_heads: Mapping[str, str] = field(default_factory=dict)
    segment_times_s: tuple[tuple[float, float], ...] = ()
    no_model: str | None = None
    quality: dict[str, Any] | None = None
    measured: Measured | None = None
    signal: dict[str, Any] | None = None
    reported: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)


# Of a recording that is made for `warm_up`.
_GAINS = (1.0, 1.2, 0.2, -1.1, 0.4, 0.7, -0.4, 0.5, 0.9, 1.2, 1.1, 0.9)  # leads as LEADS
_WAVES = (
    (0.15, -0.16, 0.02),
    (1.0, 0.0, 0.012),
    (0.3, 0.22, 0.04),
)  # P, QRS, T: mV, seconds from R, seconds wide
NO_SEGMENTS = np.zeros((0, 12, 0), np.float32)


def prepare(
    record: EcgRecord, options: Options, deployment: Deployment, *, max_seconds: float
) -> Prepared:
    """Check one recording and do all that needs no encoder.

    Raises the errors of `signals.checks`; on /extract_features and /classify also NoModel, TooShort, TooFewLeads, as what the
    encoder says is the whole answer there.
    """
    started = time.perf_counter()
    record = check_record(
        record, max_seconds=max_seconds, judge_anything=isinstance(options, QualityOptions)
    )
    leads = twelve_leads(record)
    wants_measurements = _includes_any(options, MEASURED_PARTS)
    pulse = find_calibration_pulse(record, leads)
    quality = (
        assess_leads(record, leads, pulse)
        if _wants_quality(options) or wants_measurements
        else None
    )
    whole = record
    record, leads, pulse_said = _before_pulse(record, leads, pulse)
    measured = (
        _measured(record, leads, quality) if wants_measurements and quality is not None else None
    )
    judged = time.perf_counter()
    needs = needs_of(options, deployment)
    segments, no_model = _segments(record, leads, needs, options, deployment)
    extra_segments = {} if segments is None else _extra_segments(record, leads, needs, deployment)
    if isinstance(options, FeatureOptions | ClassifyOptions) and no_model is not None:
        raise no_model
    warnings = (
        *record.warnings,
        *leads.warnings,
        *pulse_said,
        *options.warnings,
        *(quality.warnings if quality and _wants_quality(options) else ()),
        *(measured.warnings if measured else ()),
        *(segments.warnings if segments else ()),
    )
    return Prepared(
        record_id=record.id,
        options=options,
        needs=needs if segments is not None else {},
        segments=NO_SEGMENTS if segments is None else segments.data,
        extra_segments=extra_segments,
        heads=deployment.heads,
        unusable_heads=deployment.unusable_heads,
        segment_times_s=()
        if segments is None
        else tuple(zip(segments.starts_s, segments.ends_s, strict=True)),
        no_model=None if no_model is None else no_model.detail,
        quality=quality.to_dict() if quality is not None and _wants_quality(options) else None,
        measured=measured,
        signal=_signal_part(whole) if _includes(options, "signal") else None,
        reported=_reported_part(record) if _includes(options, "reported") else None,
        warnings=tuple(dict.fromkeys(warnings)),
        timings_ms={
            "measure": 1000 * (judged - started),
            "segment": 1000 * (time.perf_counter() - judged),
        },
    )


def warm_up() -> None:
    """Load what the first recording would wait for otherwise, half a second and more: scipy's filters and what is trained."""
    fs = 360.0  # another than what is measured at, so that the change of rate is loaded as well
    at_s = np.arange(round(4 * fs)) / fs % 0.8 - 0.4
    beats = sum(
        height * np.exp(-0.5 * ((at_s - centre) / width) ** 2) for height, centre, width in _WAVES
    )
    record = EcgRecord(np.outer(_GAINS, beats).astype(np.float32), fs, LEADS)
    everything = AnalyzeOptions(include=MEASURED_PARTS | {"quality"})
    prepare(
        record,
        everything,
        Deployment("none", "none", "none is asked", {}),
        max_seconds=record.duration_s,
    )


def _before_pulse(
    record: EcgRecord, leads: TwelveLeads, pulse: Pulse
) -> tuple[EcgRecord, TwelveLeads, tuple[str, ...]]:
    """What is measured and encoded: the recording without a calibration pulse at its end, which is no beat, and would stretch the scale."""
    samples = 0 if pulse is None else round((pulse[0] - PULSE_EDGE_S) * record.fs)
    if pulse is None or 2 * samples < record.samples:
        return record, leads, ()
    said = f"signal: a calibration pulse at {pulse[0]:.1f} s; what lies before it is analysed"
    return (
        replace(record, signal=record.signal[:, :samples]),
        replace(leads, signal=leads.signal[:, :samples]),
        (said,),
    )


def _includes(options: Options, part: str) -> bool:
    return isinstance(options, AnalyzeOptions) and part in options.include


def _wants_quality(options: Options) -> bool:
    return isinstance(options, QualityOptions) or _includes(options, "quality")


def _includes_any(options: Options, parts: frozenset[str]) -> bool:
    return isinstance(options, AnalyzeOptions) and bool(options.include & parts)


def _measured(record: EcgRecord, leads: TwelveLeads, quality: Quality) -> Measured:
    """Nothing is measured on what cannot be read."""
    if quality.signal_quality == "Unreadable":
        return Measured(
            warnings=("measurements: the recording is unreadable; nothing is measured",)
        )
    found = measure_record(record, leads)
    if quality.readable or found.number("heart_rate_bpm") is None:
        return found
    # One lead that is off makes annotators refuse all twelve; what the others show is still worth measuring.
    doubt = "measurements: the recording is judged not readable as a whole; what is measured on its better leads is to be checked by eye"
    return replace(found, warnings=(doubt, *found.warnings))


def _segments(
    record: EcgRecord, leads: TwelveLeads, needs: Needs, options: Options, deployment: Deployment
) -> tuple[Segments | None, NoModel | TooFewLeads | TooShort | None]:
    """The encoders' input, or the reason why there is none."""
    if isinstance(options, QualityOptions):
        return None, None
    if not deployment.loaded:
        return None, NoModel("no encoder is loaded")
    if not needs:
        return None, None
    preprocessing = next(deployment.encoders[role].preprocessing for role in needs)
    segments = make_segments(leads, record.fs, preprocessing, record.units)
    if segments.usable_leads < MIN_MODEL_LEADS:
        return None, TooFewLeads(
            f"signal: {segments.usable_leads} of 12 leads hold a signal, derived ones included; the encoder needs {MIN_MODEL_LEADS}",
            loc=("signal",),
        )
    if len(segments.data) == 0:
        needed = preprocessing.needed_seconds
        return None, TooShort(
            f"{record.duration_s:.2f} s at {record.fs:g} Hz; the encoder needs {needed:g} s or more",
            loc=("signal",),
        )
    return segments, None


def _extra_segments(
    record: EcgRecord, leads: TwelveLeads, needs: Needs, deployment: Deployment
) -> dict[Role, NDArray[np.float32]]:
    """The segments of the encoders that do not take those of the first."""
    wanted = {role: deployment.encoders[role].preprocessing for role in needs}
    first = next(iter(wanted.values()))
    return {
        role: make_segments(leads, record.fs, own, record.units).data
        for role, own in wanted.items()
        if own != first
    }


def _signal_part(record: EcgRecord) -> dict[str, Any]:
    return {
        "fs": record.fs,
        "lead_names": list(record.lead_names),
        "units": record.units,
        "data": record.signal,
    }


def _reported_part(record: EcgRecord) -> dict[str, Any] | None:
    if record.reported is None:
        return None
    reported, patient = record.reported, record.patient
    return {
        "recording_date": reported.recording_date,
        "age": patient.age_years,
        "sex": patient.sex,
        "device": reported.device,
        "measurements": reported.measurements,
    }
