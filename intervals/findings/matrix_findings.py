"""The findings of the measurement matrix, and what hides them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from intervals.findings.early_repolarisation import early_repolarisation_findings
from intervals.findings.finding import Finding
from intervals.findings.lead_groups import rows_of
from intervals.findings.q_waves import q_wave_findings
from intervals.findings.qrs_voltage import (
    hypertrophy_findings,
    low_voltage_findings,
    r_progression_findings,
)
from intervals.findings.st_deviation import st_findings
from intervals.matrix.lead_matrix import LeadRow, Matrix
from intervals.measurements import Measurements
from intervals.reference_ranges import WIDE_QRS_MS, is_child
from signals.record import Patient

# Labels of what does the same: bundle branch block, pre-excitation, pacing.
HIDING_LABELS: Final = frozenset(
    {
        "Left bundle branch block",
        "Complete left bundle branch block",
        "Right bundle branch block",
        "Complete right bundle branch block",
        "Wolff-Parkinson-White pattern",
        "Electronic pacemaker",
    }
)
# They hide all findings of the matrix but low voltage.
HIDDEN_CODES: Final = frozenset(
    {
        "st_elevation",
        "st_depression",
        "st_elevation_with_hypertrophy_voltage",
        "st_depression_with_hypertrophy_voltage",
        "pathological_q",
        "left_ventricular_hypertrophy_voltage",
        "poor_r_progression",
        "reversed_r_progression",
        "early_repolarisation_ascending_st",
        "early_repolarisation_horizontal_or_descending_st",
    }
)


def matrix_findings(
    matrix: Matrix | None,
    measurements: Measurements,
    patient: Patient,
    paced: bool = False,
    doubtful: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Return what the amplitudes of an adult's recording show, the most urgent first.

    The criteria are those of adults, so that there are none for a child.

    matrix    None if it was not measured
    paced     a pacemaker is present
    doubtful  leads that contradict others (electrodes may be exchanged), which are left out
    """
    if matrix is None:
        return ()
    if is_child(patient.age_years):
        return ()
    left_out = {*doubtful, *matrix.uncertain}
    rows = {lead: LeadRow() if lead in left_out else row for lead, row in rows_of(matrix).items()}
    low_voltage = low_voltage_findings(rows)
    # A bundle branch block or another conduction disturbance deviates ST and T, hides or imitates Q
    # waves, and changes heights (AHA/ACCF/HRS 2009, parts III, V and VI).
    if paced or measurements.qrs_ms is None or measurements.qrs_ms >= WIDE_QRS_MS:
        return low_voltage
    hypertrophy = hypertrophy_findings(rows, patient)
    return (
        *st_findings(rows, patient, with_hypertrophy=bool(hypertrophy)),
        # The definition's Q waves are those without hypertrophy.
        *(() if hypertrophy else q_wave_findings(rows, measurements.qrs_axis_deg)),
        *hypertrophy,
        *low_voltage,
        *r_progression_findings(rows),
        *early_repolarisation_findings(rows),
    )


def not_hidden(findings: Collection[Finding], labels: Collection[str]) -> tuple[Finding, ...]:
    """Return the findings without those of the matrix that a positive label hides."""
    if HIDING_LABELS.isdisjoint(labels):
        return tuple(findings)
    return tuple(finding for finding in findings if finding.code not in HIDDEN_CODES)
