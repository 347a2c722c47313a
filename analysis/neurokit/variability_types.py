"""The part `hrv` of an answer, as `analysis.answer_types` defines the others."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from typing_extensions import TypedDict

Count = Annotated[int, Ge(0)]
Indices = dict[str, float | None]


class LeftOutIntervals(TypedDict):
    """The number of RR intervals that heart rate variability is not computed from."""

    beside_other_beats: Count
    """They begin or end with a beat that is ectopic or noisy."""
    across_gaps: Count
    artefacts: Count
    """At a beat that is too early or too late, that was missed, or that is no beat."""


class HeartRateVariability(TypedDict):
    """Indices by NeuroKit2's names without HRV_, from intervals between normal beats.

    An index that the recording is too short for is null; a group that NeuroKit2 cannot compute is
    null as a whole.
    """

    method: str
    """NeuroKit2 and its version."""
    seconds: float
    """The recording's length."""
    intervals: Count
    """Number of intervals between successive normal beats that the indices are computed from."""
    left_out: LeftOutIntervals
    time: Indices | None
    """`hrv_time`; in ms, except ratios and pNN in percent."""
    frequency: Indices | None
    """`hrv_frequency`; powers in ms^2."""
    nonlinear: Indices | None
    """`hrv_nonlinear`."""
