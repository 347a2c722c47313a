"""Records of single beats: the class of each, and the problems, which are those not normal."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Float, ForeignKey, Index, Table, Text, select

from station.store.batches import among, insert_new
from station.store.pages import Page, in_order, is_beyond
from station.store.patients import PATIENTS
from station.store.sources import SOURCES
from station.store.tables import LONG, METADATA, AnyRow

# record       number of the record, which may be deleted earlier than its class
# label        one of station.watch.outputs.BEAT_CLASSES
# probability  of the label
BEAT_LABELS: Final = Table(
    "beat_labels",
    METADATA,
    Column("record", LONG, primary_key=True, autoincrement=False),
    Column("label", Text, nullable=False),
    Column("probability", Float(53), nullable=False),
)
# at_ms  time of the record's first sample by the device's clock
PROBLEMS: Final = Table(
    "problems",
    METADATA,
    Column("record", LONG, primary_key=True, autoincrement=False),
    Column("source_id", LONG, ForeignKey(SOURCES.c.id), nullable=False),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id), nullable=False),
    Column("at_ms", LONG, nullable=False),
    Column("label", Text, nullable=False),
    Column("probability", Float(53), nullable=False),
    Index(None, "patient_id", "at_ms", "record"),
)


class BeatLabel(NamedTuple):
    """A row of BEAT_LABELS."""

    record: int
    label: str
    probability: float


class Problem(NamedTuple):
    """A row of PROBLEMS."""

    record: int
    source_id: int
    patient_id: int
    at_ms: int
    label: str
    probability: float


def add_labels(connection: Connection, labels: Iterable[BeatLabel]) -> None:
    insert_new(connection, BEAT_LABELS, BeatLabel._fields, list(labels))


def add_problems(connection: Connection, problems: Iterable[Problem]) -> None:
    insert_new(connection, PROBLEMS, Problem._fields, list(problems))


def patients_of(connection: Connection, patients: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return patient id -> name and details."""
    columns = (PATIENTS.c.name, PATIENTS.c.sex, PATIENTS.c.birth_year, PATIENTS.c.notes)
    query = select(PATIENTS.c.id, *columns).where(among(connection, PATIENTS.c.id, patients))
    return {
        number: {"patient": name, "sex": sex, "birth_year": birth_year, "notes": notes}
        for number, name, sex, birth_year, notes in connection.execute(query)
    }


def list_problems(
    connection: Connection,
    patient_id: int,
    *,
    from_ms: int,
    to_ms: int,
    after: tuple[int, int] | None,
    limit: int,
    newest_first: bool = False,
) -> Page[AnyRow]:
    """Return the problems of a patient in [from_ms, to_ms), each with the name of its source.

    after  time and record of the last problem of the page before
    """
    place = (PROBLEMS.c.at_ms, PROBLEMS.c.record)
    query = (
        select(PROBLEMS, SOURCES.c.name.label("source"))
        .join(SOURCES, SOURCES.c.id == PROBLEMS.c.source_id)
        .where(
            PROBLEMS.c.patient_id == patient_id,
            PROBLEMS.c.at_ms >= from_ms,
            PROBLEMS.c.at_ms < to_ms,
        )
        .order_by(*in_order(place, newest_first))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(is_beyond(place, after, newest_first))
    rows = connection.execute(query).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], f"{rows[limit - 1].at_ms}.{rows[limit - 1].record}")
