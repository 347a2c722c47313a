"""GET /station/v1/ward: the patients with active streams, as a ward's board shows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from station.store import alarms
from station.store.events import newest_event
from station.store.external.labels import server_state
from station.store.pages import MAX_PAGE_ROWS
from station.store.tables import AnyRow
from station.store.ward import active_streams, watching
from station.times import SECOND_MS, now_ms
from station.web.alarms import OPEN, shown_alarm
from station.web.answers import json_answer
from station.web.queries import MAX_TIME_MS
from station.web.reading import read


class WardRoute:
    def __init__(self, engine: Engine, stale_s: float) -> None:
        self._engine = engine
        self._stale_ms = round(stale_s * SECOND_MS)

    async def ward(self, request: Request) -> Response:
        """Return every patient with an active stream or an open alarm."""
        return json_answer(await read(self._engine, self._board))

    def _board(self, connection: Connection) -> dict[str, Any]:
        at_ms = now_ms()
        # Read first: what happens later is an event after it.
        newest = newest_event(connection)
        worker = watching(connection)
        labels = server_state(connection)
        silences = alarms.silences_now(connection, at_ms)
        beds: dict[str, dict[str, Any]] = {}
        for row in active_streams(connection):
            bed = beds.setdefault(row.patient, _bed(row.patient, silences.get(row.patient_id)))
            bed["streams"].append(self._stream(row, at_ms))
        page = alarms.list_alarms(
            connection,
            states=OPEN,
            patient_id=None,
            from_ms=0,
            to_ms=MAX_TIME_MS,
            before=None,
            limit=MAX_PAGE_ROWS,
        )
        for row in page.rows:
            silence = silences.get(row.patient_id)
            bed = beds.setdefault(row.patient_name, _bed(row.patient_name, silence))
            bed["alarms"].append(shown_alarm(row, silence))
        heartbeat_ms = worker.heartbeat_ms
        return {
            "now_ms": at_ms,
            "last_event_id": newest,
            "watch": {
                "age_ms": None if heartbeat_ms is None else max(0, at_ms - heartbeat_ms),
                "behind": worker.behind,
            },
            "labels": labels and {"failed_ms": labels.failed_ms, "reason": labels.reason},
            "patients": list(beds.values()),
        }

    def _stream(self, row: AnyRow, at_ms: int) -> dict[str, Any]:
        age_ms = max(0, at_ms - row.received_ms)
        return {
            "source": row.source,
            "leads": row.leads,
            "newest_ms": row.newest_ms,
            "age_ms": age_ms,
            "stale": age_ms >= self._stale_ms,
            "rate_per_min": row.rate_per_min,
            "known": row.known,
            "irregular": row.irregular,
            "last_beat_ms": row.last_beat_ms,
            "last_beats": row.last_beats,
        }


def _bed(patient: str, silence: AnyRow | None) -> dict[str, Any]:
    return {
        "patient": patient,
        "streams": [],
        "alarms": [],
        "silent_until_ms": None if silence is None else silence.until_ms,
    }
