"""A recording as it was read from its file or body; every package passes it on.

Nothing in it is derived, filtered or filled: `leads.py` derives, `gaps.py` fills, and `segments.py`
standardises.
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
    """Age and sex. They select reference ranges and are never an input of a model."""

    age_years: float | None = None
    sex: Sex | None = None


@dataclass(frozen=True)
class Reported:
    """What the recording device wrote into the file.

    measurements  the device's values under the names of this server (pr_ms, qrs_ms, ...)
    statements    the device's own interpretation, without lines that name a person
    """

    recording_date: str | None = None
    device: str | None = None
    measurements: dict[str, float] = field(default_factory=dict)
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EcgRecord:
    """One recording.

    signal      (leads, samples) float32, C order; NaN is a gap. In mV if `units` is "mV", in the
                sender's unit if "unknown"
    fs          sampling rate in Hz
    lead_names  canonical names (`leads.LEADS`), one for each row, in the order of the rows
    warnings    "field: sentence", about what was replaced or left out while reading
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

    def largest_values(self) -> NDArray[np.float32]:
        """Return (leads,) the largest absolute value of each lead; NaN where it has only gaps."""
        # fmax and fmin ignore NaN; for a lead that has nothing else they return it, silently.
        highest = np.fmax.reduce(self.signal, axis=1)
        lowest = np.fmin.reduce(self.signal, axis=1)
        return np.asarray(np.maximum(highest, -lowest), np.float32)

    def with_warnings(self, *warnings: str) -> EcgRecord:
        """Return the record with these warnings after its own."""
        return replace(self, warnings=self.warnings + warnings)
