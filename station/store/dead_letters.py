"""Dead letters: frames that were acknowledged and not stored as records, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, func, insert, select

from station.store.pages import MAX_PAGE_ROWS, Page
from station.store.tables import LONG, METADATA, AnyRow

# source    as the frame says; empty where that cannot be read
# seq       the source's number; NULL where it cannot be read
# last_seq  of a range of missing numbers; NULL otherwise
# reason    an outcome of station/ingest/outcomes.py
# frame     what was sent, or a part of it where it is larger than a frame; NULL for missing numbers
DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("received_ms", LONG, nullable=False),
    Column("sender", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("seq", LONG),
    Column("last_seq", LONG),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("frame", LargeBinary),
)


class DeadLetter(NamedTuple):
    """A row to be stored; see the columns. `sender` is the holder of the key."""

    received_ms: int
    sender: str
    source: str
    seq: int | None
    last_seq: int | None
    reason: str
    detail: str
    frame: bytes | None


def add_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    if letters:
        connection.execute(insert(DEAD_LETTERS), [letter._asdict() for letter in letters])


def dead_letters(
    connection: Connection, *, after: int = 0, limit: int = MAX_PAGE_ROWS
) -> Page[AnyRow]:
    """Return dead letters, the oldest first, with the sizes of their frames as `frame_bytes`.

    after  the id of the last one of the page before
    """
    columns = [column for column in DEAD_LETTERS.columns if column.name != "frame"]
    size = func.length(DEAD_LETTERS.c.frame).label("frame_bytes")
    query = select(*columns, size).where(DEAD_LETTERS.c.id > after).order_by(DEAD_LETTERS.c.id)
    rows = connection.execute(query.limit(limit + 1)).all()
    return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)


def frame_of(connection: Connection, letter: int) -> bytes | None:
    """Return what was sent; None where there is no such dead letter, or it has no frame."""
    query = select(DEAD_LETTERS.c.frame).where(DEAD_LETTERS.c.id == letter)
    frame: bytes | None = connection.execute(query).scalar_one_or_none()
    return frame
