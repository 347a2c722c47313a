"""A watched ward whose records are old, and what of it is in the archive and in the database."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from station.archive.moving import Mover
from station.archive.place import Place
from station.ingest.frame import encode
from station.store.archive.datasets import ALL
from station.store.archive.files import ARCHIVE_FILES, WRITING
from station.store.dead_letters import DeadLetter, add_dead_letters
from station.store.engine import writing
from station.store.external.labels import WindowLabels, add_labels
from station.store.tables import AnyRow
from station.store.watched import WINDOWS
from station.times import DAY_MS
from station.watch.step import Watch
from station.worker.log import LogReader
from station.worker.parts import Parts, Rules
from tests.station.frames import record
from tests.station.worker.wards import ZERO_MS, register, store, ward_frames

PATIENTS = 3
SECONDS = 40
BEATS = 60
DEAD_LETTERS = 7
KEEP_MS = {dataset.name: 30 * DAY_MS for dataset in ALL}
# When the ward has been silent for two months.
LATER_MS = ZERO_MS + 60 * DAY_MS
Rows = dict[str, set[tuple[Any, ...]]]


def each_third_ventricular(samples: NDArray[np.float32], *_: object) -> NDArray[np.float64]:
    found = np.tile([1.0, 0, 0, 0, 0], (len(samples), 1))
    found[::3] = [0, 0, 1.0, 0, 0]
    return found


PARTS = Parts(
    Watch,
    each_third_ventricular,
    Rules(
        no_data_ms=10**12,
        stream_end_ms=10**12,
        escalate_after_ms=60_000,
        receivers=1,
        ventricular_beats_per_min=None,
    ),
)


def beats(first: int, count: int, at_ms: int = ZERO_MS) -> list[bytes]:
    """Return frames of single beats of the first patient."""
    draw = np.random.default_rng(first)
    return [
        encode(
            record(
                10_000 + seq,
                source="strap-0",
                patient="p-0",
                device_ms=at_ms + 1000 * seq,
                fs_hz=125.0,
                kind=1,
                leads=("ECG1",),
                samples=draw.random((1, 187)).astype(np.float32),
                gain=1.0,
            )
        )
        for seq in range(first, first + count)
    ]


def make_ward(engine: Engine) -> None:
    register(engine, PATIENTS)
    store(engine, ward_frames(PATIENTS, SECONDS, random.Random(0)))
    store(engine, beats(0, BEATS))
    letter = DeadLetter(ZERO_MS, "gateway", "strap-0", None, None, "corrupt", "no frame", b"ECGX")
    with writing(engine) as connection:
        add_dead_letters(connection, [letter] * DEAD_LETTERS)
    watch(engine)
    with writing(engine) as connection:
        windows = connection.execute(select(WINDOWS)).all()
        add_labels(connection, [labels_of(window) for window in windows])


def labels_of(window: AnyRow) -> WindowLabels:
    times = (window.stream, window.start_ms, window.end_ms)
    return WindowLabels(*times, None, None, None, "too_short", window.end_ms)


def watch(engine: Engine) -> None:
    reader = LogReader(engine, PARTS)
    while reader.turn():
        pass
    reader.session.close()


def mover(engine: Engine, folder: Path) -> Mover:
    return Mover(engine, Place(str(folder)), KEEP_MS, 7 * DAY_MS)


def stored(engine: Engine) -> Rows:
    """Return the rows of each dataset that the database has, as the archive would have them."""
    with engine.connect() as connection:
        return {dataset.name: set(map(tuple, connection.execute(dataset.rows))) for dataset in ALL}


def archived(engine: Engine, folder: Path) -> Rows:
    """Return the rows of each dataset in verified files."""
    query = select(ARCHIVE_FILES.c.path, ARCHIVE_FILES.c.dataset)
    found: Rows = {dataset.name: set() for dataset in ALL}
    with engine.connect() as connection:
        for row in connection.execute(query.where(ARCHIVE_FILES.c.state != WRITING)):
            rows = {tuple(each.values()) for each in pq.read_table(folder / row.path).to_pylist()}
            assert not rows & found[row.dataset], "a row is in two files"
            found[row.dataset] |= rows
    return found


def joined(first: Rows, second: Rows) -> Rows:
    return {name: rows | second[name] for name, rows in first.items()}


def archive_file(dataset: str, first_ms: int, last_ms: int, path: str) -> dict[str, object]:
    """Return the row of a file of the archive, which nobody reads."""
    sizes = {"rows": 100, "bytes": 1000, "sha256": "", "last_key": 100, "written_ms": last_ms}
    return {"dataset": dataset, "path": path, "first_ms": first_ms, "last_ms": last_ms} | sizes
