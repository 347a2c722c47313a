"""Runs of ectopic beats: successive beats of another morphology, faster than 100 per minute."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Final

from intervals.measurements import BeatFiducials, Measurements

# Ventricular tachycardia: three and more consecutive complexes faster than 100 per minute
# (AHA/ACC/HRS 2017). The form of a beat alone does not prove that it comes from the ventricles.
MIN_BEATS: Final = 3
LONGEST_RR_S: Final = 0.6


def ectopic_runs(measurements: Measurements) -> list[list[BeatFiducials]]:
    """Return the runs of at least MIN_BEATS beats with fast intervals only.

    Beats of another morphology count. If most beats of the recording are of one fast morphology,
    the rhythm itself is the tachycardia.
    """
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
    return [run for run in runs if len(run) >= MIN_BEATS]
