"""A recording as it was read: the value that every room passes on.

Nothing here is derived, filtered or filled in; `leads.py` derives, `gaps.py` fills, `segments.py` standardises.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Units = Literal["mV", "unknown"]
Sex = Literal["male", "female", "other"]


@dataclass(frozen=True)
class Patient:
    """For reference ranges only, never for the model."""

    age_years: float | None = None
    sex: Sex | None = None


@dataclass(frozen=True)
class Reported:
    """What the machine that wrote the file said itself: `measurements` under our names (pr_ms, qrs_ms, ...)."""

    recording_date: str | None = None
    device: str | None = None
    measurements: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EcgRecord:
    """One recording.

    signal      (leads, samples) float32, C order; NaN is a gap. In mV where `units` is "mV"; as sent where "unknown".
    fs          samples per second
    lead_names  canonical names (`leads.LEADS`), one a row, in the order that came
    warnings    "field: sentence", what was replaced or left out while reading
    """

    signal: NDArray[np.float32]
    fs: float
    lead_names: tuple[str, ...]
    units: Units = "mV"
    patient: Patient = Patient()
    recording_date: str | None = None
    id: str | None = None
    reported: Reported | None = None
    warnings: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        return int(self.signal.shape[1])

    @property
    def duration_s(self) -> float:
        return self.samples / self.fs

    def with_warnings(self, *warnings: str) -> EcgRecord:
        return replace(self, warnings=self.warnings + warnings)
