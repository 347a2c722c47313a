"""Offsets: how far a consumer has read each partition, stored with what it made of it.

Output, state and offset are written in one transaction. `advance` is the fence: a worker that has
lost its partition to another one finds the offset moved, and its transaction must not commit.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Table, Text, insert, select, update

from station.store.tables import LONG, METADATA

OFFSETS: Final = Table(
    "offsets",
    METADATA,
    Column("consumer", Text, primary_key=True),
    Column("partition", Text, primary_key=True),
    Column("next", LONG, nullable=False),
)


class PartitionLost(Exception):
    """Another worker has moved the offset. The transaction must be rolled back."""


def next_offset(connection: Connection, consumer: str, partition: str) -> int:
    """Return the first offset that the consumer has not processed; a new partition begins at 0."""
    where = (OFFSETS.c.consumer == consumer, OFFSETS.c.partition == partition)
    found = connection.execute(select(OFFSETS.c.next).where(*where)).scalar_one_or_none()
    if found is not None:
        return int(found)
    connection.execute(insert(OFFSETS).values(consumer=consumer, partition=partition, next=0))
    return 0


def advance(
    connection: Connection, consumer: str, partition: str, *, expected: int, following: int
) -> None:
    """Move the offset from `expected` to `following`. Raises PartitionLost."""
    changed = connection.execute(
        update(OFFSETS)
        .where(
            OFFSETS.c.consumer == consumer,
            OFFSETS.c.partition == partition,
            OFFSETS.c.next == expected,
        )
        .values(next=following)
    )
    if changed.rowcount != 1:
        raise PartitionLost(f"{consumer}: partition {partition} is not at {expected} any more")
