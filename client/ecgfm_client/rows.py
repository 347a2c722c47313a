"""One recording's row of a table: its embedding, or its analysis in columns."""

from __future__ import annotations

from typing import Any

from ecgfm_client.client import AsyncEcgClient
from ecgfm_client.folders import Recording
from ecgfm_client.results import Analysis, Encoder
from ecgfm_client.tables import DEFAULTS, MODELS_OF_PARTS

REPORT_PARTS = "clinical_analysis,findings,labels,superclass,pacemaker,measurements,quality"
FLAT_MEASUREMENTS = (
    *(
        "heart_rate_bpm",
        "pr_ms",
        "p_duration_ms",
        "qrs_ms",
        "qt_ms",
        "qtc_bazett_ms",
        "qtc_fridericia_ms",
    ),
    *("p_axis_deg", "qrs_axis_deg", "t_axis_deg", "sdnn_ms", "rmssd_ms", "beats", "ectopic_beats"),
)


def made_with(encoder: Encoder | None, **options: Any) -> dict[str, Any]:
    """Return what all rows of a table must share: the encoder and what else decides their meaning.

    options  those that are None were not given, and are left out
    """
    named = {"name": None, "revision": None, "sha256": None} if encoder is None else vars(encoder)
    return {**named, **{name: value for name, value in options.items() if value is not None}}


class FeatureRows:
    """Rows of embeddings.

    model, layer, pooling  options of /extract_features
    record_fields          values in place of those in the files: fs, lead_names, units, gain, ...
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        layer: int | None = None,
        pooling: str | None = None,
        **record_fields: Any,
    ) -> None:
        self._options = {"model": model, "layer": layer, "pooling": pooling, **record_fields}
        self._about = {
            "layer": DEFAULTS["layer"] if layer is None else layer,
            "pooling": pooling or DEFAULTS["pooling"],
            **record_fields,
        }

    async def __call__(
        self, client: AsyncEcgClient, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        features = await client.extract_features(recording.files, **self._options)
        row = {
            "embedding": features.values,
            "segments": features.segments,
            "warnings": list(features.warnings),
        }
        return row, made_with(features.encoder, **self._about)


class AnalysisRows:
    """Rows of analyses, all with the same options of /analyze.

    options  judge_unreadable, and values in place of those in the files: fs, lead_names, units,
             gain, age, sex
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    async def __call__(
        self, client: AsyncEcgClient, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        analysis = await client.analyze(recording.files, include=REPORT_PARTS, **self._options)
        model = analysis.raw.get("model") or {}
        models = {name: model.get(name) for name in sorted(MODELS_OF_PARTS)}
        # A recording that no encoder read has its labels from the one-lead model.
        if analysis.labels is not None and analysis.segments == 0:
            models |= {"labels": None, "few_leads": model.get("labels")}
        return _analysis_row(analysis), made_with(analysis.encoder, **models, **self._options)


def _analysis_row(analysis: Analysis) -> dict[str, Any]:
    """Return the analysis as columns, with a probability for each label and superclass.

    A column is null where the part could not be computed.
    """
    row: dict[str, Any] = {
        "rhythm": analysis.rhythm,
        "rhythm_source": analysis.rhythm_source,
        "rhythm_confidence": _number(analysis.confidence),
        "axis_deviation": analysis.axis_deviation,
        "abnormalities": "; ".join(analysis.abnormalities),
        "findings": "; ".join(finding.statement for finding in analysis.findings or ()),
    }
    row |= {name: _number(getattr(analysis.measurements, name, None)) for name in FLAT_MEASUREMENTS}
    row["flags"] = (
        "; ".join(flag["name"] for flag in analysis.measurements.flags)
        if analysis.measurements
        else ""
    )
    row["superclass"] = None if analysis.superclass is None else analysis.superclass["top"]
    row["pacemaker"] = None if analysis.pacemaker is None else analysis.pacemaker["present"]
    row["pacemaker_probability"] = (
        None if analysis.pacemaker is None else _number(analysis.pacemaker["probability"])
    )
    row["signal_quality"] = analysis.signal_quality
    row["readable"] = None if analysis.quality is None else analysis.quality.readable
    row["quality_findings"] = (
        "; ".join(_where(each.code, each.lead) for each in analysis.quality.findings)
        if analysis.quality
        else ""
    )
    for name, probability in (
        {} if analysis.superclass is None else analysis.superclass["probabilities"]
    ).items():
        row[f"superclass: {name}"] = probability
    for label in analysis.labels or ():
        row[f"label: {label.name}"] = label.probability
    row["notes"] = "; ".join(analysis.warnings)
    return row


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _where(code: str, lead: str | None) -> str:
    return code if lead is None else f"{code} {lead}"
