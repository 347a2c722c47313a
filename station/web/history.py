"""A patient's records and signal, by time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import orjson
from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from errors import NotFound
from station.ingest.frame import BEAT_CLASSES
from station.store.archive.files import is_archived
from station.store.encoding import BEAT, MAX_RECORD_S
from station.store.patients import patient_ids
from station.store.records import RECORDS, records_of
from station.store.tables import AnyRow
from station.store.waveforms import part_of, waveforms
from station.times import SECOND_MS
from station.web.answers import JSON
from station.web.places import Places
from station.web.queries import cursor_numbers, integer, name_of_path, newest_first, page_rows

# A waveform of the largest size takes about 100 MB while its answer is made.
WAVEFORMS_AT_ONCE: Final = 2
WAVEFORMS_WAITING: Final = 16


class HistoryRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places = Places(at_once=WAVEFORMS_AT_ONCE, waiting=WAVEFORMS_WAITING)

    async def records(self, request: Request) -> Response:
        """List the records that begin in [from_ms, to_ms), without their samples."""
        name = name_of_path(request)
        from_ms, to_ms = integer(request, "from_ms"), integer(request, "to_ms")
        cursor = cursor_numbers(request, 2)
        after = None if cursor is None else (cursor[0], cursor[1])
        limit, newest = page_rows(request), newest_first(request)

        def read(connection: Connection, patient: int) -> bytes:
            page = records_of(
                connection,
                patient,
                from_ms=from_ms,
                to_ms=to_ms,
                after=after,
                limit=limit,
                newest_first=newest,
            )
            content = {
                "records": list(map(_listed, page.rows)),
                "cursor": page.cursor,
                "archived": is_archived(connection, RECORDS.name, from_ms=from_ms, to_ms=to_ms),
            }
            return orjson.dumps(content)

        return Response(await self._read(name, read), media_type=JSON)

    async def waveform(self, request: Request) -> Response:
        """Return the signal in [from_ms, to_ms), null for gaps; see Waveform."""
        name = name_of_path(request)
        from_ms, to_ms = integer(request, "from_ms"), integer(request, "to_ms")

        def read(connection: Connection, patient: int) -> bytes:
            parts = waveforms(connection, patient, from_ms=from_ms, to_ms=to_ms)
            first_ms = from_ms - MAX_RECORD_S * SECOND_MS
            content = {
                "waveforms": list(map(part_of, parts)),
                "archived": is_archived(connection, RECORDS.name, from_ms=first_ms, to_ms=to_ms),
            }
            return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)

        async with self._places.place():
            return Response(await self._read(name, read), media_type=JSON)

    async def _read(self, name: str, read: Callable[[Connection, int], bytes]) -> bytes:
        """Read about a patient in a thread. Raises NotFound."""

        def run() -> bytes:
            with self._engine.connect() as connection:
                patient = patient_ids(connection, [name]).get(name)
                if patient is None:
                    raise NotFound("no patient with this name is registered")
                return read(connection, patient)

        return await asyncio.to_thread(run)


def _listed(row: AnyRow) -> dict[str, object]:
    return {
        "number": row.number,
        "source": row.source,
        "seq": row.seq,
        "time_ms": row.device_ms,
        "received_ms": row.received_ms,
        "fs": row.fs_hz,
        "leads": row.leads.split(","),
        "kind": "beat" if row.kind == BEAT else "stretch",
        "class": BEAT_CLASSES[row.beat_class],
    }
