"""Runs of ectopic beats: three and more in a row, faster than 100 per minute."""

from __future__ import annotations

from intervals.ectopic_runs import ectopic_runs
from intervals.findings.finding import Finding
from intervals.findings.sources import VENTRICULAR
from intervals.measurements import Measurements


def run_findings(measurements: Measurements) -> tuple[Finding, ...]:
    """Return the finding of the longest run of ectopic beats, or none."""
    runs = ectopic_runs(measurements)
    if not runs:
        return ()
    longest = max(runs, key=len)
    seconds = longest[-1].r - longest[0].r
    rate = 60.0 * (len(longest) - 1) / seconds
    evidence = {
        "beats": float(len(longest)),
        "rate_bpm": round(rate, 1),
        "from_s": round(longest[0].r, 1),
        "to_s": round(longest[-1].r, 1),
        "runs": float(len(runs)),
    }
    statement = (
        f"Run of {len(longest)} ectopic beats, {rate:.0f} per minute, as in ventricular tachycardia"
    )
    source = f"{VENTRICULAR} (three beats and more above 100 per minute)"
    return (Finding("run_of_ectopic_beats", statement, "critical", evidence, source),)
