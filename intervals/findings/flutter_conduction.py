"""How many flutter waves are conducted to the ventricles: 2:1, 3:1, 4:1 or a variable number."""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Finding
from intervals.findings.sources import TACHYCARDIA
from intervals.irregularity import irregularity_of
from intervals.measurements import Measurements

# Largest distance of atrial over ventricular rate from a whole number (a choice): the rate of the
# waves is known to a hundredth.
FROM_WHOLE: Final = 0.15
RATIOS: Final = range(2, 9)


def flutter_conduction_findings(measurements: Measurements) -> tuple[Finding, ...]:
    """Return the finding where the flutter waves themselves are measured; none elsewhere."""
    flutter, rate = measurements.flutter_per_min, measurements.heart_rate_bpm
    if flutter is None or rate is None:
        return ()
    irregularity = irregularity_of(measurements)
    if irregularity is None:
        return ()
    evidence = {"flutter_per_min": round(flutter, 1), "heart_rate_bpm": round(rate, 1)}
    if not irregularity.is_regular:
        statement = "Variable conduction of the flutter waves"
        return (Finding("flutter_conduction", statement, "abnormal", evidence, TACHYCARDIA),)
    ratio = flutter / rate
    if round(ratio) not in RATIOS or abs(ratio - round(ratio)) > FROM_WHOLE:
        return ()
    evidence["waves_for_each_beat"] = float(round(ratio))
    statement = f"{round(ratio)}:1 conduction of the flutter waves"
    return (Finding("flutter_conduction", statement, "abnormal", evidence, TACHYCARDIA),)
