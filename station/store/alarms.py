"""Alarms, every step of each with who and when, and the silences of patients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    Select,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from station.alarms.machine import Alarm, State
from station.alarms.policies import NO_DATA
from station.store.batches import among
from station.store.pages import Page
from station.store.patients import PATIENTS
from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.tables import LONG, METADATA, AnyRow

# The columns up to level are those of station/alarms/machine.py.
# fired_ms    when it fired, by the station's clock; NULL before
# changed_ms  when its last step was, by the station's clock
# steps       number of its steps
ALARMS: Final = Table(
    "alarms",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("stream", LONG, ForeignKey(STREAMS.c.id), nullable=False),
    Column("rule", Text, nullable=False),
    Column("since_ms", LONG, nullable=False),
    Column("found_ms", LONG, nullable=False),
    Column("value", Float(53)),
    Column("leads", Integer, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("ended_ms", LONG),
    Column("level", Integer, nullable=False),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id), nullable=False),
    Column("priority", Text, nullable=False),
    Column("fired_ms", LONG),
    Column("changed_ms", LONG, nullable=False),
    Column("steps", Integer, nullable=False),
    UniqueConstraint("stream", "rule", "since_ms"),
    Index(None, "patient_id", "since_ms", "id"),
    Index(None, "since_ms", "id"),
    sqlite_autoincrement=True,
)
_OF_MACHINE: Final = (
    *("stream", "rule", "since_ms", "found_ms", "value", "leads", "state", "ended_ms", "level"),
)
# number     of the step, from 1
# by         ":rule", ":timer", or the name of a key
# at_ms      by the station's clock
# device_ms  by the device's clock, of steps that rules take
ALARM_STEPS: Final = Table(
    "alarm_steps",
    METADATA,
    Column("alarm", LONG, ForeignKey(ALARMS.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("step", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at_ms", LONG, nullable=False),
    Column("device_ms", LONG),
    Column("note", Text, nullable=False),
)
# The sound of a patient's alarms is off in [from_ms, until_ms), by the station's clock. The newest
# row of a patient counts.
SILENCES: Final = Table(
    "silences",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id), nullable=False),
    Column("from_ms", LONG, nullable=False),
    Column("until_ms", LONG, nullable=False),
    Column("by", Text, nullable=False),
    Index(None, "patient_id", "id"),
)


class AlarmRow(NamedTuple):
    """An alarm with what the database has beside it.

    id, steps  None and 0 where it is not stored yet
    """

    alarm: Alarm
    id: int | None
    patient_id: int
    fired_ms: int | None
    steps: int


class StepRow(NamedTuple):
    """A row of ALARM_STEPS."""

    alarm: int
    number: int
    step: str
    state: str
    by: str
    at_ms: int
    device_ms: int | None
    note: str


def pending_streams(connection: Connection) -> set[int]:
    """Return the streams with alarms that wait to fire."""
    query = select(ALARMS.c.stream).where(ALARMS.c.state == State.PENDING)
    return set(connection.execute(query).scalars())


def silent_streams(connection: Connection) -> set[int]:
    """Return the streams whose alarm that no data arrive goes on."""
    query = select(ALARMS.c.stream).where(
        ALARMS.c.rule == NO_DATA, ALARMS.c.state != State.RESOLVED, ALARMS.c.ended_ms.is_(None)
    )
    return set(connection.execute(query).scalars())


def alarms_to_change(
    connection: Connection, streams: Collection[int], since_ms: int
) -> list[AlarmRow]:
    """Return the open alarms of some streams, and the resolved ones that began at `since_ms` or
    later. On PostgreSQL they are locked until the transaction ends."""
    query = select(ALARMS).where(
        among(connection, ALARMS.c.stream, streams),
        or_(ALARMS.c.state != State.RESOLVED, ALARMS.c.since_ms >= since_ms),
    )
    return _locked(connection, query)


def alarm_to_change(connection: Connection, alarm_id: int) -> AlarmRow | None:
    """Return an alarm, locked until the transaction ends; None where there is none."""
    rows = _locked(connection, select(ALARMS).where(ALARMS.c.id == alarm_id))
    return rows[0] if rows else None


def firing_alarms(
    connection: Connection, *, patient_id: int | None = None, fired_before_ms: int | None = None
) -> list[AlarmRow]:
    """Return firing alarms of one patient or of all, locked until the transaction ends."""
    query = select(ALARMS).where(ALARMS.c.state == State.FIRING)
    if patient_id is not None:
        query = query.where(ALARMS.c.patient_id == patient_id)
    if fired_before_ms is not None:
        query = query.where(ALARMS.c.fired_ms <= fired_before_ms)
    return _locked(connection, query)


def _locked(connection: Connection, query: Select[Any]) -> list[AlarmRow]:
    # In one order, so that two transactions cannot wait for each other.
    rows = connection.execute(query.order_by(ALARMS.c.id).with_for_update()).all()
    return [_row(row) for row in rows]


def _row(row: AnyRow) -> AlarmRow:
    values = {name: row._mapping[name] for name in _OF_MACHINE}
    alarm = Alarm(**values | {"state": State(row.state)})
    return AlarmRow(alarm, row.id, row.patient_id, row.fired_ms, row.steps)


def save_alarm(connection: Connection, row: AlarmRow, now_ms: int) -> int:
    """Store a new alarm, or what has changed of one. Return its id."""
    values = {name: getattr(row.alarm, name) for name in _OF_MACHINE} | {
        "patient_id": row.patient_id,
        "rule": str(row.alarm.rule),
        "state": str(row.alarm.state),
        "priority": str(row.alarm.priority),
        "fired_ms": row.fired_ms,
        "changed_ms": now_ms,
        "steps": row.steps,
    }
    if row.id is not None:
        connection.execute(update(ALARMS).where(ALARMS.c.id == row.id).values(values))
        return row.id
    return int(
        connection.execute(insert(ALARMS).values(values).returning(ALARMS.c.id)).scalar_one()
    )


def add_steps(connection: Connection, steps: Iterable[StepRow]) -> None:
    rows = [step._asdict() for step in steps]
    if rows:
        connection.execute(insert(ALARM_STEPS), rows)


def names_of_streams(
    connection: Connection, streams: Collection[int]
) -> dict[int, tuple[str, str]]:
    """Return stream -> name of its patient, name of its source."""
    query = (
        select(STREAMS.c.id, PATIENTS.c.name.label("patient"), SOURCES.c.name.label("source"))
        .join(PATIENTS, PATIENTS.c.id == STREAMS.c.patient_id)
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .where(among(connection, STREAMS.c.id, streams))
    )
    return {row.id: (row.patient, row.source) for row in connection.execute(query)}


def list_alarms(
    connection: Connection,
    *,
    states: Sequence[str],
    patient_id: int | None,
    from_ms: int,
    to_ms: int,
    before: tuple[int, int] | None,
    limit: int,
) -> Page[AnyRow]:
    """Return alarms that began in [from_ms, to_ms), the newest first, with names and silences.

    before  since_ms and id of the last alarm of the page before
    """
    query = (
        select(ALARMS, PATIENTS.c.name.label("patient_name"), SOURCES.c.name.label("source_name"))
        .join(STREAMS, STREAMS.c.id == ALARMS.c.stream)
        .join(PATIENTS, PATIENTS.c.id == ALARMS.c.patient_id)
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .where(ALARMS.c.state.in_(states), ALARMS.c.since_ms >= from_ms, ALARMS.c.since_ms < to_ms)
        .order_by(ALARMS.c.since_ms.desc(), ALARMS.c.id.desc())
        .limit(limit + 1)
    )
    if patient_id is not None:
        query = query.where(ALARMS.c.patient_id == patient_id)
    if before is not None:
        since_ms, alarm_id = before
        query = query.where(
            or_(
                ALARMS.c.since_ms < since_ms,
                and_(ALARMS.c.since_ms == since_ms, ALARMS.c.id < alarm_id),
            )
        )
    rows = connection.execute(query).all()
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], f"{last.since_ms}.{last.id}")


def steps_of(connection: Connection, alarm_id: int) -> Sequence[AnyRow]:
    query = (
        select(ALARM_STEPS).where(ALARM_STEPS.c.alarm == alarm_id).order_by(ALARM_STEPS.c.number)
    )
    return connection.execute(query).all()


def add_silence(
    connection: Connection, patient_id: int, *, from_ms: int, until_ms: int, by: str
) -> None:
    connection.execute(
        insert(SILENCES).values(patient_id=patient_id, from_ms=from_ms, until_ms=until_ms, by=by)
    )


def silences_now(connection: Connection, now_ms: int) -> dict[int, AnyRow]:
    """Return patient id -> row of SILENCES, of those patients whose alarms are silent."""
    newest = select(func.max(SILENCES.c.id)).group_by(SILENCES.c.patient_id)
    query = select(SILENCES).where(SILENCES.c.id.in_(newest), SILENCES.c.until_ms > now_ms)
    return {row.patient_id: row for row in connection.execute(query)}
