"""The values that go over the wire, as pydantic models: what /openapi.json says of them, and nothing else uses.

Requests are read by `formats/` and answers are written from plain values; tests/server/openapi/test_document.py holds real
answers against these models, and finds what they don't name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from formats.fields import MAX_AGE_YEARS, MAX_DATE_CHARS, MAX_ID_CHARS
from server.openapi.operator_models import Health, Models, Root
from signal_quality import Word
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from signals.leads import LEADS
from signals.record import Sex

COMPONENT = "#/components/schemas/{model}"

Probability = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Milliseconds = Annotated[float, Field(ge=0)]
Lead = list[float | None]


class Patient(BaseModel):
    """Used for reference ranges only, never for the model."""

    age: float | None = Field(None, ge=0, le=MAX_AGE_YEARS, description="Years.")
    sex: Sex | Literal["m", "f"] | None = None


class Record(BaseModel):
    """One recording: 1 to 12 standard leads. Unknown fields are ignored and named in `warnings`."""

    signal: list[Lead] | Lead | dict[str, Lead] = Field(
        description="Numbers, `null` for gaps. Leads x samples; samples x leads (told apart by `lead_names`; leads first when "
        "square); one lead that `lead_names` names; or an object lead name -> samples."
    )
    fs: float = Field(ge=MIN_FS_HZ, le=MAX_FS_HZ, description="Samples per second.")
    lead_names: list[str] | None = Field(
        None,
        min_length=1,
        max_length=len(LEADS),
        description=f"Any case and order; `Lead II`, `MDC_ECG_LEAD_II` and the like are understood. Default: {', '.join(LEADS)}.",
    )
    units: Literal["mV", "uV", "V", "unknown"] | None = Field(
        None,
        description="Default `mV`. With `unknown`, all that needs volts is null; the encoder doesn't care.",
    )
    gain: float | None = Field(
        None, gt=0, description="ADC units per mV, where samples are raw: mV = sample / gain."
    )
    recording_duration: float | None = Field(
        None, gt=0, description="Seconds, as a check: more than 1 % off samples / fs is refused."
    )
    patient: Patient | None = None
    recording_date: str | None = Field(None, max_length=MAX_DATE_CHARS)
    id: str | None = Field(None, max_length=MAX_ID_CHARS, description="Yours, echoed back.")


class Encoder(BaseModel):
    """One encoder, so that a figure in a paper can be traced."""

    name: str
    revision: str | None = Field(description="Of the source repository.")
    sha256: str
    source: str = Field(description="What was asked for at start, and why this was chosen.")


class Model(BaseModel):
    """Which model spoke; null where none did."""

    encoder: Encoder | None = Field(
        description="Of the embedding; of the labels where there is no embedding."
    )
    labels: str | None = Field(description="Name and version of the bundle whose labels these are.")
    superclass: str | None = Field(
        description="Name and version of the bundle whose superclasses these are."
    )
    pacemaker: str | None
    dtype: str | None = Field(description="Numbers that the encoder computed in.")
    device: str | None


class PhysiologicalParameters(BaseModel):
    heart_rate: float | None = Field(description="Per minute.")
    qrs_duration: Milliseconds | None
    qt_interval: Milliseconds | None
    pr_interval: Milliseconds | None
    qrs_axis: Degrees | None


class ClinicalAnalysis(BaseModel):
    rhythm: str | None = Field(
        description="Of the positive labels the first of Electronic pacemaker, Ventricular tachycardia, Supraventricular tachycardia "
        "with aberrancy, Atrial flutter, Atrial fibrillation; then Sinus rhythm, Sinus bradycardia or Sinus tachycardia; else Undetermined."
    )
    rhythm_source: Literal["labels", "rules"]
    heart_rate: float | None = Field(description="Per minute.")
    qrs_duration: Milliseconds | None
    qt_interval: Milliseconds | None
    pr_interval: Milliseconds | None
    axis_deviation: Literal["Normal", "Left", "Right", "Extreme"] | None
    abnormalities: list[str] = Field(
        description="The other positive labels, without Poor data quality and Accessory pathway conduction."
    )
    confidence: Probability | None = Field(
        description="The probability of the rhythm's label; from rules: how far their inputs lie from the limits."
    )
    physiological_parameters: PhysiologicalParameters


class Label(BaseModel):
    """What one label's row of the classifier says of the recording, joined over its segments."""

    name: str
    probability: Probability = Field(
        description="The sigmoid as the model gives it. Training weighted the positives, which inflates it."
    )
    probability_prior_corrected: Probability | None = Field(
        description="With the training weight w undone, sigmoid(logit - ln w); null where the model is calibrated already."
    )
    threshold: Probability = Field(
        description="Default w / (1 + w): more likely than not after the correction."
    )
    positive: bool = Field(description="`probability` >= `threshold`.")


class LabelsOfSegment(BaseModel):
    start: float = Field(description="Seconds from the start of the recording.")
    end: float
    probabilities: dict[str, Probability]


class Superclass(BaseModel):
    """PTB-XL's superclasses: normal, infarction, ST/T change, conduction disturbance, hypertrophy."""

    top: str = Field(description="The most probable.")
    probabilities: dict[str, Probability] = Field(
        description="NORM, MI, STTC, CD, HYP; more than one may hold."
    )
    positive: list[str] = Field(description="Those that reach their threshold.")


class PacemakerEvidence(BaseModel):
    spikes: int | None = Field(
        description="Deflections like pacing spikes in the recording; null where they cannot be seen."
    )
    chamber: Literal["atrial", "ventricular", "dual"] | None = Field(
        description="What they pace, where at least three stand at the same distance before beats."
    )
    morphology: Probability | None = Field(
        description="By the form of the beats alone; null where it cannot be judged."
    )
    label: Probability | None = Field(
        description="The label Electronic pacemaker; null without an encoder that has it."
    )


class Pacemaker(BaseModel):
    present: bool = Field(description="The probability reaches the head's threshold.")
    probability: Probability = Field(
        description="From all evidence, calibrated to PTB-XL's prevalence of paced recordings."
    )
    evidence: PacemakerEvidence
    visible: bool = Field(
        description="Whether the recording could show pacing spikes at all; where not, `warnings` says why."
    )


class Flag(BaseModel):
    name: str
    value: float
    range: list[float | None]
    source: str


class Measurements(BaseModel):
    heart_rate_bpm: float | None
    rr_ms: Milliseconds | None
    pr_ms: Milliseconds | None
    p_duration_ms: Milliseconds | None
    qrs_ms: Milliseconds | None
    qt_ms: Milliseconds | None
    qtc_bazett_ms: Milliseconds | None
    qtc_fridericia_ms: Milliseconds | None
    qtc_framingham_ms: Milliseconds | None
    qtc_hodges_ms: Milliseconds | None
    p_axis_deg: Degrees | None
    qrs_axis_deg: Degrees | None
    t_axis_deg: Degrees | None
    sdnn_ms: Milliseconds | None
    rmssd_ms: Milliseconds | None
    uncertainty_ms: dict[str, float | None]
    beats: int
    ectopic_beats: int | None
    flags: list[Flag]


class Finding(BaseModel):
    """One fault of the recording: `value` beyond `limit`, in the unit of the code."""

    code: str
    lead: str | None
    value: float | None
    limit: float | None
    advice: str = Field(description="What to do about it.")


class LeadQuality(BaseModel):
    word: Word
    findings: list[Finding]


class Quality(BaseModel):
    """Can it be read, lead by lead, and why not."""

    signal_quality: Word
    readable: bool
    probability_readable: Probability | None = Field(
        description="Null where there is no sample to judge."
    )
    leads: dict[str, LeadQuality]
    findings: list[Finding]
    recommendation: str


class SaliencyOfSegment(BaseModel):
    start: float
    end: float
    values: list[float] = Field(description="One number for each token, unscaled.")


class Saliency(BaseModel):
    method: str
    segments: list[SaliencyOfSegment]


class Signal(BaseModel):
    """As read: the leads, order and rate that came; null for gaps."""

    fs: float
    lead_names: list[str]
    units: str
    data: list[Lead]


class Fiducials(BaseModel):
    """One beat; seconds from the start of the recording."""

    r: float
    p_onset: float | None
    p_offset: float | None
    qrs_onset: float | None
    qrs_offset: float | None
    t_offset: float | None
    class_: Literal["normal", "ectopic", "paced", "noisy"] = Field(alias="class")


class RepresentativeBeat(BaseModel):
    fs: float
    lead_names: list[str]
    data: list[Lead]
    r: float
    fiducials: dict[str, Any]


class Reported(BaseModel):
    """What the recording's own device said of it."""

    recording_date: str | None
    age: float | None
    sex: str | None
    device: str | None
    measurements: dict[str, Any]


class Answer(BaseModel):
    """What every answer about one recording has."""

    id: str | None = Field(description="As it was sent.")
    request_id: str
    processing_time: float = Field(ge=0, description="Seconds from taking in the request.")
    version: str
    warnings: list[str] = Field(
        description="`field: sentence`: what was ignored, doubted or could not be computed, and why."
    )


class HeadAnswer(BaseModel):
    """What one installed head says of the recording."""

    version: int
    probabilities: dict[str, Probability] = Field(description="Calibrated, by label.")
    positive: list[str] = Field(
        description="The labels at or above their thresholds, which /models lists."
    )


class Analysis(Answer):
    """Everything about one recording: a part not asked for is absent; one that can't be computed is null, `warnings` says why."""

    model: Model
    segments: int = Field(
        ge=0,
        description="Segments that the encoder read: of 5 s by ECG-FM, of 10 s by the embedded model.",
    )
    clinical_analysis: ClinicalAnalysis | None = None
    labels: list[Label] | None = None
    labels_by_segment: list[LabelsOfSegment] | None = None
    superclass: Superclass | None = None
    pacemaker: Pacemaker | None = None
    measurements: Measurements | None = None
    features: list[float] | None = Field(
        None, description="The mean over segments of the features encoder's embedding."
    )
    signal_quality: Word | None = Field(None, description="Comes with `quality`.")
    quality: Quality | None = None
    saliency: Saliency | None = None
    signal: Signal | None = None
    fiducials: list[Fiducials] | None = None
    representative_beat: RepresentativeBeat | None = None
    reported: Reported | None = None
    heads: dict[str, HeadAnswer] | None = Field(
        None, description="By the name of each installed head whose encoder is loaded."
    )


class Embedding(Answer):
    """One recording's embedding."""

    features: list[float] | list[list[float]] | list[list[list[float]]] = Field(
        description="`level=record`: width numbers; `segment`: segments x width; `token`: segments x tokens x width. "
        "As msgpack: `{dtype, shape, data}` with binary data."
    )
    shape: list[int]
    segments: int
    model: Model


class QualityAnswer(Quality, Answer):
    """The quality of one recording."""


class Prediction(BaseModel):
    """/predict's answer."""

    result: bool | None
    age: float | str = Field(description="As it was sent.")
    recording_date: str | None = Field(description="As it was sent.")
    probability: float | None
    evidence: dict[str, Any] | None = Field(
        description="As `pacemaker.evidence` of /analyze, and whether spikes can be seen."
    )
    warnings: list[str]
    request_id: str
    processing_time: float
    version: str


class Classification(BaseModel):
    """/classify's answer."""

    diagnosis: str
    description: str | None
    probability: float
    probabilities: dict[str, float]
    warnings: list[str]
    request_id: str
    processing_time: float
    version: str


class Fault(BaseModel):
    loc: list[str | int] = Field(description="The path into the body.")
    msg: str


class Problem(BaseModel):
    """An error (RFC 9457). `detail` names the field, what was found and what is allowed."""

    type: str = Field(description="Where /docs/errors explains the code.")
    title: str
    status: int
    code: str
    detail: str
    errors: list[Fault] | None = None
    request_id: str | None = None


class FailedRecord(BaseModel):
    """In place of a result, where one recording of many cannot be answered."""

    error: Problem


MODELS: tuple[type[BaseModel], ...] = (
    Record,
    Analysis,
    Embedding,
    QualityAnswer,
    Prediction,
    Classification,
    Problem,
    FailedRecord,
    Health,
    Models,
    Root,
)


class _Plain(GenerateJsonSchema):
    """Short forms: no title on every field, no `default: null`, ["number", "null"] for what may be absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return self.get_flattened_anyof([inner, {"type": "null"}])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def component_schemas() -> dict[str, Any]:
    """Name -> JSON Schema of every value above."""
    _, document = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template=COMPONENT, schema_generator=_Plain
    )
    schemas: dict[str, Any] = document["$defs"]
    return {
        name: {key: value for key, value in schema.items() if key != "title"}
        for name, schema in sorted(schemas.items())
    }
