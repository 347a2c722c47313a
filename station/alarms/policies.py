"""How each rule of alarm is treated: its priority, whether it latches, how long it must hold.

Priorities have the names of IEC 60601-1-8. Which rule has which is a site's decision; this is the
station's, of which docs/station.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from station.watch.outputs import Rule


class Priority(StrEnum):
    """The most urgent first. A technical alarm says that the patient is not watched."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    TECHNICAL = "technical"


NO_DATA: Final = "no_data"
"""The only rule that needs the station's clock: a stream's records have ceased to arrive."""


@dataclass(frozen=True)
class Policy:
    """How alarms of a rule are treated.

    latches   it goes on after its condition has ceased, until somebody acknowledges it
    hold_ms   for how long the condition must hold before it fires
    """

    priority: Priority
    latches: bool = False
    hold_ms: int = 0


_LETHAL: Final = Policy(Priority.HIGH, latches=True)

POLICIES: Final[dict[str, Policy]] = {
    Rule.ASYSTOLE: _LETHAL,
    Rule.VENTRICULAR_FIBRILLATION: _LETHAL,
    Rule.VENTRICULAR_TACHYCARDIA: _LETHAL,
    Rule.EXTREME_BRADYCARDIA: _LETHAL,
    Rule.EXTREME_TACHYCARDIA: _LETHAL,
    Rule.PAUSE: Policy(Priority.MEDIUM),
    Rule.RATE_HIGH: Policy(Priority.MEDIUM),
    Rule.RATE_LOW: Policy(Priority.MEDIUM),
    Rule.ATRIAL_FIBRILLATION: Policy(Priority.MEDIUM, hold_ms=10_000),
    Rule.VENTRICULAR_BEATS: Policy(Priority.LOW),
    Rule.LEADS_OFF: Policy(Priority.TECHNICAL),
    Rule.POOR_SIGNAL: Policy(Priority.TECHNICAL),
    NO_DATA: Policy(Priority.TECHNICAL),
}


def policy_of(rule: str) -> Policy:
    return POLICIES[rule]


def is_rhythm(rule: str) -> bool:
    """Whether a rule is about the heart. The others are about the signal."""
    return POLICIES[rule].priority is not Priority.TECHNICAL
