"""What people do about alarms: acknowledge, note, silence. Each is an event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from station.alarms.book import save
from station.alarms.machine import StreamAlarms
from station.store import alarms
from station.store.events import Event, add_events
from station.times import SECOND_MS, now_ms


def acknowledge(connection: Connection, alarm_id: int, by: str, note: str) -> bool | None:
    """Acknowledge an alarm. Return whether it was firing; None where there is no such alarm."""
    row = alarms.alarm_to_change(connection, alarm_id)
    if row is None:
        return None
    changes = StreamAlarms([row.alarm]).acknowledge(row.alarm.key, by, note)
    add_events(connection, save(connection, [row], changes, now_ms()))
    return bool(changes)


def acknowledge_patient(connection: Connection, patient_id: int, by: str, note: str) -> int:
    """Acknowledge all firing alarms of a patient. Return how many these were."""
    rows = alarms.firing_alarms(connection, patient_id=patient_id)
    changes = [
        change
        for row in rows
        for change in StreamAlarms([row.alarm]).acknowledge(row.alarm.key, by, note)
    ]
    add_events(connection, save(connection, rows, changes, now_ms()))
    return len(rows)


def add_note(connection: Connection, alarm_id: int, by: str, note: str) -> bool:
    """Add a note to an alarm of any state. Return whether there is such an alarm."""
    row = alarms.alarm_to_change(connection, alarm_id)
    if row is None:
        return False
    changes = StreamAlarms([row.alarm]).note(row.alarm.key, by, note)
    add_events(connection, save(connection, [row], changes, now_ms()))
    return True


def silence(
    connection: Connection, patient_id: int, patient: str, seconds: int, by: str
) -> dict[str, Any]:
    """Silence a patient's alarms from now on; with 0 seconds, end the silence. Returns it."""
    from_ms = now_ms()
    until_ms = from_ms + seconds * SECOND_MS
    alarms.add_silence(connection, patient_id, from_ms=from_ms, until_ms=until_ms, by=by)
    told = {"patient": patient, "from_ms": from_ms, "until_ms": until_ms, "by": by}
    add_events(connection, [Event("silence", patient_id, from_ms, told)])
    return told
