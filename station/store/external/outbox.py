"""The ways out of alarms: how far each outlet has read the events, and what it has to deliver.

A step of an alarm is an event of the transaction that stores it. An outlet notes each event that it
has to deliver in the transaction that moves its place on; so every step is delivered, whatever ends
in between. One process sends for an outlet at a time: it holds a lease, which it renews in each of
these transactions (station/store/lease.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    func,
    select,
    update,
)

from station.store.batches import among, insert_new
from station.store.events import EVENTS, newest_event
from station.store.pages import MAX_PAGE_ROWS, Page
from station.store.tables import LONG, METADATA, AnyRow

# key         random; with the number of an event, what a receiver knows a double by
# next_event  the first event that is not noted in DELIVERIES or left out
# sent        number of events that were delivered
OUTLETS: Final = Table(
    "outlets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("next_event", LONG, nullable=False),
    Column("sent", LONG, nullable=False),
)
# alarm     of the event; the events of an alarm are delivered in their order
# at_ms     time of the event, by the station's clock
# attempts  that have failed
# due_ms    when it is tried next; NULL where it is not tried any more
# reason    why the last attempt failed; NULL before
DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("outlet", Text, ForeignKey(OUTLETS.c.name), nullable=False),
    Column("event", LONG, nullable=False),
    Column("alarm", LONG, nullable=False),
    Column("at_ms", LONG, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", LONG),
    Column("reason", Text),
    UniqueConstraint("outlet", "event"),
    Index(None, "outlet", "due_ms"),
    sqlite_autoincrement=True,
)
_KEY_BYTES: Final = 4


class Delivery(NamedTuple):
    """An event that an outlet has to deliver, as it is stored."""

    outlet: str
    event: int
    alarm: int
    at_ms: int
    attempts: int = 0
    due_ms: int | None = 0
    reason: str | None = None


def add_outlet(connection: Connection, outlet: str) -> None:
    """Store a new outlet; one that is stored already changes nothing.

    It begins with the next event: what happened before it existed is not sent.
    """
    columns = ("name", "key", "next_event", "sent")
    new = (outlet, secrets.token_hex(_KEY_BYTES), newest_event(connection) + 1, 0)
    insert_new(connection, OUTLETS, columns, [new])


def key_of(connection: Connection, outlet: str) -> str:
    """Return the key of an outlet that is stored."""
    query = select(OUTLETS.c.key).where(OUTLETS.c.name == outlet)
    return str(connection.execute(query).scalar_one())


def unread_events(connection: Connection, outlet: str, kind: str) -> Sequence[AnyRow]:
    """Return id, at_ms and data of the next events that an outlet has not read, at most a page.

    Data is None for an event of another kind. They are read too, so that a next read begins after
    them.
    """
    following = select(OUTLETS.c.next_event).where(OUTLETS.c.name == outlet).scalar_subquery()
    data = case((EVENTS.c.kind == kind, EVENTS.c.data)).label("data")
    query = (
        select(EVENTS.c.id, EVENTS.c.at_ms, data)
        .where(EVENTS.c.id >= following)
        .order_by(EVENTS.c.id)
        .limit(MAX_PAGE_ROWS)
    )
    return connection.execute(query).all()


def note_deliveries(
    connection: Connection,
    outlet: str,
    deliveries: Collection[Delivery],
    next_event: int,
) -> None:
    """Note what an outlet has to deliver, and how far it has read."""
    _change(connection, outlet, next_event=next_event)
    insert_new(connection, DELIVERIES, Delivery._fields, list(deliveries))


def due_deliveries(
    connection: Connection, outlet: str, *, now_ms: int, limit: int
) -> Sequence[AnyRow]:
    """Return what is to be sent now, of each alarm at most one. `data` is that of its event; None
    where the event has been deleted."""
    waiting = (
        select(func.min(DELIVERIES.c.event))
        .where(DELIVERIES.c.outlet == outlet, DELIVERIES.c.due_ms.is_not(None))
        .group_by(DELIVERIES.c.alarm)
    )
    query = (
        select(DELIVERIES, EVENTS.c.data)
        .join(EVENTS, EVENTS.c.id == DELIVERIES.c.event, isouter=True)
        .where(
            DELIVERIES.c.outlet == outlet,
            DELIVERIES.c.due_ms <= now_ms,
            DELIVERIES.c.event.in_(waiting),
        )
        .order_by(DELIVERIES.c.due_ms, DELIVERIES.c.event)
        .limit(limit)
    )
    return connection.execute(query).all()


def save_deliveries(
    connection: Connection,
    outlet: str,
    sent: Collection[int],
    failed: Iterable[tuple[int, int | None, str]],
) -> None:
    """Store what became of deliveries.

    sent    ids of deliveries, which are deleted
    failed  id, time of the next attempt or None for a dead letter, reason
    """
    _change(connection, outlet, sent=OUTLETS.c.sent + len(sent))
    connection.execute(delete(DELIVERIES).where(among(connection, DELIVERIES.c.id, sent)))
    changes = [
        {"failed_id": number, "due_ms": due_ms, "reason": reason}
        for number, due_ms, reason in failed
    ]
    if changes:
        connection.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id == bindparam("failed_id"))
            .values(
                attempts=DELIVERIES.c.attempts + 1,
                due_ms=bindparam("due_ms"),
                reason=bindparam("reason"),
            ),
            changes,
        )


def dead_deliveries(
    connection: Connection, after: int = 0, limit: int = MAX_PAGE_ROWS
) -> Page[AnyRow]:
    """Return what is not tried any more, in the order of the ids."""
    query = (
        select(DELIVERIES)
        .where(DELIVERIES.c.due_ms.is_(None), DELIVERIES.c.id > after)
        .order_by(DELIVERIES.c.id)
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], str(rows[limit - 1].id))


def outlet_counts(connection: Connection) -> Sequence[AnyRow]:
    """Return name, sent, waiting, dead and the time of the oldest that waits, for each outlet."""
    is_waiting = DELIVERIES.c.due_ms.is_not(None)
    query = (
        select(
            OUTLETS.c.name,
            OUTLETS.c.sent,
            func.count(DELIVERIES.c.id).filter(is_waiting).label("waiting"),
            func.count(DELIVERIES.c.id).filter(DELIVERIES.c.due_ms.is_(None)).label("dead"),
            func.min(DELIVERIES.c.at_ms).filter(is_waiting).label("oldest_ms"),
        )
        .join(DELIVERIES, DELIVERIES.c.outlet == OUTLETS.c.name, isouter=True)
        .group_by(OUTLETS.c.name, OUTLETS.c.sent)
        .order_by(OUTLETS.c.name)
    )
    return connection.execute(query).all()


def _change(connection: Connection, outlet: str, **values: object) -> None:
    connection.execute(update(OUTLETS).where(OUTLETS.c.name == outlet).values(**values))
