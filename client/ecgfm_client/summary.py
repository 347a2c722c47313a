"""What an analysis says, as values and short texts that the report and the plot share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgfm_client.results import Analysis, Encoder, Quality

# Field, title and unit of the measurements that are always shown.
SHOWN = (
    ("heart_rate_bpm", "Heart rate", "/min"),
    ("pr_ms", "PR", "ms"),
    ("qrs_ms", "QRS", "ms"),
    ("qt_ms", "QT", "ms"),
    ("qtc_fridericia_ms", "QTc (Fridericia)", "ms"),
    ("qrs_axis_deg", "QRS axis", "°"),
)
# Shown if the device reports them, or if they are outside their reference range. `qtc_ms` is what
# a device reports without naming the formula.
SHOWN_IF_NOTABLE = (
    ("rr_ms", "RR", "ms"),
    ("p_duration_ms", "P duration", "ms"),
    ("qtc_ms", "QTc (unspecified)", "ms"),
    ("qtc_bazett_ms", "QTc (Bazett)", "ms"),
    ("qtc_framingham_ms", "QTc (Framingham)", "ms"),
    ("qtc_hodges_ms", "QTc (Hodges)", "ms"),
    ("p_axis_deg", "P axis", "°"),
    ("t_axis_deg", "T axis", "°"),
    ("sdnn_ms", "SDNN", "ms"),
    ("rmssd_ms", "RMSSD", "ms"),
)


@dataclass(frozen=True)
class MeasurementRow:
    """One measurement beside the one that the recording's device reports.

    value, reported  None if not measured or not reported
    uncertainty      four of five references are within it; None if it has none
    note             the axis in words, and the reference range that the value is outside of
    """

    title: str
    unit: str
    value: float | None
    uncertainty: float | None
    note: str
    reported: float | None

    @property
    def value_text(self) -> str:
        """Return the value with its uncertainty and unit; a dash if it was not measured."""
        if self.value is None:
            return "-"
        uncertainty = "" if self.uncertainty is None else f" ± {self.uncertainty:.0f}"
        return f"{self.value:.0f}{uncertainty}{_unit(self.unit)}"

    @property
    def reported_text(self) -> str:
        """Return the device's value with its unit; empty if it reports none."""
        return "" if self.reported is None else f"{self.reported:.0f}{_unit(self.unit)}"


def measurement_rows(analysis: Analysis) -> list[MeasurementRow]:
    """Return the rows of the table of measurements; none if there is nothing to show."""
    measured = {} if analysis.measurements is None else vars(analysis.measurements)
    reported = _reported_measurements(analysis)
    if not measured and not reported:
        return []
    ranges = {flag["name"]: flag["range"] for flag in measured.get("flags", ())}
    notable = {*reported, *ranges}
    shown = [*SHOWN, *(each for each in SHOWN_IF_NOTABLE if each[0] in notable)]
    rows = []
    for name, title, unit in shown:
        deviation = analysis.axis_deviation if name == "qrs_axis_deg" else None
        outside = _outside_text(*ranges[name]) if name in ranges else None
        rows.append(
            MeasurementRow(
                title,
                unit,
                measured.get(name),
                (measured.get("uncertainty_ms") or {}).get(name),
                ", ".join(part for part in (deviation, outside) if part),
                reported.get(name),
            )
        )
    return rows


def _outside_text(low: float | None, high: float | None) -> str:
    """Return that a value is outside its reference range, of which one bound may be missing."""
    if low is None:
        return f"above {high:g}"
    return f"below {low:g}" if high is None else f"outside {low:g} to {high:g}"


def quality_text(quality: Quality) -> str:
    """Return the quality in a word and what it means for reading the recording."""
    return f"Quality: {quality.signal_quality}. {quality.recommendation}"


def quality_findings(quality: Quality) -> list[str]:
    """Return a sentence for each fault of the signal, with its lead."""
    return [f"{finding.lead or 'all leads'}: {finding.advice}" for finding in quality.findings]


def _reported_measurements(analysis: Analysis) -> dict[str, float]:
    """Return the measurements that the recording's device wrote into the file, by field name."""
    return dict((analysis.reported or {}).get("measurements") or {})


def reported_statements(analysis: Analysis) -> Sequence[str]:
    """Return the statements of the recording's device, such as "Atrial fibrillation"."""
    return tuple((analysis.reported or {}).get("statements") or ())


def shown_warnings(analysis: Analysis) -> list[str]:
    """Return the warnings, without the one that the recording reports nothing.

    The report and the plot ask for the part `reported` of every recording.
    """
    return [
        warning
        for warning in analysis.warnings
        if analysis.reported is not None or not warning.startswith("reported:")
    ]


def origin_text(analysis: Analysis) -> str:
    """Return the recording's date, the patient's age and sex and the device, if reported."""
    reported = analysis.reported or {}
    age, date = reported.get("age"), reported.get("recording_date")
    parts = [
        None if date is None else str(date).replace("T", " "),
        None if age is None else f"{age:g} years",
        reported.get("sex"),
        reported.get("device"),
    ]
    return "   ".join(str(part) for part in parts if part is not None)


def encoder_text(encoder: Encoder) -> str:
    """Return the encoder's name and version."""
    return f"{encoder.name} {encoder.revision or (encoder.sha256 or '')[:12]}".strip()


def model_text(analysis: Analysis) -> str:
    """Return the analysis's encoder, if it has one, and what the analysis may be used for."""
    model = "" if analysis.encoder is None else f"Model: {encoder_text(analysis.encoder)}. "
    return f"{model}For research; not a medical device."


def _unit(unit: str) -> str:
    return unit if unit == "°" else f" {unit}"
