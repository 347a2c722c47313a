"""A patient's records and signal, by time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
import orjson
from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from errors import NotFound
from station.ingest.frame import BEAT_CLASSES
from station.store.encoding import BEAT
from station.store.patients import patient_ids
from station.store.records import MAX_PAGE_ROWS, records_of
from station.store.waveforms import waveforms
from station.web.queries import bad_cursor, integer, page_rows

JSON: Final = "application/json"
Result = TypeVar("Result")


class HistoryRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def records(self, request: Request) -> Response:
        """List the records that begin in [from_ms, to_ms), without their samples."""
        name = request.path_params["name"]
        from_ms, to_ms = integer(request, "from_ms"), integer(request, "to_ms")
        cursor = request.query_params.get("cursor")
        limit = page_rows(request, MAX_PAGE_ROWS)

        def read(connection: Connection, patient: int) -> bytes:
            page = records_of(connection, patient, from_ms, to_ms, cursor=cursor, limit=limit)
            rows = [
                {
                    "number": row.number,
                    "source_id": row.source_id,
                    "seq": row.seq,
                    "time_ms": row.device_ms,
                    "received_ms": row.received_ms,
                    "fs": row.fs_hz,
                    "leads": row.leads.split(","),
                    "kind": "beat" if row.kind == BEAT else "stretch",
                    "class": BEAT_CLASSES[row.beat_class],
                }
                for row in page.rows
            ]
            return orjson.dumps({"records": rows, "cursor": page.cursor})

        try:
            content = await self._read(name, read)
        except ValueError:
            raise bad_cursor() from None
        return Response(content, media_type=JSON)

    async def waveform(self, request: Request) -> Response:
        """Return the signal in [from_ms, to_ms), null for gaps; see Waveform."""
        name = request.path_params["name"]
        from_ms, to_ms = integer(request, "from_ms"), integer(request, "to_ms")

        def read(connection: Connection, patient: int) -> bytes:
            parts = [
                {
                    "source_id": part.source_id,
                    "start_ms": part.start_ms,
                    "fs": part.fs_hz,
                    "leads": part.leads,
                    # orjson writes NaN as null.
                    "signal": np.ascontiguousarray(part.signal),
                }
                for part in waveforms(connection, patient, from_ms, to_ms)
            ]
            return orjson.dumps({"waveforms": parts}, option=orjson.OPT_SERIALIZE_NUMPY)

        return Response(await self._read(name, read), media_type=JSON)

    async def _read(self, name: str, read: Callable[[Connection, int], Result]) -> Result:
        """Read about a patient in a thread. Raises NotFound."""

        def run() -> Result:
            with self._engine.connect() as connection:
                patient = patient_ids(connection, [name]).get(name)
                if patient is None:
                    raise NotFound("no patient with this name is registered")
                return read(connection, patient)

        return await asyncio.to_thread(run)
