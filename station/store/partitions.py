"""The cursors of a topic's partitions: a database is watched from one topic or its own records."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, select

from errors import BadBridge
from station.store.batches import insert_new
from station.store.progress import CURSORS, RECORDS_CURSOR
from station.store.records import newest_number

_COLUMNS: Final = ("worker", "next", "heartbeat_ms")


def cursor_of_partition(topic: str, partition: int) -> str:
    """Return the name of a partition's cursor. No topic has a colon in its name."""
    return f"{topic}:{partition}"


def check_partitions(connection: Connection, topic: str, count: int) -> None:
    """Raises BadBridge where the database is watched from elsewhere, or from another number of
    partitions: the records of a source would then be in two of them, without an order."""
    known = set(connection.execute(select(CURSORS.c.worker)).scalars()) - {RECORDS_CURSOR}
    wanted = {cursor_of_partition(topic, partition) for partition in range(count)}
    if known and known != wanted:
        raise BadBridge(
            f"STATION_KAFKA: the topic has {count} partitions; the database is watched from "
            f"{', '.join(sorted(known)[:3])}, ... ({len(known)} partitions)"
        )


def begin_partitions(connection: Connection, topic: str, count: int, now_ms: int) -> None:
    """Store the cursors of the partitions, where they are not. Raises BadBridge."""
    check_partitions(connection, topic, count)
    reached = connection.execute(
        select(CURSORS.c.next).where(CURSORS.c.worker == RECORDS_CURSOR)
    ).scalar_one_or_none()
    if reached is not None:
        if reached <= newest_number(connection):
            raise BadBridge(
                "STATION_KAFKA: the database has records that are not watched; let the station run "
                "without it until they are"
            )
        connection.execute(delete(CURSORS).where(CURSORS.c.worker == RECORDS_CURSOR))
    rows = [(cursor_of_partition(topic, partition), 0, now_ms) for partition in range(count)]
    insert_new(connection, CURSORS, _COLUMNS, rows)


def check_no_partitions(connection: Connection) -> None:
    """Raises BadBridge where the database is watched from a topic."""
    query = select(CURSORS.c.worker).where(CURSORS.c.worker != RECORDS_CURSOR)
    found = connection.execute(query.limit(1)).scalar_one_or_none()
    if found is not None:
        raise BadBridge(
            f"STATION_KAFKA is not set, and the database is watched from the topic "
            f"{found.rpartition(':')[0]}"
        )
