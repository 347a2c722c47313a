"""The parts of an answer, each defined once: field names, types, bounds and descriptions.

`analysis/` builds its answers from these types, so mypy checks every part; the server derives
/openapi.json from the same types (`server/openapi/schema.py` turns the docstring below a field
into the field's description, and the bounds of `annotated_types` into the schema's bounds). At run
time each value is a plain dict, so the types cost a request no time.

`typing_extensions.TypedDict` instead of `typing`'s: before Python 3.12 pydantic can only read the
former.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray
from typing_extensions import TypedDict

from analysis.matrix_types import MatrixRow, Milliseconds
from analysis.neurokit.variability_types import HeartRateVariability
from intervals.findings.finding import Severity
from intervals.measurements import Method
from intervals.reference_ranges import AxisDeviation
from signal_quality.quality import Electrode, QualityWord
from signals.spikes import Chamber


@dataclass(frozen=True)
class _JsonType:
    """Annotates the type of an array with the JSON type of its values in an answer.

    When the server builds /openapi.json, pydantic calls the method below by its name. This module
    therefore does not import pydantic.
    """

    json_type: Any

    def __get_pydantic_core_schema__(self, source: object, handler: Any) -> Any:
        """Return the schema of the JSON type in place of the array's."""
        return handler.generate_schema(self.json_type)


Probability = Annotated[float, Ge(0), Le(1)]
Degrees = Annotated[float, Ge(-180), Le(180)]
Count = Annotated[int, Ge(0)]
Vector = Annotated[NDArray[np.float32], _JsonType(list[float])]
Leads = Annotated[NDArray[np.float32], _JsonType(list[list[float | None]])]
EmbeddingValues = Annotated[
    NDArray[np.floating[Any]],
    _JsonType(list[float] | list[list[float]] | list[list[list[float]]]),
]


class Encoder(TypedDict):
    """One encoder, identified so that a published figure can be traced to it."""

    name: str
    revision: str | None
    """Revision of the source repository."""
    sha256: str
    source: str
    """The setting that chose this encoder when the server started, and the reason."""


class Model(TypedDict):
    """The models behind this answer; null where none was used."""

    encoder: Encoder | None
    """The encoder of the embedding; the encoder of the labels where there is no embedding."""
    labels: str | None
    """Name and version of the bundle that gives the labels; of the one-lead model, which gives
    those of a recording of fewer than six leads."""
    superclass: str | None
    """Name and version of the bundle or head that gives the superclass."""
    pacemaker: str | None
    dtype: str | None
    """Number type in which the encoder computes, e.g. float32."""
    device: str | None


class PhysiologicalParameters(TypedDict):
    heart_rate: float | None
    """Beats per minute."""
    qrs_duration: Milliseconds | None
    qt_interval: Milliseconds | None
    pr_interval: Milliseconds | None
    qrs_axis: Degrees | None


class ClinicalAnalysis(TypedDict):
    rhythm: str
    """The first positive label of Electronic pacemaker, Ventricular tachycardia, Supraventricular
    tachycardia with aberrancy, Atrial flutter, Atrial fibrillation; otherwise Sinus rhythm, Sinus
    bradycardia or Sinus tachycardia; otherwise Undetermined. The rules name it where the labels
    name none, or where the measurements contradict them."""
    rhythm_source: Literal["labels", "rules"]
    heart_rate: float | None
    """Beats per minute."""
    qrs_duration: Milliseconds | None
    qt_interval: Milliseconds | None
    pr_interval: Milliseconds | None
    axis_deviation: AxisDeviation | None
    abnormalities: list[str]
    """The other positive labels, without Poor data quality and Accessory pathway conduction, and
    the statements of `findings`."""
    confidence: Probability | None
    """From labels: the probability of the rhythm's label. From rules: how far the inputs are from
    the rule's limits."""
    physiological_parameters: PhysiologicalParameters


class ClinicalFinding(TypedDict):
    """One statement of the report, with its evidence."""

    code: str
    """The same for every recording with this finding."""
    statement: str
    severity: Severity
    """Critical findings need attention at once; technical ones are about the recording."""
    evidence: dict[str, float | list[str]]
    """Numbers by name, with the unit at the name's end (`pause_s`), and lists of leads."""
    source: str
    """Where the criterion is published, or the model whose label it is."""


class Label(TypedDict):
    """The classifier's result for one label, aggregated over the recording's segments."""

    name: str
    probability: Probability
    """The sigmoid of the model's logit. ECG-FM's is inflated, because training gave positive
    examples a weight."""
    probability_prior_corrected: Probability | None
    """The probability without the effect of the training weight w: sigmoid(logit - ln w); null
    where the model is already calibrated."""
    threshold: Probability
    """By default w / (1 + w), which is 0.5 after the correction."""
    positive: bool
    """`probability` >= `threshold`."""


class LabelsOfSegment(TypedDict):
    start: float
    """Seconds from the start of the recording."""
    end: float
    probabilities: dict[str, Probability]


class Superclass(TypedDict):
    """PTB-XL's superclasses.

    NORM normal, MI infarction, STTC ST/T change, CD conduction disturbance, HYP hypertrophy.
    """

    top: str | None
    """The most probable of the positive superclasses; null if none is positive."""
    probabilities: dict[str, Probability]
    """NORM, MI, STTC, CD, HYP; several may apply."""
    positive: list[str]
    """The superclasses that reach their threshold."""


class PacemakerEvidence(TypedDict):
    spikes: int | None
    """Number of deflections that look like pacing spikes; null where the recording cannot show
    spikes."""
    spike_times_s: list[float] | None
    """Seconds from the start of the recording, of each such deflection."""
    chamber: Chamber | None
    """The paced chamber, where at least three spikes have the same distance to a beat."""
    morphology: Probability | None
    """The probability of pacing from the beats' form alone; null where it cannot be judged."""
    label: Probability | None
    """The probability of the label Electronic pacemaker; null without an encoder that has this
    label."""


class Pacemaker(TypedDict):
    present: bool | None
    """The probability reaches the head's threshold; null if the recording is not judged."""
    probability: Probability | None
    """From all evidence, calibrated to PTB-XL's prevalence of paced recordings; null if the
    recording is not judged."""
    evidence: PacemakerEvidence
    visible: bool
    """Whether the recording can show pacing spikes at all; if not, `warnings` gives the reason."""


class Flag(TypedDict):
    """A measurement outside its reference range."""

    name: str
    """The field of `measurements`."""
    value: float
    range: list[float | None]
    """The lowest and the highest value of the reference range; null for a side without a bound."""
    source: str
    """The publication that gives the range."""


class ReferenceRange(TypedDict):
    """The unremarkable values of a measurement, from a publication; null for an open side."""

    low: float | None
    high: float | None
    source: str


# The fields of Measurements that are one number; `MeasuredRecord.number` takes these names.
NumberName = Literal[
    "heart_rate_bpm", "rr_ms", "pr_ms", "p_duration_ms", "qrs_ms", "qt_ms",
    "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms",
    "p_axis_deg", "qrs_axis_deg", "t_axis_deg", "sdnn_ms", "rmssd_ms",
]  # fmt: skip


class Measurements(TypedDict):
    method: Method
    """What measured: the server's own delineator, or NeuroKit2 (`measurements_method`)."""
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
    """Half the width of the interval in which four of five references lie, by measurement."""
    beats: int
    ectopic_beats: int | None
    flags: list[Flag]
    reference_ranges: dict[str, ReferenceRange]
    """By measurement; absent where none is published for the patient's age and sex."""


class Finding(TypedDict):
    """One fault of the recording: `value` is beyond `limit`; the unit depends on `code`."""

    code: str
    lead: str | None
    value: float | None
    limit: float | None
    advice: str
    """What the user can do about the fault."""
    electrodes: list[Electrode]
    """The electrodes to look at; empty if the fault is not of electrodes."""


class LeadQuality(TypedDict):
    word: QualityWord
    findings: list[Finding]


class Quality(TypedDict):
    """Whether the recording can be read, lead by lead, and the reasons if not."""

    signal_quality: QualityWord
    readable: bool
    probability_readable: Probability | None
    """Null where there is no sample to judge."""
    leads: dict[str, LeadQuality]
    findings: list[Finding]
    recommendation: str


class SaliencyOfSegment(TypedDict):
    start: float
    end: float
    values: Vector
    """One number for each token, unscaled."""


class Saliency(TypedDict):
    method: str
    segments: list[SaliencyOfSegment]


class Signal(TypedDict):
    """The signal as it was sent, in its own order of leads and at its own sampling rate."""

    fs: float
    lead_names: list[str]
    units: str
    data: Leads
    """Samples by lead; null for gaps."""


class _FiducialTimes(TypedDict):
    r: float
    p_onset: float | None
    p_offset: float | None
    qrs_onset: float | None
    qrs_offset: float | None
    t_offset: float | None


# `class` is a keyword, which only this form of a TypedDict can have as a field.
_BeatClassField = TypedDict(
    "_BeatClassField", {"class": Literal["normal", "ectopic", "paced", "noisy"]}
)


class Fiducials(_FiducialTimes, _BeatClassField):
    """The fiducials of one beat, in seconds from the start of the recording; null if not found."""


class RepresentativeBeat(TypedDict):
    """The mean of the aligned beats of the dominant class."""

    fs: float
    lead_names: list[str]
    data: Leads
    """The filtered signal in mV, by lead."""
    r: float
    """Seconds from the start of `data`."""
    fiducials: dict[str, float | None]
    """Seconds from the start of `data`; null if not found."""


class Reported(TypedDict):
    """The values that the electrocardiograph wrote into the file."""

    recording_date: str | None
    age: float | None
    """Years."""
    sex: str | None
    device: str | None
    measurements: dict[str, float]
    statements: list[str]
    """The device's own interpretation, as the file has it, without lines that name a person."""


class HeadAnswer(TypedDict):
    """The result of one installed head."""

    version: int
    probabilities: dict[str, Probability]
    """Calibrated probability of each label."""
    positive: list[str]
    """The labels at or above their thresholds, which /models lists."""


class _RecordAnswer(TypedDict):
    """The fields that every answer about one recording has."""

    id: str | None
    """The record's `id`, unchanged."""
    warnings: list[str]
    """`field: sentence`: what was ignored, is doubtful or could not be computed, and why."""


class AnalysisParts(TypedDict, total=False):
    """The parts that `include` names: absent if not asked for, null if they cannot be computed."""

    clinical_analysis: ClinicalAnalysis | None
    findings: list[ClinicalFinding] | None
    """The rhythm first; null if the recording is not judged."""
    labels: list[Label] | None
    labels_by_segment: list[LabelsOfSegment] | None
    superclass: Superclass | None
    pacemaker: Pacemaker | None
    measurements: Measurements | None
    hrv: HeartRateVariability | None
    features: Vector | None
    """The mean over segments of the features encoder's embedding."""
    signal_quality: QualityWord | None
    """Comes with `quality`."""
    quality: Quality | None
    saliency: Saliency | None
    signal: Signal | None
    fiducials: list[Fiducials] | None
    representative_beat: RepresentativeBeat | None
    matrix: dict[str, MatrixRow] | None
    """One row for each of the twelve standard leads; a row of nulls for a lead without a signal."""
    reported: Reported | None
    heads: dict[str, HeadAnswer] | None
    """The results of the installed heads whose encoder is loaded, by head name."""


class Analysis(AnalysisParts, _RecordAnswer):
    """Everything about one recording.

    A part that was not asked for is absent; a part that cannot be computed is null, and `warnings`
    gives the reason.
    """

    model: Model
    segments: Count
    """Number of segments that the encoder read: of 5 s by ECG-FM, of 10 s by the embedded model."""


class Embedding(_RecordAnswer):
    """One recording's embedding."""

    features: EmbeddingValues
    """`level=record`: width numbers; `segment`: segments x width; `token`: segments x tokens x
    width. As msgpack: `{dtype, shape, data}` with binary data."""
    shape: list[int]
    """The shape of `features`."""
    segments: int
    model: Model


class QualityAnswer(Quality, _RecordAnswer):
    """The quality of one recording."""
