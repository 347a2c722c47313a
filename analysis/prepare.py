"""A recording before the encoder: checked, judged and cut into segments, as far as needed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from analysis import answer_types
from analysis.deployment import Deployment, HeadUse
from analysis.few_leads import MIN_MODEL_LEADS, has_few_leads
from analysis.judgement import JUDGED_PARTS, UNREADABLE, Judgement, judgement_of
from analysis.measuring import (
    MEASURED_PARTS,
    MeasuredRecord,
    measure_record,
    rate_warning_without_beats,
)
from analysis.neurokit.parts import with_neurokit
from analysis.options import AnalyzeOptions, FeatureOptions, Options, QualityOptions
from analysis.plan import Needs, needs_of
from analysis.quality_part import quality_part
from errors import EcgError, NoModel, TooFewLeads, TooShort
from model_store.manifest import Role
from signal_quality import Quality, Uncalibrated, assess_leads, without_pulse
from signals.checks import check_record
from signals.leads import TwelveLeads, twelve_leads
from signals.number_text import number_text
from signals.pages import Page
from signals.record import EcgRecord
from signals.segments import Preprocessing, Segments, make_segments

# What the beats are measured for: heart rate variability, too, is computed from them.
PARTS_OF_BEATS = MEASURED_PARTS | {"hrv"}


def _no_segments() -> NDArray[np.float32]:
    return np.zeros((0, 12, 0), np.float32)


@dataclass(frozen=True)
class Prepared:
    """Everything that is known about a recording before the encoder.

    It is small enough to travel between processes.

    segments        (segments, 12 or 13, samples) float32 for the encoders in `needs`; empty if
                    `no_model` says why
    extra_segments  the segments of encoders with another preprocessing
    heads           the installed versions that this answer uses, even if others are installed
                    before it is complete
    no_model        why the model parts are null, None if they will not be
    judgement       whether the parts that say what the heart does are given
    record          the recording as it was sent; None if the options do not keep it
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
    judgement: Judgement = field(default_factory=Judgement)
    quality: answer_types.Quality | None = None
    measured: MeasuredRecord | None = None
    signal: answer_types.Signal | None = None
    reported: answer_types.Reported | None = None
    record: EcgRecord | None = None
    warnings: tuple[str, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Judged:
    """A recording without its calibration pulse, with what its signal alone says about it."""

    record: EcgRecord
    leads: TwelveLeads
    quality: Quality | None
    measured: MeasuredRecord | None
    judgement: Judgement
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _EncoderInput:
    """What the encoders read; empty if none is needed, or if `refusal` says why they cannot."""

    needs: Needs = field(default_factory=dict)
    segments: NDArray[np.float32] = field(default_factory=_no_segments)
    extra_segments: Mapping[Role, NDArray[np.float32]] = field(default_factory=dict)
    times_s: tuple[tuple[float, float], ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: NoModel | TooFewLeads | TooShort | None = None


def prepare(
    record: EcgRecord, options: Options, deployment: Deployment, *, max_seconds: float
) -> Prepared:
    """Check one recording and do everything that needs no encoder.

    Raises the errors of `signals.checks`; with feature options also NoModel, TooShort and
    TooFewLeads, with `AnalyzeOptions.requires_model` NoModel and TooShort.
    """
    started = time.perf_counter()
    is_judging = isinstance(options, QualityOptions)
    sent = check_record(record, max_seconds=max_seconds, allow_no_samples=is_judging)
    judged = _judge(sent, options)
    judged_at = time.perf_counter()
    encoder_input = _encoder_input(judged, options, deployment)
    refusal = encoder_input.refusal
    if refusal is not None and _refuses(options, refusal):
        raise refusal
    quality = None
    if judged.quality is not None and _wants_quality(options):
        quality = quality_part(judged.quality)
    prepared = Prepared(
        record_id=sent.id,
        options=options,
        needs=encoder_input.needs,
        segments=encoder_input.segments,
        extra_segments=encoder_input.extra_segments,
        heads=deployment.heads,
        unusable_heads=deployment.unusable_heads,
        segment_times_s=encoder_input.times_s,
        no_model=None if refusal is None else refusal.detail,
        judgement=judged.judgement,
        quality=quality,
        measured=judged.measured,
        signal=_signal_part(sent) if _includes(options, "signal") else None,
        reported=_reported_part(sent) if _includes(options, "reported") else None,
        record=sent if _keeps_record(options) else None,
        warnings=_warnings(judged, encoder_input, options),
    )
    measure_ms = 1000 * (judged_at - started)
    segment_ms = 1000 * (time.perf_counter() - judged_at)
    return replace(prepared, timings_ms={"measure": measure_ms, "segment": segment_ms})


def _judge(record: EcgRecord, options: Options) -> _Judged:
    """Assess and measure the recording, as far as the options ask for it."""
    without = without_pulse(record)
    quality = None
    if _wants_measurements(options) or _wants_quality(options):
        quality = assess_leads(record, without)
    measured = None
    judgement = Judgement()
    if isinstance(options, AnalyzeOptions) and _wants_measurements(options) and quality is not None:
        forced = options.judge_unreadable
        measured = _measure(without, quality, options)
        judgement = judgement_of(quality, measured, forced=forced)
    return _Judged(without.record, without.leads, quality, measured, judgement, without.warnings)


def _wants_measurements(options: Options) -> bool:
    """Return whether a part is measured, or depends on whether the recording can be judged."""
    return isinstance(options, AnalyzeOptions) and not options.include.isdisjoint(
        PARTS_OF_BEATS.union(JUDGED_PARTS)
    )


def _measure(without: Uncalibrated, quality: Quality, options: AnalyzeOptions) -> MeasuredRecord:
    """Measure the recording; if it is unreadable, only if that is forced."""
    is_unreadable = quality.signal_quality == "Unreadable"
    if is_unreadable and not options.judge_unreadable:
        return MeasuredRecord(
            unmeasured=UNREADABLE,
            rate_warning=rate_warning_without_beats(without.record.fs, without.leads),
            warnings=(f"measurements: {UNREADABLE}; nothing is measured",),
        )
    measured = _measure_page(without, options)
    if is_unreadable:
        doubt = f"measurements: measured although {UNREADABLE} (judge_unreadable)"
        return replace(measured, warnings=(doubt, *measured.warnings))
    if quality.readable or measured.number("heart_rate_bpm") is None:
        return measured
    # Annotators refuse all twelve leads for a single lead that is off; the others are still worth
    # measuring.
    doubt = (
        "measurements: the recording is judged not readable as a whole; check by eye what is "
        "measured on its better leads"
    )
    return replace(measured, warnings=(doubt, *measured.warnings))


def _measure_page(without: Uncalibrated, options: AnalyzeOptions) -> MeasuredRecord:
    """Measure a recording, or its first page if the leads were recorded one group after another.

    Beats of different pages have no lead in common, so that their waves cannot be compared.
    """
    record = without.record
    if not without.pages:
        return _measure_part(record, without.leads, options)
    first, *others = without.pages
    # The times in the answer count from the start of the recording, so a gap before it stays.
    part = replace(first, start=0).part_of(record)
    warning = (
        f"measurements: on {', '.join(part.lead_names)} from {first.start / record.fs:g} to "
        f"{first.stop / record.fs:g} s, because the leads were recorded one group after another"
    )
    leads = twelve_leads(part)
    # The leads of all pages have no sample in common: they were not compared with each other.
    contradictions = [text for text in leads.warnings if text.startswith("lead_names:")]
    measured = _measure_part(part, leads, options)
    if not has_few_leads(without.leads):
        # The encoder reads all pages, the one-lead model would read one.
        measured = replace(measured, few_leads=None)
    if measured.unmeasured is not None and _has_beats(record, others):
        measured = replace(measured, unmeasured=None, rate_warning=None)
    return replace(measured, warnings=(warning, *contradictions, *measured.warnings))


def _measure_part(record: EcgRecord, leads: TwelveLeads, options: AnalyzeOptions) -> MeasuredRecord:
    """Measure leads that were recorded together, with what the options ask for beside the rest."""
    measured = measure_record(record, leads, options.include)
    return with_neurokit(measured, record, leads, options)


def _has_beats(record: EcgRecord, pages: Sequence[Page]) -> bool:
    """Return whether beats are found on one of these pages; a page may be too short for them."""
    parts = (page.part_of(record) for page in pages)
    return any(measure_record(part, twelve_leads(part)).unmeasured is None for part in parts)


def _includes(options: Options, part: str) -> bool:
    return isinstance(options, AnalyzeOptions) and part in options.include


def _keeps_record(options: Options) -> bool:
    return isinstance(options, AnalyzeOptions) and options.keeps_record


def _wants_quality(options: Options) -> bool:
    return isinstance(options, QualityOptions) or _includes(options, "quality")


def _refuses(options: Options, refusal: EcgError) -> bool:
    """Return whether there is no answer without the encoder.

    An analysis of too few leads still has the rhythm and the quality.
    """
    if isinstance(options, AnalyzeOptions):
        return options.requires_model and not isinstance(refusal, TooFewLeads)
    return isinstance(options, FeatureOptions)


def _encoder_input(judged: _Judged, options: Options, deployment: Deployment) -> _EncoderInput:
    """Cut the segments for the encoders that the options need."""
    if isinstance(options, QualityOptions):
        return _EncoderInput()
    if not deployment.loaded:
        return _EncoderInput(refusal=NoModel("no encoder is loaded"))
    if isinstance(options, AnalyzeOptions):
        options = replace(options, include=judged.judgement.given(options.include))
    needs = needs_of(options, deployment)
    if not needs:
        return _EncoderInput()
    preprocessing = next(deployment.encoders[role].preprocessing for role in needs)
    record = judged.record
    segments = make_segments(judged.leads, record.fs, preprocessing, record.units)
    refusal = _refusal(segments, record, preprocessing)
    if refusal is not None:
        return _EncoderInput(refusal=refusal)
    return _EncoderInput(
        needs=needs,
        segments=segments.data,
        extra_segments=_extra_segments(judged, needs, deployment),
        times_s=tuple(zip(segments.starts_s, segments.ends_s, strict=True)),
        warnings=segments.warnings,
    )


def _refusal(
    segments: Segments, record: EcgRecord, preprocessing: Preprocessing
) -> TooFewLeads | TooShort | None:
    """Return the reason why the encoder cannot read these segments, None if it can."""
    if segments.usable_leads < MIN_MODEL_LEADS:
        return TooFewLeads(
            f"signal: {segments.usable_leads} of 12 leads contain a signal, derived leads "
            f"included; the encoder needs at least {MIN_MODEL_LEADS}",
            loc=("signal",),
        )
    if len(segments.data) == 0:
        return TooShort(
            f"{number_text(record.duration_s, preprocessing.needed_seconds)} s at "
            f"{record.fs:g} Hz; "
            f"the encoder needs at least {preprocessing.needed_seconds:g} s",
            loc=("signal",),
        )
    return None


def _extra_segments(
    judged: _Judged, needs: Needs, deployment: Deployment
) -> dict[Role, NDArray[np.float32]]:
    """Return the segments of the encoders whose preprocessing differs from the first one's."""
    first, *others = needs
    record = judged.record
    extra_segments: dict[Role, NDArray[np.float32]] = {}
    for role in others:
        preprocessing = deployment.encoders[role].preprocessing
        if preprocessing != deployment.encoders[first].preprocessing:
            segments = make_segments(judged.leads, record.fs, preprocessing, record.units)
            extra_segments[role] = segments.data
    return extra_segments


def _warnings(judged: _Judged, encoder_input: _EncoderInput, options: Options) -> tuple[str, ...]:
    """Return the warnings of every step, each once, in the order of the steps."""
    warnings = [*judged.record.warnings, *judged.leads.warnings, *judged.warnings]
    warnings += options.warnings
    if judged.quality is not None and _wants_quality(options):
        warnings += judged.quality.warnings
    if judged.measured is not None:
        warnings += _measuring_warnings(judged.measured, options)
    warnings += encoder_input.warnings
    return tuple(dict.fromkeys(warnings))


def _measuring_warnings(measured: MeasuredRecord, options: Options) -> list[str]:
    """Return the warning about the sampling rate, and those about what was asked for."""
    warnings = [] if measured.rate_warning is None else [measured.rate_warning]
    if isinstance(options, AnalyzeOptions) and options.include & PARTS_OF_BEATS:
        warnings += measured.warnings
    if _includes(options, "matrix"):
        warnings += measured.matrix_warnings
    return warnings


def _signal_part(record: EcgRecord) -> answer_types.Signal:
    return {
        "fs": record.fs,
        "lead_names": list(record.lead_names),
        "units": record.units,
        "data": record.signal,
    }


def _reported_part(record: EcgRecord) -> answer_types.Reported | None:
    if record.reported is None:
        return None
    return {
        "recording_date": record.reported.recording_date,
        "age": record.patient.age_years,
        "sex": record.patient.sex,
        "device": record.reported.device,
        "measurements": record.reported.measurements,
        "statements": list(record.reported.statements),
    }
