"""The conduction from the atria to the ventricles, as far as the measurements show it."""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Finding
from intervals.findings.sources import BRADYCARDIA
from intervals.measurements import Measurements
from intervals.reference_ranges import is_child
from intervals.rhythm import Rhythm

# First-degree block: every P wave is conducted, with a PR interval above this (ACC/AHA/HRS 2018).
LONG_PR_MS: Final = 200.0
FIRST_DEGREE: Final = "1st degree atrioventricular block"  # as the label of the encoders


def conduction_findings(
    measurements: Measurements, rhythm: Rhythm, age_years: float | None
) -> tuple[Finding, ...]:
    """Return the finding on the PR interval, or none.

    The limit is that of adults, in whom the PR interval is compared as the answer shows it.

    age_years  None for an adult
    """
    pr_ms = measurements.pr_ms
    if measurements.av_conduction is not None:  # a block of a higher degree
        return ()
    if pr_ms is None or is_child(age_years) or not rhythm.name.startswith("Sinus"):
        return ()
    pr_ms = round(pr_ms, 1)
    if pr_ms <= LONG_PR_MS:
        return ()
    evidence = {"pr_ms": pr_ms}
    uncertainty_ms = measurements.uncertainty_ms.get("pr_ms")
    if uncertainty_ms is not None:
        evidence["uncertainty_ms"] = round(uncertainty_ms, 1)
    source = f"{BRADYCARDIA} (PR above 200 ms)"
    code = "1st_degree_atrioventricular_block"
    return (Finding(code, FIRST_DEGREE, "abnormal", evidence, source),)
