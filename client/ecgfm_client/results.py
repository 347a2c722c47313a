"""Answers as values. Each keeps the whole answer in `raw`, for what a newer server adds.

tests/client/test_results.py compares the fields and types with the schemas of /openapi.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Json = Mapping[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Label:
    """One label of the clinical encoder, or of the one-lead model with fewer than six leads.

    probability_prior_corrected  None where the model is already calibrated
    """

    name: str
    probability: float
    probability_prior_corrected: float | None
    threshold: float
    positive: bool


@dataclass(frozen=True)
class Encoder:
    """The exact network that answered; embeddings of two different ones must not be mixed."""

    name: str
    revision: str | None
    sha256: str

    @classmethod
    def read(cls, answer: Json) -> Encoder | None:
        """Return the encoder that an answer names, None if there is none."""
        encoder = (answer.get("model") or {}).get("encoder")
        return None if not encoder else _known_fields(cls, encoder)


@dataclass(frozen=True)
class Measurements:
    """Intervals in ms, axes in degrees, the rate in beats per minute; None if not measurable.

    uncertainty_ms    for each interval: four of five references are within it
    flags             the values outside a published reference range
    method            "delineator" or "neurokit2"; servers that do not say have the former only
    reference_ranges  measurement -> {"low", "high", "source"}, for the patient's age and sex;
                      empty from servers that do not say
    """

    heart_rate_bpm: float | None
    rr_ms: float | None
    pr_ms: float | None
    p_duration_ms: float | None
    qrs_ms: float | None
    qt_ms: float | None
    qtc_bazett_ms: float | None
    qtc_fridericia_ms: float | None
    qtc_framingham_ms: float | None
    qtc_hodges_ms: float | None
    p_axis_deg: float | None
    qrs_axis_deg: float | None
    t_axis_deg: float | None
    sdnn_ms: float | None
    rmssd_ms: float | None
    uncertainty_ms: dict[str, float | None]
    beats: int
    ectopic_beats: int | None
    flags: list[dict[str, Any]]
    method: str = "delineator"
    reference_ranges: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A fault of the signal, and what to do about it; `lead` is None for the whole recording.

    electrodes  those to look at; empty if the fault is not of electrodes
    """

    code: str
    lead: str | None
    value: float | None
    limit: float | None
    advice: str
    electrodes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClinicalFinding:
    """One statement of the report.

    severity  normal, abnormal, critical or technical
    evidence  numbers, with the unit at the name's end, and lists of leads
    source    where the criterion is published, or the model whose label it is
    """

    code: str
    statement: str
    severity: str
    evidence: dict[str, Any]
    source: str


@dataclass(frozen=True)
class Quality:
    """/assess_quality's answer, and the part `quality` of /analyze."""

    signal_quality: str
    readable: bool
    probability_readable: float | None
    lead_words: dict[str, str]
    findings: tuple[Finding, ...]
    recommendation: str
    warnings: tuple[str, ...]
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Quality:
        """Return the quality of an answer's object."""
        findings = [_known_fields(Finding, finding) for finding in answer["findings"]]
        return cls(
            signal_quality=answer["signal_quality"],
            readable=answer["readable"],
            probability_readable=answer.get("probability_readable"),
            lead_words={name: lead["word"] for name, lead in answer["leads"].items()},
            findings=tuple(findings),
            recommendation=answer["recommendation"],
            warnings=tuple(answer.get("warnings", ())),
            raw=answer,
        )


@dataclass(frozen=True)
class Analysis:
    """/analyze's answer.

    A part that was not asked for, or could not be computed, is None; `warnings` give the reasons.
    """

    rhythm: str | None
    rhythm_source: str | None
    confidence: float | None
    axis_deviation: str | None
    abnormalities: tuple[str, ...]
    findings: tuple[ClinicalFinding, ...] | None
    labels: tuple[Label, ...] | None
    superclass: Json | None
    pacemaker: Json | None
    measurements: Measurements | None
    signal_quality: str | None
    quality: Quality | None
    features: NDArray[np.float32] | None
    fiducials: tuple[Json, ...] | None
    hrv: Json | None
    reported: Json | None
    encoder: Encoder | None
    segments: int
    warnings: tuple[str, ...]
    request_id: str | None
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Analysis:
        """Return the analysis of an answer's object."""
        clinical = answer.get("clinical_analysis") or {}
        labels = answer.get("labels")
        if labels is not None:
            labels = tuple(_known_fields(Label, label) for label in labels)
        findings = answer.get("findings")
        if findings is not None:
            findings = tuple(_known_fields(ClinicalFinding, finding) for finding in findings)
        measurements = answer.get("measurements")
        quality = answer.get("quality")
        features = answer.get("features")
        fiducials = answer.get("fiducials")
        return cls(
            rhythm=clinical.get("rhythm"),
            rhythm_source=clinical.get("rhythm_source"),
            confidence=clinical.get("confidence"),
            axis_deviation=clinical.get("axis_deviation"),
            abnormalities=tuple(clinical.get("abnormalities") or ()),
            findings=findings,
            labels=labels,
            superclass=answer.get("superclass"),
            pacemaker=answer.get("pacemaker"),
            measurements=_known_fields(Measurements, measurements) if measurements else None,
            signal_quality=answer.get("signal_quality"),
            quality=Quality.read(quality) if quality else None,
            features=None if features is None else array(features),
            fiducials=None if fiducials is None else tuple(fiducials),
            hrv=answer.get("hrv"),
            reported=answer.get("reported"),
            encoder=Encoder.read(answer),
            segments=answer.get("segments", 0),
            warnings=tuple(answer.get("warnings", ())),
            request_id=answer.get("request_id"),
            raw=answer,
        )


@dataclass(frozen=True)
class Features:
    """An embedding: (width,), (segments, width) or (segments, tokens, width), as `level` says."""

    values: NDArray[np.float32]
    segments: int
    encoder: Encoder
    warnings: tuple[str, ...]
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Features:
        """Return the embedding of an answer's object. Raises ValueError if it names no encoder."""
        encoder = Encoder.read(answer)
        if encoder is None:
            raise ValueError("an embedding without the name of its encoder")
        return cls(
            values=array(answer["features"]),
            segments=answer["segments"],
            encoder=encoder,
            warnings=tuple(answer.get("warnings", ())),
            raw=answer,
        )


@dataclass(frozen=True)
class Health:
    """/health; `encoders` in the server's order, `reasons` why the status is not "ok".

    A server that asks for keys tells only `status` to those without the scope `operator`.
    """

    status: str
    reasons: tuple[str, ...]
    version: str | None
    in_flight: int | None
    limit: int | None
    encoders: tuple[Encoder, ...]
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Health:
        """Return the health of an answer's object."""
        encoders = (answer.get("model") or {}).get("encoders") or ()
        return cls(
            status=answer["status"],
            reasons=tuple(answer.get("reasons") or ()),
            version=answer.get("version"),
            in_flight=answer.get("in_flight"),
            limit=answer.get("limit"),
            encoders=tuple(_known_fields(Encoder, encoder) for encoder in encoders),
            raw=answer,
        )


def array(value: Any) -> NDArray[np.float32]:
    """Return float32 from nested lists (null for a gap) or msgpack's {"dtype", "shape", "data"}."""
    if not isinstance(value, Mapping):
        return np.asarray(value, np.float32)
    flat = np.frombuffer(value["data"], np.dtype(value["dtype"]))
    return flat.reshape(value["shape"]).astype(np.float32)


def _known_fields(kind: type[Value], answer: Json) -> Value:
    """Return the dataclass with its fields; a newer server's further fields stay in `raw`.

    A field that the answer lacks has its default, or is None.
    """
    values = {
        known.name: answer.get(known.name)
        for known in fields(kind)  # type: ignore[arg-type]
        if known.name in answer or not _has_default(known)
    }
    return kind(**values)


def _has_default(known: Field[Any]) -> bool:
    return known.default is not MISSING or known.default_factory is not MISSING
