"""The files of the archive: which there are, and how far the rows of each have been deleted here.

A file is `writing` until it has been read back and compared, then `verified` until its rows have
been deleted, then `done`. Nothing is deleted for a file that is `writing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Table,
    Text,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from station.store.tables import LONG, METADATA, AnyRow

WRITING: Final = "writing"
VERIFIED: Final = "verified"
DONE: Final = "done"

# dataset            one of station/store/archive/datasets.py
# path               below the archive's URL
# state              see above
# rows, bytes        of the file
# sha256             of the file's content
# first_ms, last_ms  times of its earliest and latest row, by the clock of that row
# last_key           highest number of its rows; NULL where these have none
# written_ms         by the station's clock
ARCHIVE_FILES: Final = Table(
    "archive_files",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("path", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False, index=True),
    Column("rows", LONG, nullable=False),
    Column("bytes", LONG, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("first_ms", LONG, nullable=False),
    Column("last_ms", LONG, nullable=False),
    Column("last_key", LONG),
    Column("written_ms", LONG, nullable=False),
    Index(None, "dataset", "last_ms"),
)


def add_file(connection: Connection, values: dict[str, object]) -> int:
    """Note a file that is to be written; see the columns. Return its id."""
    statement = insert(ARCHIVE_FILES).values(values | {"state": WRITING})
    return int(connection.execute(statement.returning(ARCHIVE_FILES.c.id)).scalar_one())


def set_state(connection: Connection, file: int, state: str) -> None:
    connection.execute(update(ARCHIVE_FILES).where(ARCHIVE_FILES.c.id == file).values(state=state))


def forget_file(connection: Connection, file: int) -> None:
    connection.execute(delete(ARCHIVE_FILES).where(ARCHIVE_FILES.c.id == file))


def unfinished(connection: Connection) -> Sequence[AnyRow]:
    """Return the files whose rows are still stored here, or which were not verified."""
    query = select(ARCHIVE_FILES).where(ARCHIVE_FILES.c.state.in_((WRITING, VERIFIED)))
    return connection.execute(query.order_by(ARCHIVE_FILES.c.id)).all()


def is_archived(connection: Connection, dataset: str, *, from_ms: int, to_ms: int) -> bool:
    """Return whether rows with times in [from_ms, to_ms) may have been moved to the archive."""
    found = exists().where(
        ARCHIVE_FILES.c.dataset == dataset,
        ARCHIVE_FILES.c.last_ms >= from_ms,
        ARCHIVE_FILES.c.first_ms < to_ms,
        ARCHIVE_FILES.c.state != WRITING,
    )
    return bool(connection.execute(select(found)).scalar_one())


def last_archived(connection: Connection, dataset: str) -> int:
    """Return the highest number of a dataset's rows in the archive; 0 where there is none."""
    query = select(func.coalesce(func.max(ARCHIVE_FILES.c.last_key), 0)).where(
        ARCHIVE_FILES.c.dataset == dataset, ARCHIVE_FILES.c.state != WRITING
    )
    return int(connection.execute(query).scalar_one())
