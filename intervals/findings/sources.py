"""Citations of the criteria of findings, as short as a statement list can hold them."""

from __future__ import annotations

from typing import Final

from intervals.reference_ranges import BRADYCARDIA, TACHYCARDIA

__all__ = (
    "ASYSTOLE", "BRADYCARDIA", "CHOICE", "EARLY_REPOLARISATION", "ESCAPE", "FIBRILLATION",
    "HYPERTROPHY", "INFARCTION", "IRREGULAR", "LOW_VOLTAGE", "REVERSED_R", "R_PROGRESSION",
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
# Thresholds of ST by lead, sex and age; Q waves of prior infarction; contiguous leads.
INFARCTION: Final = "Fourth Universal Definition of MI 2018, doi:10.1016/j.jacc.2018.08.1038"
# The notch at the end of QRS, and ST behind it.
EARLY_REPOLARISATION: Final = "Macfarlane et al. 2015, doi:10.1016/j.jacc.2015.05.033"
# Voltage criteria and whom they apply to.
HYPERTROPHY: Final = "AHA/ACCF/HRS 2009, part V, doi:10.1016/j.jacc.2008.12.015"
# Peak to peak below 0.5 mV in all limb leads, below 1 mV in all chest leads.
LOW_VOLTAGE: Final = "Madias, J Electrocardiol 2008;41:498"
# R in V3 of at most 0.3 mV and not below R in V2.
R_PROGRESSION: Final = "Schroeder et al., Heart Rhythm 2022, doi:10.1016/j.hrthm.2022.02.010"
# R falls between V1 and V2, V2 and V3 or V3 and V4.
REVERSED_R: Final = "Zema and Kligfield, J Electrocardiol 1979;12:3"
CHOICE: Final = "a choice of this program"
