"""What the archive takes: records, what was found in them, dead letters, and events.

Alarms, their steps and silences stay for ever: they say who was told what, and when. So do
patients, sources, and the reports of long recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, FromClause, Select, Table, select

from station.store.beat_records import BEAT_LABELS, PROBLEMS
from station.store.dead_letters import DEAD_LETTERS
from station.store.events import EVENTS
from station.store.external.labels import WINDOW_LABELS
from station.store.patients import PATIENTS
from station.store.records import RECORDS
from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.watched import BEATS, GAPS, WINDOWS


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows that are archived together.

    table     from which they are deleted
    key       columns that identify a row there
    identity  columns that identify a row in the archive, where numbers of another database may be
    age_ms    column by which they grow old
    at_ms     column that says which time they are about
    rows      what is archived of them: names in place of ids
    size      column whose bytes count; None where rows are small
    """

    name: str
    table: Table
    key: tuple[str, ...]
    identity: tuple[str, ...]
    age_ms: str
    at_ms: str
    rows: Select[Any]
    size: str | None = None

    def column(self, name: str) -> Column[Any]:
        return self.table.c[name]


_NAMES: Final = (PATIENTS.c.name.label("patient"), SOURCES.c.name.label("source"))
_IDS: Final = ("source_id", "patient_id")


def _rows(table: Table, tables: FromClause, *more: Any) -> Select[Any]:
    own = [column for column in table.c if column.name not in _IDS]
    return select(*more, *own).select_from(tables)


def _of_stream(name: str, table: Table, at_ms: str) -> Dataset:
    tables = (
        table.join(STREAMS, STREAMS.c.id == table.c.stream)
        .join(PATIENTS, PATIENTS.c.id == STREAMS.c.patient_id)
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
    )
    return Dataset(
        name=name,
        table=table,
        key=("stream", at_ms),
        identity=("source", "patient", at_ms),
        age_ms=at_ms,
        at_ms=at_ms,
        rows=_rows(table, tables, *_NAMES),
    )


RECORDS_SET: Final = Dataset(
    name="records",
    table=RECORDS,
    key=("number",),
    identity=("source", "seq"),
    age_ms="received_ms",
    at_ms="device_ms",
    rows=_rows(
        RECORDS,
        RECORDS.join(PATIENTS)
        .join(SOURCES)
        .outerjoin(BEAT_LABELS, BEAT_LABELS.c.record == RECORDS.c.number),
        *_NAMES,
        BEAT_LABELS.c.label,
        BEAT_LABELS.c.probability,
    ),
    size="samples",
)
BEATS_SET: Final = _of_stream("beats", BEATS, "at_ms")
WINDOWS_SET: Final = _of_stream("windows", WINDOWS, "start_ms")
GAPS_SET: Final = _of_stream("gaps", GAPS, "start_ms")
LABELS_SET: Final = _of_stream("labels", WINDOW_LABELS, "start_ms")
PROBLEMS_SET: Final = Dataset(
    name="problems",
    table=PROBLEMS,
    key=("record",),
    identity=("source", "patient", "at_ms", "record"),
    age_ms="at_ms",
    at_ms="at_ms",
    rows=_rows(PROBLEMS, PROBLEMS.join(PATIENTS).join(SOURCES), *_NAMES),
)
EVENTS_SET: Final = Dataset(
    name="events",
    table=EVENTS,
    key=("id",),
    identity=("id", "at_ms", "data"),
    age_ms="at_ms",
    at_ms="at_ms",
    rows=_rows(EVENTS, EVENTS.outerjoin(PATIENTS), PATIENTS.c.name.label("patient")),
)
DEAD_LETTERS_SET: Final = Dataset(
    name="dead_letters",
    table=DEAD_LETTERS,
    key=("id",),
    identity=("id", "received_ms", "frame"),
    age_ms="received_ms",
    at_ms="received_ms",
    rows=_rows(DEAD_LETTERS, DEAD_LETTERS),
    size="frame",
)
OF_STREAMS: Final = (BEATS_SET, WINDOWS_SET, GAPS_SET, LABELS_SET)
ALL: Final = (RECORDS_SET, DEAD_LETTERS_SET, PROBLEMS_SET, *OF_STREAMS, EVENTS_SET)
