"""Sources: the devices that send records, each with a revocable key of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, Connection, Float, Table, Text, insert, select, update

from access.api_keys import ApiKey, new_secret
from station.store.batches import among, update_rows
from station.store.tables import LONG, METADATA

# The only scope of a device's key. It is not stored, as it is the same for all.
DEVICE_SCOPES: Final = ("ingest",)

# next_seq      one more than the highest sequence number that is stored; NULL before the first
# fs_hz         sampling rate of the newest stretch of signal; NULL before the first
# key_sha256    of the device's key; the key itself is stored nowhere
# revoked_ms    since when the key is not valid; NULL while it is
SOURCES: Final = Table(
    "sources",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("key_prefix", Text, nullable=False, unique=True),
    Column("key_sha256", Text, nullable=False),
    Column("created_ms", LONG, nullable=False),
    Column("revoked_ms", LONG),
    Column("next_seq", LONG),
    Column("fs_hz", Float(53)),
)


@dataclass
class SourceState:
    """Where a source's stream has got to; see the columns."""

    id: int
    next_seq: int | None
    fs_hz: float | None


def add_source(connection: Connection, name: str, now_ms: int) -> str:
    """Register a device and return its key. Raises IntegrityError where the name is taken."""
    key, prefix, sha256 = new_secret()
    connection.execute(
        insert(SOURCES).values(name=name, key_prefix=prefix, key_sha256=sha256, created_ms=now_ms)
    )
    return key


def revoke_source(connection: Connection, name: str, now_ms: int) -> bool:
    """Make a device's key invalid. Return whether it was valid."""
    changed = connection.execute(
        update(SOURCES)
        .where(SOURCES.c.name == name, SOURCES.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms)
    )
    return bool(changed.rowcount)


def key_of_prefix(connection: Connection, prefix: str) -> ApiKey | None:
    """Return the key with this public prefix, revoked or not."""
    row = connection.execute(select(SOURCES).where(SOURCES.c.key_prefix == prefix)).one_or_none()
    if row is None:
        return None
    revoked = None if row.revoked_ms is None else _time(row.revoked_ms)
    return ApiKey(
        row.name,
        row.key_prefix,
        row.key_sha256,
        DEVICE_SCOPES,
        _time(row.created_ms),
        revoked=revoked,
    )


def lock_sources(connection: Connection, names: Collection[str]) -> dict[str, SourceState]:
    """Return name -> state of the sources that may send.

    On PostgreSQL their rows are locked until the transaction ends, in the order of their ids, so
    that two processes that store records of one source take turns. SQLite has one writer anyway.
    """
    query = (
        select(SOURCES.c.name, SOURCES.c.id, SOURCES.c.next_seq, SOURCES.c.fs_hz)
        .where(among(connection, SOURCES.c.name, names), SOURCES.c.revoked_ms.is_(None))
        .order_by(SOURCES.c.id)
        .with_for_update()
    )
    found = connection.execute(query)
    return {name: SourceState(number, seq, fs_hz) for name, number, seq, fs_hz in found}


def save_states(connection: Connection, states: Collection[SourceState]) -> None:
    """Store where the streams of some sources have got to."""
    rows = [(state.id, state.next_seq, state.fs_hz) for state in states]
    update_rows(connection, SOURCES, ("id", "next_seq", "fs_hz"), rows)


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
