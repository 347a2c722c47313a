"""The signal of any stretch of time, put together from a patient's records."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from errors import RecordingTooLong
from station.store.encoding import DTYPES, INT16, INT16_GAP, MAX_RECORD_S, STRETCH
from station.store.records import RECORDS
from station.store.sources import SOURCES
from station.store.tables import AnyRow
from station.store.unread import StoredRecord
from station.times import SECOND_MS

# Times are whole milliseconds: a record that begins this close to its predecessor's end follows it.
JOIN_MS: Final = 2.0
# Of an answer, gaps included: 12 leads at 500 Hz for 5.5 minutes, one at 125 Hz for 4.4 hours.
MAX_SAMPLES: Final = 2_000_000
# Records that are read at once; a record has up to 1 MiB.
ROWS_AT_ONCE: Final = 32


@dataclass(frozen=True, eq=False, kw_only=True)
class Waveform:
    """The signal of one source with one rate and one set of leads.

    source    its name
    start_ms  time of the first sample, the start of the stretch at the earliest
    leads     names
    signal    (leads, samples) float32, mV; NaN for gaps
    """

    source: str
    start_ms: int
    fs_hz: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32]


def waveforms(
    connection: Connection, patient_id: int, *, from_ms: int, to_ms: int
) -> list[Waveform]:
    """Return a patient's signal in [from_ms, to_ms), for each source, rate and set of leads.

    Raises RecordingTooLong for more than MAX_SAMPLES in all, before it has read many more.
    """
    query = (
        select(
            SOURCES.c.name.label("source"),
            RECORDS.c.device_ms,
            RECORDS.c.fs_hz,
            RECORDS.c.leads,
            RECORDS.c.encoding,
            RECORDS.c.gain,
            RECORDS.c.samples,
        )
        .join(SOURCES)
        .where(
            RECORDS.c.patient_id == patient_id,
            RECORDS.c.kind == STRETCH,
            RECORDS.c.device_ms >= from_ms - MAX_RECORD_S * SECOND_MS,
            RECORDS.c.device_ms < to_ms,
            RECORDS.c.end_ms > from_ms,
        )
        .order_by(RECORDS.c.device_ms, RECORDS.c.number)
    )
    with connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}) as rows:
        return put_together(rows, from_ms=from_ms, to_ms=to_ms)


def put_together(rows: Iterable[AnyRow], *, from_ms: int, to_ms: int) -> list[Waveform]:
    """Return the signal in [from_ms, to_ms) of stretches of signal, which are in order of time.

    Raises RecordingTooLong.
    """
    streams: dict[tuple[str, float, str], _Stream] = {}
    kept = 0
    for row in rows:
        key = (row.source, row.fs_hz, row.leads)
        if key not in streams:
            streams[key] = _Stream(row, from_ms=from_ms, to_ms=to_ms)
        kept += streams[key].add(row)
        _check(kept)
    _check(sum(stream.samples for stream in streams.values()))
    return [stream.waveform() for stream in streams.values() if stream.samples]


def part_of(waveform: Waveform) -> dict[str, Any]:
    """Return a signal as answers have it, for orjson, which writes NaN as null."""
    return {
        "source": waveform.source,
        "start_ms": waveform.start_ms,
        "fs": waveform.fs_hz,
        "leads": waveform.leads,
        "signal": np.ascontiguousarray(waveform.signal),
    }


def _check(samples: int) -> None:
    if samples > MAX_SAMPLES:
        raise RecordingTooLong(
            f"to_ms: more than {MAX_SAMPLES} samples, gaps included; ask for a shorter stretch",
            loc=("query", "to_ms"),
        )


class _Stream:
    """The records of one source with one rate and one set of leads, on the grid of the first one.

    The grid's place 0 is the first record's first sample. Kept is what lies in the stretch.
    """

    def __init__(self, row: AnyRow, *, from_ms: int, to_ms: int) -> None:
        self._source, self._fs_hz = row.source, row.fs_hz
        self._leads = tuple(row.leads.split(","))
        self._begin_ms = row.device_ms
        self._first = max(0, math.ceil(self._place(from_ms)))
        self._last = math.ceil(self._place(to_ms))
        self._end = 0  # of the record before
        self._stop = self._first
        self._parts: list[tuple[int, NDArray[np.float32]]] = []

    def _place(self, time_ms: int) -> float:
        return float((time_ms - self._begin_ms) * self._fs_hz / SECOND_MS)

    def add(self, row: AnyRow) -> int:
        """Place a record, and return how many of its samples are kept."""
        samples = millivolts(row)
        place = round(self._place(row.device_ms))
        if abs(place - self._end) <= math.ceil(JOIN_MS * self._fs_hz / SECOND_MS):
            place = self._end
        self._end = place + samples.shape[1]
        first, last = max(place, self._first), min(self._end, self._last)
        if first >= last:
            return 0
        part = samples[:, first - place : last - place]
        # A copy, where the whole record would be kept for a part of it.
        self._parts.append((first, part if part.size == samples.size else part.copy()))
        self._stop = max(self._stop, last)
        return part.size

    @property
    def samples(self) -> int:
        return len(self._leads) * (self._stop - self._first)

    def waveform(self) -> Waveform:
        shape = (len(self._leads), self._stop - self._first)
        return Waveform(
            source=self._source,
            start_ms=self._begin_ms + round(self._first * SECOND_MS / self._fs_hz),
            fs_hz=self._fs_hz,
            leads=self._leads,
            signal=_joined(self._parts, shape, self._first),
        )


def _joined(
    parts: Iterable[tuple[int, NDArray[np.float32]]], shape: tuple[int, int], first: int
) -> NDArray[np.float32]:
    """Return (leads, samples) with the parts at their places, which count from `first`."""
    signal = np.full(shape, np.nan, np.float32)
    for place, part in parts:
        signal[:, place - first : place - first + part.shape[1]] = part
    return signal


def millivolts(row: AnyRow | StoredRecord) -> NDArray[np.float32]:
    """Return a record's samples: (leads, samples) float32, mV; NaN for gaps."""
    values: NDArray[Any] = np.frombuffer(row.samples, DTYPES[row.encoding])
    values = values.reshape(row.leads.count(",") + 1, -1)
    signal: NDArray[np.float32] = values.astype(np.float32) / np.float32(row.gain)
    if row.encoding == INT16:
        signal[values == INT16_GAP] = np.nan
    return signal
