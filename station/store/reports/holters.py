"""Reports of long recordings of patients, as they were imported."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    insert,
    select,
)

from station.store.pages import Page
from station.store.patients import PATIENTS
from station.store.tables import LONG, METADATA, AnyRow

# started           ISO 8601 by the recorder's clock, without a zone; NULL where it is unknown
# created_ms        when it was imported, by the station's clock
# json, pdf, html   the report in each form
HOLTERS: Final = Table(
    "holters",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id), nullable=False, index=True),
    Column("started", Text),
    Column("duration_s", Float(53), nullable=False),
    Column("created_ms", LONG, nullable=False),
    Column("json", LargeBinary, nullable=False),
    Column("pdf", LargeBinary, nullable=False),
    Column("html", LargeBinary, nullable=False),
)
_LISTED: Final = tuple(HOLTERS.c[name] for name in ("id", "started", "duration_s", "created_ms"))


class NewHolter(NamedTuple):
    """A row to be stored; see the columns."""

    patient_id: int
    started: str | None
    duration_s: float
    created_ms: int
    json: bytes
    pdf: bytes
    html: bytes


def add_holter(connection: Connection, holter: NewHolter) -> int:
    """Store a report, and return its number."""
    statement = insert(HOLTERS).values(holter._asdict()).returning(HOLTERS.c.id)
    return int(connection.execute(statement).scalar_one())


def list_holters(
    connection: Connection, patient_id: int, *, after: int, limit: int
) -> Page[AnyRow]:
    """Return a patient's reports in the order of their import, without their contents.

    after  the number of the last one of the page before
    """
    query = (
        select(*_LISTED)
        .where(HOLTERS.c.patient_id == patient_id, HOLTERS.c.id > after)
        .order_by(HOLTERS.c.id)
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)


def holter_in_form(connection: Connection, patient_id: int, number: int, form: str) -> bytes | None:
    """Return a patient's report in a form, a column of the table; None if there is none."""
    query = select(HOLTERS.c[form]).where(
        HOLTERS.c.id == number, HOLTERS.c.patient_id == patient_id
    )
    content: bytes | None = connection.execute(query).scalar_one_or_none()
    return content
