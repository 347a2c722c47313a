"""An analysis as text for the terminal, the most important first."""

from __future__ import annotations

from collections.abc import Iterator

from ecgfm_client.results import Analysis, Encoder, Health, Measurements, Quality

LIKELY = 8  # labels listed


def analysis_report(name: str, found: Analysis) -> str:
    return "\n".join([name, "=" * len(name), *_sections(found)]) + "\n"


def quality_report(name: str, found: Quality) -> str:
    return "\n".join([name, "=" * len(name), *_quality(found), *_warnings(found.warnings)]) + "\n"


def health_report(url: str, found: Health) -> str:
    encoders = [f"encoder   {_encoder(each)}" for each in found.encoders] or ["encoder   none"]
    reason = (found.raw.get("model") or {}).get("reason")
    return "\n".join(
        [
            f"{url}: {found.status}, version {found.version}",
            *encoders,
            *([f"because   {reason}"] if reason else []),
            f"in flight {found.in_flight} of {found.limit}",
        ]
    )


def _sections(found: Analysis) -> Iterator[str]:
    source = f" (by {found.rhythm_source})" if found.rhythm_source else ""
    yield f"{found.rhythm or 'no rhythm'}{source}"
    if found.abnormalities:
        yield "Also: " + ", ".join(found.abnormalities)
    if found.superclass is not None:
        probabilities = found.superclass["probabilities"]
        yield "Superclass: " + ", ".join(
            f"{name} {probabilities[name]:.2f}"
            for name in sorted(probabilities, key=probabilities.get, reverse=True)
        )
    if found.pacemaker is not None:
        present = "yes" if found.pacemaker["present"] else "no"
        yield f"Pacemaker: {present} ({found.pacemaker['probability']:.2f})"
    if found.measurements is not None:
        yield ""
        yield from _measurements(found.measurements, found.axis_deviation)
    if found.labels:
        yield ""
        yield from _labels(found)
    if found.quality is not None:
        yield ""
        yield from _quality(found.quality)
    yield from _warnings(found.warnings)
    if found.encoder is not None:
        yield ""
        yield f"Model: {_encoder(found.encoder)}. For research; not a medical device."


def _measurements(found: Measurements, axis: str | None) -> Iterator[str]:
    flagged = {flag["name"]: flag["range"] for flag in found.flags}
    rows = [
        ("Heart rate", found.heart_rate_bpm, "/min", "heart_rate_bpm"),
        ("PR", found.pr_ms, "ms", "pr_ms"),
        ("QRS", found.qrs_ms, "ms", "qrs_ms"),
        ("QT", found.qt_ms, "ms", "qt_ms"),
        ("QTc (Fridericia)", found.qtc_fridericia_ms, "ms", "qtc_fridericia_ms"),
        ("QRS axis", found.qrs_axis_deg, "°", "qrs_axis_deg"),
    ]
    for title, value, unit, name in rows:
        uncertainty = found.uncertainty_ms.get(name)
        number, plus_minus = "-", ""
        if value is None:
            unit = ""
        else:
            number = f"{value:.0f}"
            plus_minus = "" if uncertainty is None else f" ± {uncertainty:.0f}"
        outside = f"   outside {_range(*flagged[name])}" if name in flagged else ""
        word = f"   {axis}" if name == "qrs_axis_deg" and axis else ""
        yield f"  {title:18}{number:>5}{plus_minus} {unit}{word}{outside}".rstrip()


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"{low:g}-{high:g}"


def _labels(found: Analysis) -> Iterator[str]:
    ranked = sorted(found.labels or (), key=lambda label: (not label.positive, -label.probability))
    for label in ranked[:LIKELY]:
        mark = "x" if label.positive else " "
        threshold = f"(from {label.threshold:.3f})"
        yield f"  {mark} {label.name:45}{label.probability:6.3f}  {threshold}"


def _quality(found: Quality) -> Iterator[str]:
    yield f"Quality: {found.signal_quality}. {found.recommendation}"
    for finding in found.findings:
        yield f"  {finding.lead or 'all leads'}: {finding.advice}"


def _warnings(warnings: tuple[str, ...]) -> Iterator[str]:
    if warnings:
        yield ""
        yield from (f"! {warning}" for warning in warnings)


def _encoder(encoder: Encoder) -> str:
    version = encoder.revision or (encoder.sha256 or "")[:12]
    return f"{encoder.name} {version}".strip()
