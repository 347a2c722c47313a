"""How far the network's intervals are off on average, and how uncertain they are, by their length.

Both are fitted on recordings that the network was not trained on, among them ones whose intervals
were changed (`training.delineator.calibrate`). What holds for usual lengths does not hold for
others, so each is a line through values at a few lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.delineator import model_card
from intervals.fiducials import NAMES, P_OFF, P_ON, QRS_OFF, T_OFF, Fiducials
from intervals.p_evidence import PEvidence, evidence_from_card

# One or two leads have a calibration of their own: they show less of a wave's first and last parts.
TWO_LEADS: Final = 2


@dataclass(frozen=True)
class ByLength:
    """The calibration of one interval: interpolated between the lengths, constant beyond them.

    at_ms          lengths as the network gives them, ascending
    correction_ms  by how much the network's length is too long
    scale          factor from the spread of the readings to the uncertainty
    floor_ms       the least spread that counts
    """

    at_ms: tuple[float, ...]
    correction_ms: tuple[float, ...]
    scale: tuple[float, ...]
    floor_ms: float

    def correction(self, length_ms: float) -> float:
        """Return by how much the network's length is too long, ms."""
        return float(np.interp(length_ms, self.at_ms, self.correction_ms))

    def uncertainty(self, length_ms: float, spread_ms: float) -> float:
        """Return how far the reference is at most in about four of five recordings, ms."""
        scale = float(np.interp(length_ms, self.at_ms, self.scale))
        return scale * max(spread_ms, self.floor_ms)


@dataclass(frozen=True, eq=False)
class Calibration:
    """How a network's readings are corrected and judged.

    bias_ms     (5, 3) by how much each reading of each boundary is late
    intervals   by name
    p_evidence  the probability of P where the network's own is low; None: the network decides
    """

    bias_ms: NDArray[np.float64]
    intervals: Mapping[str, ByLength]
    p_evidence: PEvidence | None = None


@cache
def shipped_calibration(leads: int) -> Calibration:
    """Return the shipped network's calibration for a recording with so many leads."""
    card = model_card()
    return calibration_from_card(card["up_to_two_leads"] if leads <= TWO_LEADS else card)


def corrected(fiducials: Fiducials, calibration: Calibration) -> Fiducials:
    """Return the boundaries with each interval's correction at its end away from the QRS onset."""

    def correction(interval: str) -> float:
        length_ms = fiducials.length_ms(interval)
        return calibration.intervals[interval].correction(length_ms)

    times = fiducials.times.copy()
    times[QRS_OFF] -= correction("qrs_ms")
    times[T_OFF] -= correction("qt_ms")
    times[P_ON] += correction("pr_ms")
    times[P_OFF] += correction("pr_ms") - correction("p_duration_ms")
    return replace(fiducials, times=times)


def calibration_from_card(card: Mapping[str, Any]) -> Calibration:
    """Return the calibration that a model card states."""
    return Calibration(
        bias_ms=np.array([card["bias_ms"][name] for name in NAMES]),
        intervals={name: _by_length(values) for name, values in card["intervals"].items()},
        p_evidence=evidence_from_card(card.get("p_evidence")),
    )


def _by_length(values: Mapping[str, Any]) -> ByLength:
    return ByLength(
        at_ms=tuple(values["at_ms"]),
        correction_ms=tuple(values["correction_ms"]),
        scale=tuple(values["scale"]),
        floor_ms=values["floor_ms"],
    )
