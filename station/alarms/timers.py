"""What the station's clock does to alarms: no data, streams that end, escalation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection

from station.alarms.book import machine_of, save
from station.alarms.machine import TIMER, Alarm, StreamAlarms
from station.alarms.policies import NO_DATA, Priority
from station.store import alarms
from station.store.events import Event
from station.store.streams import StreamState

# A technical alarm and one of low priority wait for the ward.
_ESCALATED: Final = (Priority.HIGH, Priority.MEDIUM)
_EVER: Final = 2**62


def begin_no_data(
    connection: Connection, silent: Collection[StreamState], now_ms: int
) -> list[Event]:
    """No records of these streams arrive any more. Returns what to tell."""
    rows = alarms.alarms_to_change(connection, [state.id for state in silent], _EVER)
    changes = []
    for state in silent:
        machine = machine_of(state.id, rows)
        # Since the end of the newest sample: another silence is another onset.
        alarm = Alarm(state.id, NO_DATA, state.newest_ms, state.newest_ms, None, state.leads)
        changes += machine.begin(alarm, TIMER)
    patients = {state.id: state.patient_id for state in silent}
    return save(connection, rows, changes, now_ms, patients)


def end_no_data(connection: Connection, heard_ms: Mapping[int, int], now_ms: int) -> list[Event]:
    """Records of streams arrive again; `heard_ms`: stream -> their time. Returns what to tell."""
    rows = [
        row
        for row in alarms.alarms_to_change(connection, list(heard_ms), _EVER)
        if row.alarm.rule == NO_DATA
    ]
    changes = []
    for row in rows:
        machine = StreamAlarms([row.alarm])
        changes += machine.cease(*row.alarm.key, heard_ms[row.alarm.stream], TIMER)
    return save(connection, rows, changes, now_ms)


def end_streams(connection: Connection, ended: Collection[StreamState], now_ms: int) -> list[Event]:
    """Nothing more is expected of these streams. Returns what to tell."""
    rows = alarms.alarms_to_change(connection, [state.id for state in ended], _EVER)
    changes = []
    for state in ended:
        changes += machine_of(state.id, rows).close(state.newest_ms)
    return save(connection, rows, changes, now_ms)


def escalate(connection: Connection, *, after_ms: int, levels: int, now_ms: int) -> list[Event]:
    """Escalate the alarms that nobody has acknowledged in time. Returns what to tell.

    after_ms  for each level
    levels    the highest one
    """
    rows = []
    changes = []
    for row in alarms.firing_alarms(connection, fired_before_ms=now_ms - after_ms):
        assert row.fired_ms is not None
        level = min((now_ms - row.fired_ms) // after_ms, levels)
        if row.alarm.priority in _ESCALATED and level > row.alarm.level:
            rows.append(row)
            changes += StreamAlarms([row.alarm]).escalate(row.alarm.key, level)
    return save(connection, rows, changes, now_ms)
