"""Citations of the criteria of findings, as short as a statement list can hold them."""

from __future__ import annotations

from typing import Final

from intervals.reference_ranges import BRADYCARDIA, CONDUCTION, TACHYCARDIA

__all__ = (
    "ASYSTOLE", "BRADYCARDIA", "CHOICE", "CONDUCTION", "ESCAPE", "FIBRILLATION", "IRREGULAR",
    "STATEMENTS", "TACHYCARDIA", "VENTRICULAR",
)  # fmt: skip

# Atrial fibrillation: irregular RR intervals without distinct, repeating P waves.
FIBRILLATION: Final = "ACC/AHA/ACCP/HRS 2023, doi:10.1016/j.jacc.2023.08.017"
# Ventricular tachycardia: three complexes and more from the ventricles, faster than 100 per minute.
VENTRICULAR: Final = "AHA/ACC/HRS 2017, doi:10.1016/j.jacc.2017.10.054"
# The terms of diagnostic statements, such as bigeminy and trigeminy.
STATEMENTS: Final = "AHA/ACC/HRS 2007, part II (diagnostic statements), Circulation 115:1325"
# Asystole: no QRS complex for at least four seconds.
ASYSTOLE: Final = "PhysioNet/CinC Challenge 2015 (Clifford et al.)"
# RMSSD over the mean RR interval.
IRREGULAR: Final = "Dash et al., Ann Biomed Eng 2009;37:1701"
# Escape rhythms: junctional 40 to 60 per minute, ventricular 20 to 40 per minute.
ESCAPE: Final = "Dorland's Medical Dictionary, escape rhythm"
CHOICE: Final = "a choice of this program"
