"""The signal of any stretch of time, put together from a patient's records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from errors import RecordingTooLong
from station.store.encoding import DTYPES, INT16, INT16_GAP, MAX_RECORD_S, STRETCH
from station.store.records import RECORDS

SECOND_MS: Final = 1000
# Times are whole milliseconds: a record that begins this close to its predecessor's end follows it.
JOIN_MS: Final = 2.0
MAX_SAMPLES: Final = 20_000_000  # of an answer: 12 leads at 500 Hz for almost an hour


@dataclass(frozen=True, eq=False)
class Waveform:
    """The signal of one source with one rate and one set of leads.

    start_ms  time of the first sample, the start of the stretch at the earliest
    leads     names
    signal    (leads, samples) float32, mV; NaN for gaps
    """

    source_id: int
    start_ms: int
    fs_hz: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32]


def waveforms(
    connection: Connection, patient_id: int, from_ms: int, to_ms: int, *, kind: int = STRETCH
) -> list[Waveform]:
    """Return a patient's signal in [from_ms, to_ms), for each source, rate and set of leads.

    kind  of the records: STRETCH or BEAT
    Raises RecordingTooLong.
    """
    rows = connection.execute(
        select(RECORDS)
        .where(
            RECORDS.c.patient_id == patient_id,
            RECORDS.c.kind == kind,
            RECORDS.c.device_ms >= from_ms - MAX_RECORD_S * SECOND_MS,
            RECORDS.c.device_ms < to_ms,
            RECORDS.c.end_ms > from_ms,
        )
        .order_by(RECORDS.c.device_ms, RECORDS.c.number)
    )
    streams: dict[tuple[int, float, str], list[Row[Any]]] = {}
    samples = 0
    for row in rows:
        samples += len(row.samples)
        if samples > 2 * MAX_SAMPLES:  # two bytes a sample at least
            raise RecordingTooLong("to: too many samples; ask for a shorter stretch")
        streams.setdefault((row.source_id, row.fs_hz, row.leads), []).append(row)
    return [_joined(*stream, rows, from_ms, to_ms) for stream, rows in streams.items()]


def _joined(
    source_id: int, fs_hz: float, leads: str, rows: list[Row[Any]], from_ms: int, to_ms: int
) -> Waveform:
    """Place the records of one stream on one grid, which begins with the first of them."""
    names = tuple(leads.split(","))
    begin_ms = rows[0].device_ms
    skipped = max(0, math.ceil((from_ms - begin_ms) * fs_hz / SECOND_MS))
    last_ms = min(to_ms, max(row.end_ms for row in rows))
    stop = math.ceil((last_ms - begin_ms) * fs_hz / SECOND_MS)
    if len(names) * (stop - skipped) > MAX_SAMPLES:
        raise RecordingTooLong("to: too many samples; ask for a shorter stretch")
    signal = np.full((len(names), max(stop - skipped, 0)), np.nan, np.float32)
    end = 0
    for row in rows:
        samples = millivolts(row)
        place = round((row.device_ms - begin_ms) * fs_hz / SECOND_MS)
        if abs(place - end) <= math.ceil(JOIN_MS * fs_hz / SECOND_MS):
            place = end
        end = place + samples.shape[1]
        _place(signal, samples, place - skipped)
    start_ms = begin_ms + round(skipped * SECOND_MS / fs_hz)
    return Waveform(source_id, start_ms, fs_hz, names, signal)


def _place(signal: NDArray[np.float32], samples: NDArray[np.float32], at: int) -> None:
    """Write the part of the samples that lies within the signal."""
    first, last = max(at, 0), min(at + samples.shape[1], signal.shape[1])
    if first < last:
        signal[:, first:last] = samples[:, first - at : last - at]


def millivolts(row: Row[Any]) -> NDArray[np.float32]:
    """Return a record's samples: (leads, samples) float32, mV; NaN for gaps."""
    values: NDArray[Any] = np.frombuffer(row.samples, DTYPES[row.encoding])
    values = values.reshape(row.leads.count(",") + 1, -1)
    signal: NDArray[np.float32] = values.astype(np.float32) / np.float32(row.gain)
    if row.encoding == INT16:
        signal[values == INT16_GAP] = np.nan
    return signal
