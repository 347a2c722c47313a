"""Counts of what the database has now, as the metrics show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from station.alarms.machine import State
from station.alarms.policies import Priority
from station.store.alarms import ALARMS
from station.store.external.labels import server_state
from station.store.external.outbox import outlet_counts
from station.store.streams import STREAMS
from station.store.ward import watching
from station.times import SECOND_MS

OPEN_STATES: Final = (State.PENDING, State.FIRING, State.ACKNOWLEDGED)


@dataclass(frozen=True)
class OutletFigures:
    """What one outlet has sent, has still to send, and does not try any more.

    oldest_s  age of the oldest step that waits; 0 for none
    """

    sent: int
    waiting: int
    dead: int
    oldest_s: float


@dataclass(frozen=True)
class Figures:
    """What one moment's metrics are made of.

    heartbeat_age_s  since the watch last wrote; None where it never did
    behind           records that it has not processed
    streams          active ones: "fresh" or "stale" -> number
    alarms           (priority, state) of those that are not resolved -> number
    outlets          name -> figures
    labels           whether the inference server answers; None where nobody asks for labels
    """

    heartbeat_age_s: float | None
    behind: int
    streams: dict[str, int]
    alarms: dict[tuple[str, ...], int]
    outlets: dict[str, OutletFigures]
    labels: bool | None


def read_figures(connection: Connection, *, now_ms: int, stale_ms: int) -> Figures:
    """Read them. stale_ms: without records, until a stream is stale."""
    worker = watching(connection)
    alarms: dict[tuple[str, ...], int] = {
        (str(priority), str(state)): 0 for priority in Priority for state in OPEN_STATES
    }
    found = connection.execute(
        select(ALARMS.c.priority, ALARMS.c.state, func.count())
        .where(ALARMS.c.state.in_(OPEN_STATES))
        .group_by(ALARMS.c.priority, ALARMS.c.state)
    )
    alarms |= {(priority, state): number for priority, state, number in found}
    active = STREAMS.c.closed_ms.is_(None)
    is_fresh = STREAMS.c.received_ms > now_ms - stale_ms
    streams, fresh = connection.execute(
        select(func.count(), func.count().filter(is_fresh)).select_from(STREAMS).where(active)
    ).one()
    heartbeat_ms = worker.heartbeat_ms
    labels = server_state(connection)
    return Figures(
        None if heartbeat_ms is None else max(0, now_ms - heartbeat_ms) / SECOND_MS,
        worker.behind,
        {"fresh": fresh, "stale": streams - fresh},
        alarms,
        {
            row.name: OutletFigures(
                row.sent,
                row.waiting,
                row.dead,
                0.0 if row.oldest_ms is None else max(0, now_ms - row.oldest_ms) / SECOND_MS,
            )
            for row in outlet_counts(connection)
        },
        None if labels is None else labels.failed_ms is None,
    )
