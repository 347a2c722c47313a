"""Dead letters: frames that were acknowledged and not stored as records, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, LargeBinary, Row, Table, Text, insert, select

from station.store.pages import Page, cursor_numbers
from station.store.tables import LONG, METADATA

MAX_PAGE_ROWS: Final = 1000

# source    as the frame says; empty where that cannot be read
# seq       the source's number; NULL where it cannot be read
# last_seq  of a range of missing numbers; NULL otherwise
# reason    an outcome of station/ingest/outcomes.py
# frame     what was sent, cut to the longest allowed frame; NULL where nothing was
DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("received_ms", LONG, nullable=False, index=True),
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
    connection: Connection, *, cursor: str | None = None, limit: int = MAX_PAGE_ROWS
) -> Page[Row[Any]]:
    """Return dead letters without their frames, the oldest first.

    cursor  of the page before. Raises ValueError where it is none of ours.
    """
    columns = [column for column in DEAD_LETTERS.columns if column.name != "frame"]
    query = select(*columns).order_by(DEAD_LETTERS.c.id).limit(limit + 1)
    if cursor is not None:
        (after,) = cursor_numbers(cursor, 1)
        query = query.where(DEAD_LETTERS.c.id > after)
    rows = connection.execute(query).all()
    return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)
