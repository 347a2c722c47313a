"""The states of one stream's alarms, without a clock or a database.

    pending ─ holds long enough, a lead is on ─▸ firing ─ acknowledged ─▸ acknowledged
       │                                          │                          │
       └─ ceases ─▸ resolved ◂─ ceases ───────────┴──────── ceases ──────────┘

An alarm that latches goes on firing when its condition ceases: it is resolved when somebody
acknowledges it. An alarm is one onset of a rule, and fires once; the next onset is another alarm,
also while the one before is acknowledged. Every method may be called again with what it was called
with before, in a replay: what has happened does not happen twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from station.alarms.policies import Priority, is_rhythm, policy_of
from station.watch.outputs import Condition, Rule


class State(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Step(StrEnum):
    """What happens to an alarm."""

    BEGAN = "began"
    FIRED = "fired"
    CEASED = "ceased"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    NOTED = "noted"


# Who, where it is nobody with a key: a rule began or ceased to hold, or time has passed. Names of
# keys do not begin with a colon.
RULE: Final = ":rule"
TIMER: Final = ":timer"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One onset of a rule.

    since_ms  when the condition began, device time; with stream and rule the alarm's key
    found_ms  when that was found, device time
    value     what was measured, in the rule's unit
    ended_ms  when the condition was found to have ceased, device time; None while it holds
    leads     leads of the stream when the condition began
    level     how often it has been escalated
    """

    stream: int
    rule: str
    since_ms: int
    found_ms: int
    value: float | None
    leads: int
    state: State = State.PENDING
    ended_ms: int | None = None
    level: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.rule, self.since_ms

    @property
    def priority(self) -> Priority:
        return policy_of(self.rule).priority

    @property
    def blinds(self) -> bool:
        """Whether no lead gives a signal because of it, so that no rhythm can be judged."""
        is_whole = self.value is None or self.value >= self.leads
        return self.rule == Rule.LEADS_OFF and self.ended_ms is None and is_whole


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to an alarm.

    alarm      as it is afterwards
    by         RULE, TIMER, or the name of a key
    device_ms  device time; None for what people and timers of the station do
    note       of a person
    """

    alarm: Alarm
    step: Step
    by: str
    device_ms: int | None = None
    note: str = ""


class StreamAlarms:
    """The alarms of a stream: all that are open, and those resolved that a replay could repeat."""

    def __init__(self, alarms: Iterable[Alarm] = ()) -> None:
        self.alarms = {alarm.key: alarm for alarm in alarms}

    def tell(self, condition: Condition, leads: int) -> list[Transition]:
        """A condition begins or ceases. `leads` is the stream's number of leads."""
        found = self.advance(condition.at_ms)
        if not condition.begins:
            return found + self.cease(condition.rule, condition.since_ms, condition.at_ms)
        alarm = Alarm(
            stream=condition.stream,
            rule=condition.rule,
            since_ms=condition.since_ms,
            found_ms=condition.at_ms,
            value=condition.value,
            leads=leads,
        )
        return found + self.begin(alarm)

    def begin(self, alarm: Alarm, by: str = RULE) -> list[Transition]:
        """A rule begins to hold; `alarm` is pending."""
        if alarm.key in self.alarms:
            return []
        began = self._change(alarm, Step.BEGAN, by, alarm.found_ms)
        return [began, *self.advance(alarm.found_ms)]

    def cease(self, rule: str, since_ms: int, at_ms: int, by: str = RULE) -> list[Transition]:
        """A rule ceases to hold."""
        alarm = self.alarms.get((rule, since_ms))
        return [] if alarm is None else self._cease(alarm, at_ms, by)

    def advance(self, device_ms: int) -> list[Transition]:
        """The stream has been watched up to this time. Fires what has held long enough."""
        if any(alarm.blinds for alarm in self.alarms.values()):
            allowed = [alarm for alarm in self._pending() if not is_rhythm(alarm.rule)]
        else:
            allowed = self._pending()
        return [
            self._change(alarm, Step.FIRED, RULE, device_ms, state=State.FIRING)
            for alarm in allowed
            if device_ms >= alarm.since_ms + policy_of(alarm.rule).hold_ms
        ]

    def acknowledge(self, key: tuple[str, int], by: str, note: str = "") -> list[Transition]:
        """Somebody has seen a firing alarm. It is silent until it is resolved."""
        alarm = self.alarms.get(key)
        if alarm is None or alarm.state is not State.FIRING:
            return []
        seen = self._change(alarm, Step.ACKNOWLEDGED, by, None, note=note, state=State.ACKNOWLEDGED)
        if alarm.ended_ms is None:
            return [seen]
        return [seen, self._change(seen.alarm, Step.RESOLVED, by, None, state=State.RESOLVED)]

    def note(self, key: tuple[str, int], by: str, note: str) -> list[Transition]:
        alarm = self.alarms.get(key)
        return [] if alarm is None else [self._change(alarm, Step.NOTED, by, None, note=note)]

    def escalate(self, key: tuple[str, int], level: int) -> list[Transition]:
        """Nobody has acknowledged an alarm in time: it goes to the next receiver."""
        alarm = self.alarms.get(key)
        if alarm is None or alarm.state is not State.FIRING or alarm.level >= level:
            return []
        return [self._change(alarm, Step.ESCALATED, TIMER, None, level=level)]

    def close(self, device_ms: int) -> list[Transition]:
        """Nothing more is expected of the stream: whatever still holds, ceases."""
        found: list[Transition] = []
        # The lead that is off comes last: what it has held back must not fire now.
        for alarm in sorted(self.alarms.values(), key=lambda alarm: alarm.blinds):
            found += self._cease(alarm, device_ms, TIMER)
        return found

    def _cease(self, alarm: Alarm, device_ms: int, by: str) -> list[Transition]:
        if alarm.ended_ms is not None:
            return []
        if alarm.state is State.FIRING and policy_of(alarm.rule).latches:
            ceased = self._change(alarm, Step.CEASED, by, device_ms, ended_ms=device_ms)
        else:
            ceased = self._change(
                alarm, Step.RESOLVED, by, device_ms, ended_ms=device_ms, state=State.RESOLVED
            )
        return [ceased, *(self.advance(device_ms) if alarm.blinds else [])]

    def _pending(self) -> list[Alarm]:
        return [alarm for alarm in self.alarms.values() if alarm.state is State.PENDING]

    def _change(
        self,
        alarm: Alarm,
        step: Step,
        by: str,
        device_ms: int | None,
        note: str = "",
        *,
        state: State | None = None,
        ended_ms: int | None = None,
        level: int | None = None,
    ) -> Transition:
        changed = replace(
            alarm,
            state=state or alarm.state,
            ended_ms=alarm.ended_ms if ended_ms is None else ended_ms,
            level=alarm.level if level is None else level,
        )
        self.alarms[alarm.key] = changed
        return Transition(changed, step, by, device_ms, note)
