"""How far records have been watched: the cursors, and the snapshots that a start begins from.

Outputs, cursor and snapshots are written in one transaction. `advance` is the fence: a worker that
has lost the cursor to another one finds it moved, and its transaction must not commit. There is one
cursor for the records of the database, or one for each partition of a topic.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)

from station.store.batches import among, insert_new
from station.store.streams import STREAMS
from station.store.tables import LONG, METADATA

# worker        RECORDS_CURSOR, or a topic and a partition (partitions.py)
# next          number of the first record that is not processed, or offset of the first message
# heartbeat_ms  when its worker last wrote, by the station's clock
# behind        messages of the partition that are not processed; NULL for records
CURSORS: Final = Table(
    "cursors",
    METADATA,
    Column("worker", Text, primary_key=True),
    Column("next", LONG, nullable=False),
    Column("heartbeat_ms", LONG, nullable=False),
    Column("behind", LONG),
)
RECORDS_CURSOR: Final = "watch"
# begins_at    number of the first record that the stream's state is made of
# data         of Watch.snapshot; NULL before the first one
# replay_from  number of the first record that the snapshot lacks; NULL where it has all
# rate_low, rate_high   limits of the patient with which the stream is watched from there on
SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    Column("stream", LONG, ForeignKey(STREAMS.c.id), primary_key=True),
    Column("begins_at", LONG, nullable=False),
    Column("data", LargeBinary),
    Column("replay_from", LONG, index=True),
    Column("rate_low", SmallInteger),
    Column("rate_high", SmallInteger),
)
# Records with which watching failed; a replay leaves them out.
UNWATCHED: Final = Table(
    "unwatched",
    METADATA,
    Column("record", LONG, primary_key=True, autoincrement=False),
)


class CursorLost(Exception):
    """Another worker has moved the cursor, or none is stored. The transaction must not commit."""


class Snapshot(NamedTuple):
    """A row of SNAPSHOTS; see the columns."""

    stream: int
    begins_at: int
    data: bytes | None
    replay_from: int | None
    rate_low: int | None
    rate_high: int | None


def begin_records(connection: Connection, now_ms: int) -> None:
    """Store the cursor of the database's records, where it is not: at the first one."""
    insert_new(
        connection, CURSORS, ("worker", "next", "heartbeat_ms"), [(RECORDS_CURSOR, 1, now_ms)]
    )


def read_cursor(connection: Connection, worker: str) -> int:
    """Return the first record or message that is not processed. Raises CursorLost.

    A transaction of another worker that moves the cursor now is waited for.
    """
    found = connection.execute(
        select(CURSORS.c.next).where(CURSORS.c.worker == worker).with_for_update()
    ).scalar_one_or_none()
    if found is None:
        raise CursorLost(f"{worker}: there is no cursor")
    return int(found)


def advance(
    connection: Connection,
    worker: str,
    *,
    expected: int,
    following: int,
    now_ms: int,
    behind: int | None = None,
) -> None:
    """Move the cursor from `expected` to `following`, which may be the same. Raises CursorLost."""
    changed = connection.execute(
        update(CURSORS)
        .where(CURSORS.c.worker == worker, CURSORS.c.next == expected)
        .values(next=following, heartbeat_ms=now_ms, behind=behind)
    )
    if changed.rowcount != 1:
        raise CursorLost(f"{worker}: the cursor is not at {expected} any more")


def first_needed(connection: Connection) -> int | None:
    """Return the first record that watching may read; None for none.

    Records of a topic are watched in the transaction that stores them: only snapshots lack them.
    """
    replay_from = connection.execute(select(func.min(SNAPSHOTS.c.replay_from))).scalar_one()
    cursors = {row.worker: row.next for row in connection.execute(select(CURSORS))}
    following = cursors.get(RECORDS_CURSOR, None if cursors else 1)
    needed = [int(number) for number in (replay_from, following) if number is not None]
    return min(needed, default=None)


def snapshots_of(connection: Connection, streams: Collection[int]) -> dict[int, Snapshot]:
    """Return stream -> snapshot of those streams that have one."""
    query = select(SNAPSHOTS).where(among(connection, SNAPSHOTS.c.stream, streams))
    return {row.stream: Snapshot(*row) for row in connection.execute(query)}


def save_snapshots(connection: Connection, snapshots: Collection[Snapshot]) -> None:
    """Store the states of streams instead of those that are stored."""
    streams = [snapshot.stream for snapshot in snapshots]
    connection.execute(delete(SNAPSHOTS).where(among(connection, SNAPSHOTS.c.stream, streams)))
    insert_new(connection, SNAPSHOTS, Snapshot._fields, list(snapshots))


def mark_unsaved(connection: Connection, first_records: dict[int, int]) -> None:
    """Note the first record that came after a stream's snapshot: stream -> number."""
    for stream, number in first_records.items():
        connection.execute(
            update(SNAPSHOTS)
            .where(SNAPSHOTS.c.stream == stream, SNAPSHOTS.c.replay_from.is_(None))
            .values(replay_from=number)
        )


def add_unwatched(connection: Connection, records: Collection[int]) -> None:
    insert_new(connection, UNWATCHED, ("record",), [(number,) for number in sorted(records)])


def unwatched_from(connection: Connection, first: int) -> set[int]:
    """Return the unwatched records with this number or a higher one."""
    query = select(UNWATCHED.c.record).where(UNWATCHED.c.record >= first)
    return set(connection.execute(query).scalars())
