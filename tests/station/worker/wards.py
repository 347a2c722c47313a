"""A ward for tests of the worker: patients whose hearts beat, stop, or lose their leads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from signals.synthetic.catalogue import CASES
from station.ingest.commit import ClockRules, Post, store_posts
from station.ingest.frame import Record, encode
from station.ingest.parse import parse_post
from station.store.alarms import ALARMS
from station.store.engine import writing
from station.store.patients import add_patients
from station.store.sources import SOURCES, add_source
from station.store.streams import STREAMS
from station.store.watched import BEATS, GAPS, WINDOWS
from tests.station.watch.streams import synthetic

FS_HZ = 125
ZERO_MS = 1_800_000_000_000
ALWAYS = ClockRules(max_ahead_ms=10**13, max_age_ms=10**13)


def source_name(number: int) -> str:
    return f"strap-{number}"


def patient_name(number: int) -> str:
    return f"p-{number}"


def signal_of(number: int, seconds: int) -> NDArray[np.float32]:
    """Return two leads of a patient, (2, samples) mV. Each third heart stops, each third loses its
    leads for a while."""
    signal = synthetic(CASES["sinus"].heart, seconds, fs=FS_HZ, seed=number)
    first, last = (seconds // 3 * FS_HZ, (seconds // 3 + 9) * FS_HZ)
    if number % 3 == 0:
        signal[:, first:last] = 0.002 * np.sin(np.arange(last - first))
    elif number % 3 == 1:
        signal[:, first:last] = np.nan
    return signal


def records_of(number: int, seconds: int, zero_ms: int = ZERO_MS) -> list[Record]:
    """Return the records of a patient, one a second, in their order."""
    signal = signal_of(number, seconds)
    return [
        Record(
            source_name(number),
            second,
            patient_name(number),
            zero_ms + 1000 * second,
            float(FS_HZ),
            ("II", "V1"),
            np.ascontiguousarray(signal[:, second * FS_HZ : (second + 1) * FS_HZ]),
        )
        for second in range(seconds)
    ]


def ward_frames(
    patients: int, seconds: int, draw: random.Random, zero_ms: int = ZERO_MS
) -> list[bytes]:
    """Return the frames of a ward as they arrive: some swapped, some doubled, some missing."""
    of_patients = [records_of(number, seconds, zero_ms) for number in range(patients)]
    by_second = zip(*of_patients, strict=True)
    frames = [encode(record) for records in by_second for record in records]
    for place in range(len(frames) - patients):
        if draw.random() < 0.05:
            other = place + patients
            frames[place], frames[other] = frames[other], frames[place]
    frames = [frame for frame in frames if draw.random() > 0.005]
    for place in range(0, len(frames), 100):
        frames.insert(place, frames[max(place - 1, 0)])
    return frames


def register(engine: Engine, patients: int) -> None:
    with writing(engine) as connection:
        add_patients(connection, [patient_name(number) for number in range(patients)], ZERO_MS)
        for number in range(patients):
            add_source(connection, source_name(number), ZERO_MS)


def store(engine: Engine, frames: Sequence[bytes], received_ms: int = ZERO_MS) -> None:
    """Store frames as the front does."""
    parsed = parse_post(b"".join(frames), len(frames))
    with writing(engine) as connection:
        store_posts(connection, [Post(parsed, "tester", None, received_ms)], ALWAYS)


def found(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that watching has stored, as sets that two runs can be compared by."""
    alarm = (ALARMS.c.rule, ALARMS.c.since_ms, ALARMS.c.found_ms, ALARMS.c.ended_ms)
    columns: dict[str, Any] = {
        "beats": tuple(BEATS.c),
        "windows": tuple(WINDOWS.c),
        "gaps": tuple(GAPS.c),
        "alarms": (ALARMS.c.stream, *alarm, ALARMS.c.value, ALARMS.c.state),
    }
    with engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(*chosen))), key=repr)
            for name, chosen in columns.items()
        }


def found_by_source(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return what was found; streams have numbers that depend on who was first."""
    query = select(STREAMS.c.id, SOURCES.c.name).join(SOURCES)
    with engine.connect() as connection:
        names = {row.id: row.name for row in connection.execute(query)}
    return {
        name: sorted(((names[row[0]], *row[1:]) for row in rows), key=repr)
        for name, rows in found(engine).items()
    }
