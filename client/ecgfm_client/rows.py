"""One recording's row of a table: its embedding, or its analysis in columns."""

from __future__ import annotations

from typing import Any

from ecgfm_client.client import AsyncEcgClient
from ecgfm_client.folders import Recording
from ecgfm_client.results import Analysis, Encoder

REPORT_PARTS = "clinical_analysis,labels,superclass,pacemaker,measurements,quality"
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
    """Return what all rows of a table must share: the encoder and the options that were given."""
    named = {"name": None, "revision": None, "sha256": None} if encoder is None else vars(encoder)
    return {**named, **{name: value for name, value in options.items() if value is not None}}


class FeatureRows:
    """Rows of embeddings, all with the same options of /extract_features."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    async def __call__(
        self, client: AsyncEcgClient, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        found = await client.extract_features(recording.files, **self._options)
        row = {
            "embedding": found.values,
            "segments": found.segments,
            "warnings": list(found.warnings),
        }
        return row, made_with(found.encoder, **self._options)


class AnalysisRows:
    async def __call__(
        self, client: AsyncEcgClient, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        found = await client.analyze(recording.files, include=REPORT_PARTS)
        return _analysis_row(found), made_with(found.encoder)


def _analysis_row(found: Analysis) -> dict[str, Any]:
    """Return the analysis as columns, with a probability for each label and superclass.

    A column is null where the part could not be computed.
    """
    row: dict[str, Any] = {
        "rhythm": found.rhythm,
        "rhythm_source": found.rhythm_source,
        "axis_deviation": found.axis_deviation,
        "abnormalities": "; ".join(found.abnormalities),
    }
    row |= {name: _number(getattr(found.measurements, name, None)) for name in FLAT_MEASUREMENTS}
    row["flags"] = (
        "; ".join(flag["name"] for flag in found.measurements.flags) if found.measurements else ""
    )
    row["superclass"] = None if found.superclass is None else found.superclass["top"]
    row["pacemaker"] = None if found.pacemaker is None else found.pacemaker["present"]
    row["pacemaker_probability"] = (
        None if found.pacemaker is None else _number(found.pacemaker["probability"])
    )
    row["signal_quality"] = found.signal_quality
    row["readable"] = None if found.quality is None else found.quality.readable
    row["quality_findings"] = (
        "; ".join(_where(each.code, each.lead) for each in found.quality.findings)
        if found.quality
        else ""
    )
    for name, probability in (
        {} if found.superclass is None else found.superclass["probabilities"]
    ).items():
        row[f"superclass: {name}"] = probability
    for label in found.labels or ():
        row[f"label: {label.name}"] = label.probability
    row["notes"] = "; ".join(found.warnings)
    return row


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _where(code: str, lead: str | None) -> str:
    return code if lead is None else f"{code} {lead}"
