"""Runs of ectopic beats: three and more in a row, faster than 100 per minute."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Final

from intervals.findings.finding import Finding
from intervals.findings.sources import VENTRICULAR
from intervals.measurements import BeatFiducials, Measurements

# Ventricular tachycardia: three and more consecutive complexes faster than 100 per minute
# (AHA/ACC/HRS 2017). The form of a beat alone does not prove that it comes from the ventricles.
MIN_BEATS: Final = 3
LONGEST_RR_S: Final = 0.6


def run_findings(measurements: Measurements) -> tuple[Finding, ...]:
    """Return the finding of the longest run of ectopic beats, or none.

    Beats of another morphology count. If most beats of the recording are of one fast morphology,
    the rhythm itself is the tachycardia.
    """
    runs = [run for run in _ectopic_runs(measurements) if len(run) >= MIN_BEATS]
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


def _ectopic_runs(measurements: Measurements) -> list[list[BeatFiducials]]:
    """Return the groups of successive ectopic beats with fast intervals only."""
    runs: list[list[BeatFiducials]] = []
    for beat_class, group in groupby(measurements.fiducials, key=lambda beat: beat.beat_class):
        beats = list(group)
        if beat_class != "ectopic":
            continue
        runs.append(beats[:1])
        for earlier, later in pairwise(beats):
            if later.r - earlier.r < LONGEST_RR_S:
                runs[-1].append(later)
            else:
                runs.append([later])
    return runs
