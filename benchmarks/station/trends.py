"""How fast the trends of a patient's day are read, from a database with many patients' windows.

python -m benchmarks.station.trends [--database URL] [--patients N]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Final

import numpy as np
from sqlalchemy import Engine, insert, literal, select, text

from benchmarks.machine import machine
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.patients import add_patients
from station.store.sources import add_source
from station.store.streams import StreamState, add_stream
from station.store.trends import trend
from station.store.watched import WINDOWS, add_windows
from station.times import DAY_MS, SECOND_MS
from station.watch.outputs import Window
from station.watch.windows import HOP_S, WINDOW_S

BEGIN_MS: Final = 1_800_000_000_000
HOP_MS, WINDOW_MS = HOP_S * SECOND_MS, WINDOW_S * SECOND_MS
# Of the page: 480 bins.
BIN_MS: Final = 180_000
READS: Final = 500
MS_PER_NS: Final = 1e-6


def window(place: int) -> Window:
    start_ms = BEGIN_MS + place * HOP_MS
    beats = (10, 0, place % 7 // 6, 0, 0)
    return Window(1, start_ms, start_ms + WINDOW_MS, 1.0, 60.0 + place % 40, beats, False)


def fill(engine: Engine, patients: int) -> None:
    """Store a day of each patient: the first one's windows, copied for the others."""
    with writing(engine) as connection:
        add_source(connection, "strap", BEGIN_MS)
        add_patients(connection, [f"p-{number}" for number in range(patients)], BEGIN_MS)
        for number in range(patients):
            state = StreamState(0, 1, number + 1, 1, BEGIN_MS, BEGIN_MS)
            add_stream(connection, state)
        add_windows(connection, map(window, range(DAY_MS // HOP_MS)))
    columns = [column for column in WINDOWS.c if column.name != "stream"]
    for stream in range(2, patients + 1):
        copied = select(literal(stream), *columns).where(WINDOWS.c.stream == 1)
        with writing(engine) as connection:
            connection.execute(insert(WINDOWS).from_select(list(WINDOWS.c.keys()), copied))
    # As a database that has run for a while: the planner knows its tables.
    with writing(engine) as connection:
        connection.execute(text("ANALYZE"))


def read(engine: Engine, patients: int) -> tuple[list[float], list[float]]:
    """Return wall time and this process's CPU time of each read, in ms."""
    wall, cpu = [], []
    for number in range(READS):
        with engine.connect() as connection:
            start = time.perf_counter_ns(), time.thread_time_ns()
            rows = trend(
                connection,
                number % patients + 1,
                from_ms=BEGIN_MS,
                to_ms=BEGIN_MS + DAY_MS,
                bin_ms=BIN_MS,
            )
            wall.append((time.perf_counter_ns() - start[0]) * MS_PER_NS)
            cpu.append((time.thread_time_ns() - start[1]) * MS_PER_NS)
        assert len(rows) == DAY_MS // BIN_MS
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", help="an empty database; by default SQLite in a folder")
    parser.add_argument("--patients", type=int, default=100)
    options = parser.parse_args()
    print(machine("sqlalchemy"))
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(options.database or f"sqlite:///{folder}/station.db")
        migrate(engine)
        fill(engine, options.patients)
        wall, cpu = read(engine, options.patients)
        print(f"{engine.dialect.name}, {options.patients} patients, {READS} days read\n")
        print("| | p50, ms | p99, ms |\n|---|---|---|")
        for name, ms in (("wall", wall), ("CPU of the station", cpu)):
            print(f"| {name} | {np.median(ms):.1f} | {np.percentile(ms, 99):.1f} |")
        engine.dispose()


if __name__ == "__main__":
    main()
