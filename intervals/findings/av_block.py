"""P waves that are not conducted: atrioventricular block, and dissociation in a tachycardia."""

from __future__ import annotations

from typing import Final

from intervals.atrial.conduction import AvConduction
from intervals.findings.finding import Evidence, Finding, Severity, code_of
from intervals.findings.sources import BRADYCARDIA, VENTRICULAR
from intervals.measurements import Measurements
from signals.leads import LEADS

SECOND_DEGREE: Final = "2nd degree atrioventricular block"
DISSOCIATION: Final = "Atrioventricular dissociation"


def av_block_findings(measurements: Measurements) -> tuple[Finding, ...]:
    """Return the finding on P waves that are not conducted; none where all are.

    In third-degree block and ventricular tachycardia, which are the rhythm itself, the finding is
    the dissociation that proves it.
    """
    block = measurements.av_conduction
    if block is None:
        return ()
    code, statement, severity, criterion = _worded(block)
    guideline = VENTRICULAR if block.kind == "dissociated" else BRADYCARDIA
    source = f"{guideline} ({criterion})"
    return (Finding(code, statement, severity, _evidence(block), source),)


def _worded(block: AvConduction) -> tuple[str, str, Severity, str]:
    """Return code, statement, severity and criterion.

    Type II, advanced and third-degree block need a pacemaker (ACC/AHA/HRS 2018). 2:1 block may be
    of either type, and counts as the worse one.
    """
    if block.kind in ("complete", "dissociated"):
        criterion = "P waves and QRS complexes each at their own rate"
        return code_of(DISSOCIATION), DISSOCIATION, "critical", criterion
    code = code_of(SECOND_DEGREE)
    if block.kind == "type_1":
        criterion = "PR lengthens before a P wave that is not conducted"
        return f"{code}_type_1", f"{SECOND_DEGREE}, type I", "abnormal", criterion
    if block.kind == "type_2":
        criterion = "constant PR before and after a P wave that is not conducted"
        return f"{code}_type_2", f"{SECOND_DEGREE}, type II", "critical", criterion
    if block.ratio == 2:
        criterion = "every other P wave is conducted"
        return f"{code}_2_to_1", f"{SECOND_DEGREE}, 2:1", "critical", criterion
    criterion = "two and more P waves in a row are not conducted"
    statement = f"{SECOND_DEGREE}, advanced ({block.ratio}:1)"
    return f"{code}_advanced", statement, "critical", criterion


def _evidence(block: AvConduction) -> Evidence:
    shortest_s, longest_s = block.p_to_qrs_s
    return {
        "p_waves": float(block.p_waves),
        "p_waves_per_min": round(block.atrial_per_min, 1),
        "ventricular_per_min": round(block.ventricular_per_min, 1),
        "p_to_qrs_shortest_ms": round(1000.0 * shortest_s),
        "p_to_qrs_longest_ms": round(1000.0 * longest_s),
        "leads": [LEADS[row] for row in block.leads],
        "from_s": round(block.from_s, 1),
        "to_s": round(block.to_s, 1),
    }
