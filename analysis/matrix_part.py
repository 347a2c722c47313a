"""The part `matrix` of /analyze: the amplitudes, durations and ST levels of each lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.matrix_types import MatrixRow
from intervals.matrix.lead_matrix import LeadRow, Matrix, lead_matrix
from intervals.measurements import Measurements
from signals.conditioned import Conditioned
from signals.leads import LEADS, TwelveLeads
from signals.record import EcgRecord

# IEC 60601-2-25:2011, FF.5: amplitudes of waves shorter than about six sampling intervals have
# errors that are too large.
MIN_SAMPLES_OF_WAVE: Final = 6
# The shortest wave that is measured has as many samples from this rate on.
SUFFICIENT_HZ: Final = 500.0


@dataclass(frozen=True)
class MatrixPart:
    """The part, None if it cannot be measured, and its warnings ("matrix: sentence")."""

    rows: dict[str, MatrixRow] | None = None
    warnings: tuple[str, ...] = ()


def record_matrix(
    record: EcgRecord, leads: TwelveLeads, ready: Conditioned, measurements: Measurements
) -> Matrix | None:
    """Measure the matrix of a recording; None if the units are unknown, or without a whole beat.

    ready  the signal of `leads`, on which `measurements` was measured
    """
    if record.units != "mV":
        return None
    return lead_matrix(ready, measurements, leads.present)


def matrix_part(record: EcgRecord, leads: TwelveLeads, matrix: Matrix | None) -> MatrixPart:
    """Return a recording's matrix as a part of the answer."""
    if record.units != "mV":
        return MatrixPart(None, ("matrix: the units are unknown; amplitudes are measured in mV",))
    if matrix is None:
        return MatrixPart()
    rows = {
        lead: _row_part(row, lead in leads.derived)
        for lead, row in zip(LEADS, matrix.rows, strict=True)
    }
    warnings = list(matrix.warnings)
    if leads.missing:
        warnings.append(f"matrix: no signal in {', '.join(leads.missing)}; their rows are null")
    if record.fs < SUFFICIENT_HZ:
        shortest_ms = MIN_SAMPLES_OF_WAVE * 1000.0 / record.fs
        warnings.append(
            f"matrix: at {record.fs:g} Hz the amplitudes of waves shorter than {shortest_ms:.0f} ms"
            " are inaccurate"
        )
    return MatrixPart(rows, tuple(warnings))


def _row_part(row: LeadRow, derived: bool) -> MatrixRow:
    """Return one row, in whole microvolts and tenths of a millisecond."""
    return {
        "derived": derived,
        "p_mv": _rounded(row.p_mv, 3),
        "p_ms": _rounded(row.p_ms, 1),
        "q_mv": _rounded(row.q_mv, 3),
        "q_ms": _rounded(row.q_ms, 1),
        "r_mv": _rounded(row.r_mv, 3),
        "r_ms": _rounded(row.r_ms, 1),
        "s_mv": _rounded(row.s_mv, 3),
        "s_ms": _rounded(row.s_ms, 1),
        "r2_mv": _rounded(row.r2_mv, 3),
        "r2_ms": _rounded(row.r2_ms, 1),
        "t_mv": _rounded(row.t_mv, 3),
        "jp_mv": _rounded(row.jp_mv, 3),
        "j_mv": _rounded(row.j_mv, 3),
        "st40_mv": _rounded(row.st40_mv, 3),
        "st60_mv": _rounded(row.st60_mv, 3),
        "st80_mv": _rounded(row.st80_mv, 3),
        "st_slope_mv_s": _rounded(row.st_slope_mv_s, 3),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Round a value; None stays None, and no zero is negative."""
    return None if value is None else round(value, digits) + 0.0
