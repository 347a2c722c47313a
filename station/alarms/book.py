"""Carries the state machine's alarms from and to the database, and says what clients are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from station.alarms.machine import Alarm, State, Step, StreamAlarms, Transition
from station.store import alarms
from station.store.alarms import AlarmRow, StepRow
from station.store.events import Event
from station.store.streams import StreamState
from station.watch.outputs import Condition

ALARM: Final = "alarm"


def tell_conditions(
    connection: Connection,
    conditions: Sequence[Condition],
    reached_ms: Mapping[int, int],
    streams: Mapping[int, StreamState],
    now_ms: int,
) -> list[Event]:
    """Let conditions begin and cease, and alarms fire that have waited. Returns what to tell.

    reached_ms  stream -> up to when it has been watched, device time
    streams     those of the conditions
    """
    involved = {condition.stream for condition in conditions}
    involved |= alarms.pending_streams(connection) & reached_ms.keys()
    if not involved:
        return []
    since_ms = min((condition.since_ms for condition in conditions), default=2**62)
    rows = alarms.alarms_to_change(connection, involved, since_ms)
    machines = {stream: machine_of(stream, rows) for stream in involved}
    changes: list[Transition] = []
    for condition in sorted(conditions, key=lambda condition: condition.at_ms):
        machine = machines[condition.stream]
        changes += machine.tell(condition, streams[condition.stream].leads)
    for stream in sorted(involved & reached_ms.keys()):
        changes += machines[stream].advance(reached_ms[stream])
    patients = {stream: streams[stream].patient_id for stream in involved & streams.keys()}
    return save(connection, rows, changes, now_ms, patients)


def machine_of(stream: int, rows: Iterable[AlarmRow]) -> StreamAlarms:
    return StreamAlarms(row.alarm for row in rows if row.alarm.stream == stream)


def save(
    connection: Connection,
    rows: Iterable[AlarmRow],
    changes: Sequence[Transition],
    now_ms: int,
    patients: Mapping[int, int] | None = None,
) -> list[Event]:
    """Store what happened to alarms. Returns what to tell: all of those that have fired.

    rows      the alarms that were loaded
    patients  stream -> patient id, of the streams with new alarms
    """
    known = {(row.alarm.stream, *row.alarm.key): row for row in rows}
    steps: list[tuple[tuple[int, str, int], Transition, int]] = []
    for change in changes:
        key = (change.alarm.stream, *change.alarm.key)
        row = known.get(key)
        if row is None:
            assert patients is not None
            row = AlarmRow(change.alarm, None, patients[change.alarm.stream], None, 0)
        fired_ms = now_ms if change.step is Step.FIRED else row.fired_ms
        known[key] = AlarmRow(change.alarm, row.id, row.patient_id, fired_ms, row.steps + 1)
        steps.append((key, change, row.steps + 1))
    keys = dict.fromkeys(key for key, _, _ in steps)
    ids = {key: alarms.save_alarm(connection, known[key], now_ms) for key in keys}
    alarms.add_steps(
        connection,
        [
            StepRow(
                alarm=ids[key],
                number=number,
                step=str(change.step),
                state=str(change.alarm.state),
                by=change.by,
                at_ms=now_ms,
                device_ms=change.device_ms,
                note=change.note,
            )
            for key, change, number in steps
        ],
    )
    told = [
        step
        for step in steps
        if step[1].alarm.state is not State.PENDING and known[step[0]].fired_ms is not None
    ]
    names = alarms.names_of_streams(connection, {key[0] for key, _, _ in told})
    return [
        Event(
            ALARM,
            known[key].patient_id,
            now_ms,
            _told(ids[key], change.alarm, names[key[0]], known[key].fired_ms)
            | {"step": change.step, "by": change.by, "at_ms": now_ms, "note": change.note},
        )
        for key, change, _ in told
    ]


def _told(
    alarm_id: int, alarm: Alarm, names: tuple[str, str], fired_ms: int | None
) -> dict[str, Any]:
    """Return what clients see of an alarm. `names` are of its patient and its source."""
    patient, source = names
    return {
        "alarm": alarm_id,
        "patient": patient,
        "source": source,
        "rule": alarm.rule,
        "priority": alarm.priority,
        "state": alarm.state,
        "since_ms": alarm.since_ms,
        "ended_ms": alarm.ended_ms,
        "value": alarm.value,
        "fired_ms": fired_ms,
        "level": alarm.level,
    }
