"""Analyses, quality judgements and the server's health as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecgfm_client import naming, summary
from ecgfm_client.results import Analysis, Health, Quality

# The value of `include` for a report: the default parts, and what the recording's device reported.
PARTS = (
    "clinical_analysis,findings,labels,superclass,pacemaker,measurements,quality,features,reported"
)
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
    encoders = [f"encoder   {summary.encoder_text(encoder)}" for encoder in health.encoders]
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
    origin = summary.origin_text(analysis)
    if origin:
        yield origin
    yield naming.rhythm_text(analysis)
    if analysis.abnormalities:
        yield "Abnormalities: " + ", ".join(naming.abnormality_texts(analysis))
    yield from (f"  {text}" for text in naming.finding_texts(analysis))
    if analysis.superclass is not None:
        yield naming.superclass_text(analysis.superclass)
    if analysis.pacemaker is not None:
        yield naming.pacemaker_text(analysis.pacemaker)
    yield from _measurements(analysis)
    yield from _statements(analysis)
    if analysis.labels:
        yield ""
        yield from _labels(analysis)
    if analysis.quality is not None:
        yield ""
        yield from _quality(analysis.quality)
    yield from _warnings(summary.shown_warnings(analysis))
    yield ""
    yield summary.model_text(analysis)


def _measurements(analysis: Analysis) -> Iterator[str]:
    """Yield the table of measurements, with those of the device where it reports any."""
    rows = summary.measurement_rows(analysis)
    if rows:
        yield ""
    if any(row.reported is not None for row in rows):
        yield f"  {'':18}{'measured':>14}{'by the device':>16}"
    for row in rows:
        line = f"  {row.title:18}{row.value_text:>14}"
        if any(each.reported is not None for each in rows):
            line += f"{row.reported_text:>16}"
        yield f"{line}   {row.note}".rstrip()


def _statements(analysis: Analysis) -> Iterator[str]:
    statements = summary.reported_statements(analysis)
    if statements:
        yield ""
        yield "The device states:"
        yield from (f"  {statement}" for statement in statements)


def _labels(analysis: Analysis) -> Iterator[str]:
    """Yield the positive labels, then the most probable of the others, up to MAX_LISTED_LABELS."""
    labels = analysis.labels or ()
    ranked = sorted(labels, key=lambda label: (not label.positive, -label.probability))
    positive = sum(label.positive for label in labels)
    for label in ranked[: max(positive, MAX_LISTED_LABELS)]:
        mark = "x" if label.positive else " "
        threshold = f"(threshold {label.threshold:.3f})"
        yield f"  {mark} {label.name:45}{label.probability:6.3f}  {threshold}"


def _quality(quality: Quality) -> Iterator[str]:
    yield summary.quality_text(quality)
    yield from (f"  {finding}" for finding in summary.quality_findings(quality))


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    if warnings:
        yield ""
        yield from (f"! {warning}" for warning in warnings)
