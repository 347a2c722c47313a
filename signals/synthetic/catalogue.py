"""The named cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.record import Patient
from signals.synthetic import beats
from signals.synthetic.continuous import Fibrillation, Flutter
from signals.synthetic.generator import ElectrodeOff, Heart, SyntheticEcg
from signals.synthetic.rhythms import (
    Alternating,
    Asystole,
    Dissociated,
    IrregularlyConducted,
    Regular,
    WithPauses,
    WithPrematureBeats,
)


@dataclass(frozen=True)
class Case:
    """A synthetic patient.

    fs  samples per second at which the case is shown
    """

    name: str
    title: str
    description: str
    heart: Heart
    patient: Patient
    fs: int = 500
    seed: int = 1

    def ecg(self) -> SyntheticEcg:
        return SyntheticEcg(self.heart, self.seed, self.fs)

    def signal(self, seconds: int) -> NDArray[np.float32]:
        """Return the first seconds, (12, samples) mV."""
        return self.ecg().samples(0, seconds * self.fs)


_SINUS: Final = Regular(beats.SINUS, 68.0, 0.025)
_TACHYCARDIA: Final = Dissociated(Regular(beats.VENTRICULAR_TACHYCARDIA, 170.0, 0.002), 88.0)

EXAMPLES: Final = (
    Case(
        "sinus",
        "Sinus rhythm",
        "Normal sinus rhythm at 68 per minute with respiratory arrhythmia.",
        Heart(_SINUS),
        Patient(46.0, "female"),
    ),
    Case(
        "atrial_fibrillation",
        "Atrial fibrillation",
        "Irregular intervals, about 92 per minute, with f waves in place of P waves.",
        Heart(
            IrregularlyConducted(beats.WITHOUT_P, 92.0),
            Fibrillation(390.0, (0.012, 0.03, 0.035)),
        ),
        Patient(74.0, "male"),
        seed=2,
    ),
    Case(
        "left_bundle_branch_block",
        "Left bundle branch block",
        "Sinus rhythm with a wide QRS complex: broad and notched in I, aVL, V5 and V6, deep S in "
        "V1 to V3, and T waves that point the other way.",
        Heart(Regular(beats.LEFT_BUNDLE_BRANCH_BLOCK, 74.0, 0.015)),
        Patient(69.0, "female"),
        seed=3,
    ),
    Case(
        "paced",
        "Ventricular pacing",
        "A pacemaker paces the right ventricle at 70 per minute while the atria fibrillate: narrow "
        "spikes before wide QRS complexes. 1000 samples per second keep the spikes.",
        Heart(
            Regular(beats.VENTRICULAR_PACING, 70.0),
            Fibrillation(370.0, (0.008, 0.018, 0.02)),
        ),
        Patient(78.0, "male"),
        fs=1000,
        seed=4,
    ),
    Case(
        "ventricular_tachycardia",
        "Ventricular tachycardia",
        "Regular wide QRS complexes at 170 per minute with P waves at a rate of their own.",
        Heart(_TACHYCARDIA),
        Patient(62.0, "male"),
        seed=5,
    ),
    Case(
        "first_degree_av_block",
        "First-degree AV block",
        "Sinus rhythm at 64 per minute with a PR interval of 260 ms.",
        Heart(Regular(beats.FIRST_DEGREE_BLOCK, 64.0, 0.02)),
        Patient(66.0, "male"),
        seed=6,
    ),
)
# For streams of synthetic patients besides the examples.
_MORE: Final = (
    Case(
        "premature_beats",
        "Premature ventricular beats",
        "Sinus rhythm with early wide beats and compensatory pauses.",
        Heart(WithPrematureBeats(_SINUS, beats.PREMATURE_VENTRICULAR, 0.2)),
        Patient(55.0, "female"),
        seed=3,
    ),
    Case(
        "pauses",
        "Pauses",
        "Sinus rhythm in which now and then two beats are missing.",
        Heart(WithPauses(_SINUS, 0.12, 2)),
        Patient(71.0, "female"),
        seed=8,
    ),
    Case(
        "atrial_flutter",
        "Atrial flutter",
        "Flutter waves at 300 per minute; every fourth is conducted.",
        Heart(Regular(beats.WITHOUT_P, 75.0), Flutter(300.0, (-0.02, 0.09, 0.04))),
        Patient(70.0, "male"),
    ),
    Case(
        "tachycardia_runs",
        "Runs of ventricular tachycardia",
        "Sinus rhythm; for the last 8 s of each minute ventricular tachycardia.",
        Heart(Alternating(_SINUS, 52.0, _TACHYCARDIA, 8.0)),
        Patient(58.0, "male"),
    ),
    Case(
        "ventricular_fibrillation",
        "Ventricular fibrillation",
        "No beats; coarse waves whose rate and height wander.",
        Heart(Asystole(), Fibrillation(320.0, (0.12, 0.3, 0.2))),
        Patient(67.0, "male"),
    ),
    Case(
        "lead_off",
        "A detached electrode",
        "Sinus rhythm; the electrode of the left arm is off from the fifth second on.",
        Heart(_SINUS, off=(ElectrodeOff("LA", 5.0),)),
        Patient(50.0, "male"),
    ),
    Case(
        "asystole",
        "Asystole",
        "No beats.",
        Heart(Asystole()),
        Patient(80.0, "female"),
    ),
)
CASES: Final = {case.name: case for case in EXAMPLES + _MORE}
