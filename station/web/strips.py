"""GET /station/v1/strips: the newest seconds of every stream, as a ward's board draws them.

One reader follows the records for all clients: a record is read and resampled once. It reads while
somebody asks, and what it has read is shared.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from station.store.names import names_of_pairs
from station.store.unread import StoredRecord, last_settled, newest_records
from station.store.waveforms import millivolts
from station.times import SECOND_MS, now_ms
from station.web.answers import json_answer
from station.web.queries import integer
from station.web.reading import read

STRIP_HZ: Final = 125
TICK_MS: Final = SECOND_MS // STRIP_HZ
# Of the int16 of an answer.
PER_MV: Final = 1000
GAP: Final = -32768
# What a client that has nothing yet gets, by the time of its arrival.
KEPT_MS: Final = 12_000
# Of one read. A client that is further behind gets the newest seconds.
MAX_RECORDS: Final = 5000
SHOWN_FIRST: Final = "II"


@dataclass(frozen=True, eq=False)
class Piece:
    """A record as it is drawn.

    number       of the record
    received_ms  by the station's clock
    first_tick   time of the first sample, in ticks of TICK_MS since 1970
    samples      int16, PER_MV to a millivolt, GAP for a gap
    """

    number: int
    received_ms: int
    patient: str
    source: str
    lead: str
    first_tick: int
    samples: NDArray[np.int16]


class StripsRoute:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pieces: deque[Piece] = deque()
        self._last = 0
        self._reading = asyncio.Lock()

    async def strips(self, request: Request) -> Response:
        """Return what has arrived after the record `since`; without it, the newest seconds."""
        since = integer(request, "since", 0)
        async with self._reading:
            pieces, self._last = await read(self._engine, self._read)
        self._pieces.extend(pieces)
        oldest_ms = now_ms() - KEPT_MS
        while self._pieces and self._pieces[0].received_ms < oldest_ms:
            self._pieces.popleft()
        chosen = [piece for piece in self._pieces if piece.number > since]
        return json_answer(
            {
                "since": self._last,
                "hz": STRIP_HZ,
                "per_mv": PER_MV,
                "gap": GAP,
                "strips": list(map(_shown, _joined(chosen))),
            }
        )

    def _read(self, connection: Connection) -> tuple[list[Piece], int]:
        """Return the records that have not been read, and the number of the last one."""
        last = last_settled(connection)
        first = max(self._last, last - MAX_RECORDS) + 1
        rows = newest_records(connection, first, last, received_ms=now_ms() - KEPT_MS)
        names = names_of_pairs(connection, {(row.source_id, row.patient_id) for row in rows})
        return [_piece(row, *names[row.source_id, row.patient_id]) for row in rows], last


def _piece(row: StoredRecord, source: str, patient: str) -> Piece:
    leads = row.leads.split(",")
    shown = leads.index(SHOWN_FIRST) if SHOWN_FIRST in leads else 0
    signal = millivolts(row)[shown]
    first_tick = -(-row.device_ms // TICK_MS)
    samples = resampled(signal, row.fs_hz, first_tick * TICK_MS - row.device_ms)
    return Piece(row.number, row.received_ms, patient, source, leads[shown], first_tick, samples)


def resampled(signal: NDArray[np.float32], fs_hz: float, offset_ms: int) -> NDArray[np.int16]:
    """Return a signal in mV at STRIP_HZ, from `offset_ms` after its first sample to its end.

    Each sample is the mean over the time of one, so that a narrow R wave is not lost between two.
    """
    span_ms = len(signal) * SECOND_MS / fs_hz
    count = max(0, int(np.ceil((span_ms - offset_ms) / TICK_MS)))
    starts = (offset_ms + np.arange(count) * TICK_MS) * fs_hz / SECOND_MS
    width = max(1, round(fs_hz / STRIP_HZ))
    places = np.floor(starts).astype(int)[:, None] + np.arange(width)
    known = np.minimum(places, len(signal) - 1)
    values = signal[known].mean(axis=1)
    scaled = np.clip(np.round(values * PER_MV), GAP + 1, -(GAP + 1))
    return np.where(np.isnan(scaled), GAP, scaled).astype(np.int16)


def _joined(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Return the pieces in runs, each of one stream and lead and without a hole."""
    runs: dict[tuple[str, str, str], list[list[Piece]]] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.first_tick, piece.number)):
        own = runs.setdefault((piece.patient, piece.source, piece.lead), [])
        if own and own[-1][-1].first_tick + len(own[-1][-1].samples) == piece.first_tick:
            own[-1].append(piece)
        else:
            own.append([piece])
    return [run for own in runs.values() for run in own]


def _shown(run: list[Piece]) -> dict[str, Any]:
    first = run[0]
    samples = np.concatenate([piece.samples for piece in run]).astype("<i2")
    return {
        "patient": first.patient,
        "source": first.source,
        "lead": first.lead,
        "start_ms": first.first_tick * TICK_MS,
        "samples": base64.b64encode(samples.tobytes()).decode(),
    }
