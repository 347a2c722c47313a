"""Analyses, quality judgements and the server's health as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ecgfm_client.naming import (
    abnormality_texts,
    rejected_superclass_text,
    rhythm_text,
    superclass_text,
)
from ecgfm_client.results import Analysis, Encoder, Health, Measurements, Quality

MAX_LISTED_LABELS = 8


def analysis_report(name: str, analysis: Analysis) -> str:
    """Return the report of one recording: its name, the rhythm, then the other parts."""
    return "\n".join([name, "=" * len(name), *_sections(analysis)]) + "\n"


def quality_report(name: str, quality: Quality) -> str:
    """Return the report of one recording's quality: its name, the judgement, the findings."""
    lines = [name, "=" * len(name), *_quality(quality), *_warnings(quality.warnings)]
    return "\n".join(lines) + "\n"


def health_report(url: str, health: Health) -> str:
    """Return the server's status, its encoders, why they were chosen, and its load.

    Only the status where the server tells no more: its key lacks the scope `operator`.
    """
    if health.version is None:
        return f"{url}: {health.status}"
    encoders = [f"encoder   {_encoder(encoder)}" for encoder in health.encoders]
    reason = (health.raw.get("model") or {}).get("reason")
    return "\n".join(
        [
            f"{url}: {health.status}, version {health.version}",
            *(encoders or ["encoder   none"]),
            *([f"reason    {reason}"] if reason else []),
            f"in flight {health.in_flight} of {health.limit}",
        ]
    )


def _sections(analysis: Analysis) -> Iterator[str]:
    yield rhythm_text(analysis)
    if analysis.abnormalities:
        yield "Abnormalities: " + ", ".join(abnormality_texts(analysis))
    if analysis.superclass is not None:
        rejected = rejected_superclass_text(analysis.superclass)
        below = f" (below the threshold: {rejected})" if rejected else ""
        yield f"Superclass: {superclass_text(analysis.superclass)}{below}"
    if analysis.pacemaker is not None:
        present = "yes" if analysis.pacemaker["present"] else "no"
        yield f"Pacemaker: {present} ({analysis.pacemaker['probability']:.2f})"
    if analysis.measurements is not None:
        yield ""
        yield from _measurements(analysis.measurements, analysis.axis_deviation)
    if analysis.labels:
        yield ""
        yield from _labels(analysis)
    if analysis.quality is not None:
        yield ""
        yield from _quality(analysis.quality)
    yield from _warnings(analysis.warnings)
    if analysis.encoder is not None:
        yield ""
        yield f"Model: {_encoder(analysis.encoder)}. For research; not a medical device."


def _measurements(measurements: Measurements, axis_deviation: str | None) -> Iterator[str]:
    ranges = {flag["name"]: flag["range"] for flag in measurements.flags}
    rows = [
        ("Heart rate", measurements.heart_rate_bpm, "/min", "heart_rate_bpm"),
        ("PR", measurements.pr_ms, "ms", "pr_ms"),
        ("QRS", measurements.qrs_ms, "ms", "qrs_ms"),
        ("QT", measurements.qt_ms, "ms", "qt_ms"),
        ("QTc (Fridericia)", measurements.qtc_fridericia_ms, "ms", "qtc_fridericia_ms"),
        ("QRS axis", measurements.qrs_axis_deg, "°", "qrs_axis_deg"),
    ]
    for title, value, unit, name in rows:
        uncertainty = measurements.uncertainty_ms.get(name)
        number, plus_minus = "-", ""
        if value is None:
            unit = ""
        else:
            number = f"{value:.0f}"
            plus_minus = "" if uncertainty is None else f" ± {uncertainty:.0f}"
        outside = f"   outside {_range_text(*ranges[name])}" if name in ranges else ""
        deviation = f"   {axis_deviation}" if name == "qrs_axis_deg" and axis_deviation else ""
        yield f"  {title:18}{number:>5}{plus_minus} {unit}{deviation}{outside}".rstrip()


def _range_text(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"{low:g}-{high:g}"


def _labels(analysis: Analysis) -> Iterator[str]:
    """Yield the positive labels, then the others, each group from the most probable on."""
    labels = analysis.labels or ()
    ranked = sorted(labels, key=lambda label: (not label.positive, -label.probability))
    for label in ranked[:MAX_LISTED_LABELS]:
        mark = "x" if label.positive else " "
        threshold = f"(threshold {label.threshold:.3f})"
        yield f"  {mark} {label.name:45}{label.probability:6.3f}  {threshold}"


def _quality(quality: Quality) -> Iterator[str]:
    yield f"Quality: {quality.signal_quality}. {quality.recommendation}"
    for finding in quality.findings:
        yield f"  {finding.lead or 'all leads'}: {finding.advice}"


def _warnings(warnings: tuple[str, ...]) -> Iterator[str]:
    if warnings:
        yield ""
        yield from (f"! {warning}" for warning in warnings)


def _encoder(encoder: Encoder) -> str:
    version = encoder.revision or (encoder.sha256 or "")[:12]
    return f"{encoder.name} {version}".strip()
