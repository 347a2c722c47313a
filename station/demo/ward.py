"""The eight synthetic patients of the demonstration, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.leads import LEADS
from signals.synthetic.catalogue import CASES
from signals.synthetic.generator import SyntheticEcg

MONITOR_LEADS: Final = ("II", "V1")
MONITOR_HZ: Final = 250
# The second at which something happens: soon, but after the patient has been seen without it.
SOON_S: Final = 40
LATER_S: Final = 70


@dataclass(frozen=True)
class DemoPatient:
    """A patient in a bed.

    case    name of the synthetic case with which the patient begins
    turn    (second, case) when the patient's heart changes; None for never
    """

    name: str
    sex: str
    birth_year: int
    notes: str
    case: str
    turn: tuple[int, str] | None = None
    leads: tuple[str, ...] = MONITOR_LEADS
    fs: int = MONITOR_HZ


WARD: Final = (
    DemoPatient("bed-1", "female", 1980, "Observation after syncope", "sinus", leads=LEADS, fs=500),
    DemoPatient(
        "bed-2",
        "male",
        1964,
        "Ischaemic heart disease",
        "sinus",
        (SOON_S, "ventricular_tachycardia"),
    ),
    DemoPatient("bed-3", "male", 1952, "After surgery", "sinus", (SOON_S, "atrial_fibrillation")),
    DemoPatient("bed-4", "male", 1976, "Restless", "sinus", (LATER_S, "lead_off")),
    DemoPatient("bed-5", "male", 1948, "Pacemaker since 2019", "paced"),
    DemoPatient("bed-6", "female", 1971, "Frequent extrasystoles", "premature_beats"),
    DemoPatient("bed-7", "female", 1955, "Sick sinus syndrome", "pauses"),
    DemoPatient("bed-8", "male", 1960, "Runs in Holter recordings", "tachycardia_runs"),
)


class Bedside:
    """The device at a bed: its patient's signal, second by second."""

    def __init__(self, patient: DemoPatient, seed: int) -> None:
        self.patient = patient
        self._rows = [LEADS.index(lead) for lead in patient.leads]
        self._before = SyntheticEcg(CASES[patient.case].heart, seed, patient.fs)
        self._after = None
        if patient.turn is not None:
            self._after = SyntheticEcg(CASES[patient.turn[1]].heart, seed, patient.fs)

    def second(self, index: int) -> NDArray[np.float32]:
        """Return the signal of a second, (leads, samples) mV; NaN for leads that are off."""
        ecg = self._before
        if self._after is not None and self.patient.turn is not None:
            ecg = self._after if index >= self.patient.turn[0] else self._before
        fs = self.patient.fs
        return ecg.samples(index * fs, (index + 1) * fs)[self._rows]
