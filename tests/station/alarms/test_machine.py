"""The states of alarms: what monitors do, and what holds in any order of what happens."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from station.alarms.machine import Alarm, State, Step, StreamAlarms, Transition
from station.alarms.policies import NO_DATA, POLICIES, Priority, policy_of
from station.watch.outputs import Condition, Rule

LEADS = 2
VT = Rule.VENTRICULAR_TACHYCARDIA


def begins(
    rule: Rule, at_ms: int, *, since_ms: int | None = None, value: float | None = None
) -> Condition:
    return Condition(1, rule, True, at_ms if since_ms is None else since_ms, at_ms, value)


def ends(rule: Rule, since_ms: int, at_ms: int) -> Condition:
    return Condition(1, rule, False, since_ms, at_ms, None)


def tell(machine: StreamAlarms, *conditions: Condition) -> list[Transition]:
    return [change for condition in conditions for change in machine.tell(condition, LEADS)]


def steps(changes: list[Transition]) -> list[str]:
    return [change.step for change in changes]


def state_of(machine: StreamAlarms, rule: str, since_ms: int) -> State:
    return machine.alarms[rule, since_ms].state


def test_every_rule_has_a_policy() -> None:
    assert POLICIES.keys() == {*Rule, NO_DATA}


def test_a_lethal_alarm_goes_on_until_somebody_acknowledges_it() -> None:
    machine = StreamAlarms()
    assert steps(tell(machine, begins(VT, 1000), ends(VT, 1000, 4000))) == [
        *("began", "fired", "ceased"),
    ]
    assert state_of(machine, VT, 1000) is State.FIRING
    assert steps(machine.acknowledge((VT, 1000), "nurse")) == ["acknowledged", "resolved"]


def test_an_acknowledged_alarm_is_resolved_when_it_ceases() -> None:
    machine = StreamAlarms()
    tell(machine, begins(VT, 1000))
    (seen,) = machine.acknowledge((VT, 1000), "nurse", "patient turned")
    assert (seen.by, seen.note, seen.alarm.state) == ("nurse", "patient turned", "acknowledged")
    assert machine.acknowledge((VT, 1000), "doctor") == []
    assert steps(tell(machine, ends(VT, 1000, 4000))) == ["resolved"]


def test_the_next_onset_breaks_through_an_acknowledgement() -> None:
    machine = StreamAlarms()
    tell(machine, begins(VT, 1000))
    machine.acknowledge((VT, 1000), "nurse")
    tell(machine, ends(VT, 1000, 4000), begins(VT, 5000))
    assert state_of(machine, VT, 5000) is State.FIRING


def test_an_alarm_that_does_not_latch_ends_with_its_condition() -> None:
    machine = StreamAlarms()
    changes = tell(machine, begins(Rule.PAUSE, 1000), ends(Rule.PAUSE, 1000, 2000))
    assert steps(changes) == ["began", "fired", "resolved"]


def test_fibrillation_of_the_atria_has_to_hold() -> None:
    machine = StreamAlarms()
    fibrillation = Rule.ATRIAL_FIBRILLATION
    hold_ms = policy_of(fibrillation).hold_ms
    assert steps(tell(machine, begins(fibrillation, 1000))) == ["began"]
    assert machine.advance(999 + hold_ms) == []
    assert steps(machine.advance(1000 + hold_ms)) == ["fired"]
    short = tell(machine, begins(fibrillation, 90_000), ends(fibrillation, 90_000, 91_000))
    assert steps(short) == ["began", "resolved"]


def test_rhythm_alarms_wait_while_no_lead_is_on() -> None:
    machine = StreamAlarms()
    off = begins(Rule.LEADS_OFF, 1000, value=LEADS)
    assert steps(tell(machine, off, begins(VT, 2000))) == ["began", "fired", "began"]
    assert steps(tell(machine, ends(Rule.LEADS_OFF, 1000, 3000))) == ["resolved", "fired"]


def test_one_lead_that_is_off_holds_nothing_back() -> None:
    machine = StreamAlarms()
    changes = tell(machine, begins(Rule.LEADS_OFF, 1000, value=1), begins(VT, 2000))
    assert steps(changes) == ["began", "fired"] * 2


def test_escalation_ends_with_the_acknowledgement() -> None:
    machine = StreamAlarms()
    tell(machine, begins(VT, 1000))
    assert [change.alarm.level for change in machine.escalate((VT, 1000), 1)] == [1]
    assert machine.escalate((VT, 1000), 1) == []
    machine.acknowledge((VT, 1000), "nurse")
    assert machine.escalate((VT, 1000), 2) == []


def test_the_end_of_a_stream_ends_what_holds() -> None:
    machine = StreamAlarms()
    off = begins(Rule.LEADS_OFF, 1000, value=LEADS)
    tell(machine, begins(Rule.ASYSTOLE, 500), off, begins(VT, 2000))
    assert sorted(steps(machine.close(9000))) == ["ceased", "resolved", "resolved"]
    assert machine.close(9000) == []
    assert state_of(machine, Rule.ASYSTOLE, 500) is State.FIRING


TIMES = st.integers(0, 12).map(lambda number: number * 3000)
RULES = st.sampled_from([VT, Rule.PAUSE, Rule.ATRIAL_FIBRILLATION, Rule.LEADS_OFF])
TOLD = st.builds(
    lambda rule, since_ms, later_ms, does_begin: Condition(
        1, rule, does_begin, since_ms, since_ms + later_ms, float(LEADS)
    ),
    RULES,
    TIMES,
    TIMES,
    st.booleans(),
)
SEEN = st.tuples(st.just("acknowledge"), RULES, TIMES)
RAISED = st.tuples(st.just("escalate"), RULES, TIMES)
REACHED = st.tuples(st.just("advance"), RULES, TIMES)
HAPPENINGS = st.lists(st.one_of(TOLD, SEEN, RAISED, REACHED), max_size=40)


def happen(machine: StreamAlarms, what: Condition | tuple[str, Rule, int]) -> list[Transition]:
    if isinstance(what, Condition):
        return machine.tell(what, LEADS)
    command, rule, at_ms = what
    if command == "acknowledge":
        return machine.acknowledge((rule, at_ms), "nurse")
    if command == "escalate":
        return machine.escalate((rule, at_ms), 1)
    return machine.advance(at_ms)


def check(changes: list[Transition], alarms: dict[tuple[str, int], Alarm]) -> None:
    """What holds for every alarm, whatever has happened."""
    for key, alarm in alarms.items():
        own = [change for change in changes if change.alarm.key == key]
        counts = Counter(change.step for change in own)
        assert counts[Step.BEGAN] == 1 and own[0].step is Step.BEGAN
        assert max(counts.values()) == 1, "something happened twice"
        assert own[-1].alarm == alarm
        if alarm.state is State.PENDING:
            assert not counts[Step.FIRED] and alarm.ended_ms is None
        if counts[Step.RESOLVED]:
            assert own[-1].step is Step.RESOLVED and alarm.state is State.RESOLVED
            assert alarm.ended_ms is not None
        if counts[Step.FIRED] and policy_of(alarm.rule).latches:
            assert bool(counts[Step.RESOLVED]) <= bool(counts[Step.ACKNOWLEDGED])
        if alarm.priority is Priority.HIGH and alarm.state is State.FIRING:
            assert not counts[Step.ACKNOWLEDGED]


@given(HAPPENINGS)
def test_no_order_of_what_happens_breaks_the_rules(
    happenings: list[Condition | tuple[str, Rule, int]],
) -> None:
    machine = StreamAlarms()
    changes = [change for what in happenings for change in happen(machine, what)]
    check(changes, machine.alarms)


ONSETS = st.lists(st.tuples(RULES, TIMES, st.none() | TIMES), max_size=12)


def conditions_of(onsets: list[tuple[Rule, int, int | None]]) -> list[Condition]:
    """Return what a watch tells, in the order of time: that a rule begins to hold, then ceases."""
    told = []
    for rule, since_ms, lasts_ms in dict.fromkeys(onsets):
        told.append(Condition(1, rule, True, since_ms, since_ms, float(LEADS)))
        if lasts_ms is not None:
            told.append(ends(rule, since_ms, since_ms + lasts_ms))
    return sorted(told, key=lambda condition: condition.at_ms)


@given(ONSETS, st.data())
def test_a_replay_changes_nothing(
    onsets: list[tuple[Rule, int, int | None]], data: st.DataObject
) -> None:
    conditions = conditions_of(onsets)
    machine = StreamAlarms()
    tell(machine, *conditions)
    seen = data.draw(st.sets(st.sampled_from(sorted(machine.alarms)))) if machine.alarms else set()
    for key in sorted(seen):
        machine.acknowledge(key, "nurse")
    first = data.draw(st.integers(0, len(conditions)))
    assert tell(StreamAlarms(machine.alarms.values()), *conditions[first:]) == []
