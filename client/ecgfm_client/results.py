"""Answers as values. Each keeps the whole answer in `raw`: a newer server may say more than is named here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Json = Mapping[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Label:
    """One finding of a clinical encoder; `probability_prior_corrected` is None where the model is calibrated already."""

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
    sha256: str | None

    @classmethod
    def read(cls, answer: Json) -> Encoder | None:
        encoder = (answer.get("model") or {}).get("encoder")
        return (
            None
            if not encoder
            else cls(encoder["name"], encoder.get("revision"), encoder.get("sha256"))
        )


@dataclass(frozen=True)
class Measurements:
    """Intervals in ms, axes in degrees, rate in beats a minute; None where something could not be measured.

    uncertainty_ms  per interval: four of five references lie within it
    flags           what lies outside of a published reference range
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
    uncertainty_ms: dict[str, float]
    beats: int | None
    ectopic_beats: int | None
    flags: list[dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """What is wrong with a signal, and what to do about it; `lead` is None for the whole recording."""

    code: str
    lead: str | None
    value: float | None
    limit: float | None
    advice: str


@dataclass(frozen=True)
class Quality:
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
        return cls(
            signal_quality=answer["signal_quality"],
            readable=answer["readable"],
            probability_readable=answer.get("probability_readable"),
            lead_words={lead: said["word"] for lead, said in answer["leads"].items()},
            findings=tuple(_known(Finding, each) for each in answer["findings"]),
            recommendation=answer["recommendation"],
            warnings=tuple(answer.get("warnings", ())),
            raw=answer,
        )


@dataclass(frozen=True)
class Analysis:
    """/analyze's answer; a part that was not asked for, or could not be computed, is None. `warnings` say why."""

    rhythm: str | None
    rhythm_source: str | None
    axis_deviation: str | None
    abnormalities: tuple[str, ...]
    labels: tuple[Label, ...] | None
    superclass: Json | None
    pacemaker: Json | None
    measurements: Measurements | None
    signal_quality: str | None
    quality: Quality | None
    features: NDArray[np.float32] | None
    fiducials: tuple[Json, ...] | None
    encoder: Encoder | None
    segments: int
    warnings: tuple[str, ...]
    request_id: str | None
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Analysis:
        clinical = answer.get("clinical_analysis") or {}
        labels, features, fiducials = (
            answer.get("labels"),
            answer.get("features"),
            answer.get("fiducials"),
        )
        return cls(
            rhythm=clinical.get("rhythm"),
            rhythm_source=clinical.get("rhythm_source"),
            axis_deviation=clinical.get("axis_deviation"),
            abnormalities=tuple(clinical.get("abnormalities") or ()),
            labels=None if labels is None else tuple(_known(Label, each) for each in labels),
            superclass=answer.get("superclass"),
            pacemaker=answer.get("pacemaker"),
            measurements=None
            if not answer.get("measurements")
            else _known(Measurements, answer["measurements"]),
            signal_quality=answer.get("signal_quality"),
            quality=None if not answer.get("quality") else Quality.read(answer["quality"]),
            features=None if features is None else array(features),
            fiducials=None if fiducials is None else tuple(fiducials),
            encoder=Encoder.read(answer),
            segments=answer.get("segments", 0),
            warnings=tuple(answer.get("warnings", ())),
            request_id=answer.get("request_id"),
            raw=answer,
        )


@dataclass(frozen=True)
class Features:
    """An embedding: (width,), (segments, width) or (segments, tokens, width), as `level` asked."""

    values: NDArray[np.float32]
    segments: int
    encoder: Encoder
    warnings: tuple[str, ...]
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Features:
        encoder = Encoder.read(answer)
        if encoder is None:
            raise ValueError("an embedding without the name of its encoder")
        return cls(
            array(answer["features"]),
            answer["segments"],
            encoder,
            tuple(answer.get("warnings", ())),
            answer,
        )


@dataclass(frozen=True)
class Health:
    """/health; `encoders` in the order of the server's list."""

    status: str
    version: str
    in_flight: int | None
    limit: int | None
    encoders: tuple[Encoder, ...]
    raw: Json

    @classmethod
    def read(cls, answer: Json) -> Health:
        listed = (answer.get("model") or {}).get("encoders") or ()
        encoders = tuple(
            Encoder(each["name"], each.get("revision"), each.get("sha256")) for each in listed
        )
        return cls(
            answer["status"],
            answer["version"],
            answer.get("in_flight"),
            answer.get("limit"),
            encoders,
            answer,
        )


def array(value: Any) -> NDArray[np.float32]:
    """A list of numbers, null for a gap, or msgpack's {"dtype", "shape", "data"}."""
    if isinstance(value, Mapping):
        return (
            np.frombuffer(value["data"], np.dtype(value["dtype"]))
            .reshape(value["shape"])
            .astype(np.float32)
        )
    return np.asarray(value, np.float32)


def _known(kind: type[Value], answer: Json) -> Value:
    """The fields that are known here; a newer server's others stay in `raw`."""
    return kind(**{field.name: answer.get(field.name) for field in fields(kind)})  # type: ignore[arg-type]
