"""Leases: what only one process does at a time, until it says that it has ended or goes silent.

They end by the clocks of the processes, which must be within seconds of each other.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Table, Text, or_, update

from station.store.batches import insert_new
from station.store.tables import LONG, METADATA

# holder    who has it; a word of its own for each run
# until_ms  when it ends unless it is renewed, by the station's clock
LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until_ms", LONG, nullable=False),
)


class LeaseLost(Exception):
    """Another process has the lease. The transaction must be rolled back."""


def take(connection: Connection, name: str, holder: str, *, now_ms: int, until_ms: int) -> bool:
    """Take or renew a lease that nobody else has now. Return whether that was possible."""
    insert_new(connection, LEASES, ("name", "holder", "until_ms"), [(name, "", 0)])
    is_free = or_(LEASES.c.until_ms < now_ms, LEASES.c.holder.in_(("", holder)))
    changed = connection.execute(
        update(LEASES)
        .where(LEASES.c.name == name, is_free)
        .values(holder=holder, until_ms=until_ms)
    )
    return changed.rowcount == 1


def renew(connection: Connection, name: str, holder: str, *, until_ms: int) -> None:
    """Hold a lease for longer. Raises LeaseLost."""
    _change(connection, name, holder, {"until_ms": until_ms})


def give_back(connection: Connection, name: str, holder: str) -> None:
    """End a lease. Raises LeaseLost."""
    _change(connection, name, holder, {"holder": "", "until_ms": 0})


def _change(connection: Connection, name: str, holder: str, values: dict[str, object]) -> None:
    changed = connection.execute(
        update(LEASES).where(LEASES.c.name == name, LEASES.c.holder == holder).values(values)
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"{name}: another process has it")
