"""How fast patients are imported from CSV, and looked up in batches by the names of records.

python -m benchmarks.station.patients [--database URL] [--rows N]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Engine

from benchmarks.machine import machine
from station.patients.csv_form import rows_of_csv
from station.patients.importing import import_rows
from station.patients.merge import Counts, Fault
from station.store.engine import open_engine
from station.store.migrate import migrate
from station.store.patients import patient_ids

PIECE_BYTES: Final = 1024 * 1024
BATCH: Final = 500
BATCHES: Final = 2000
SHARE_CHANGED: Final = 0.1  # of the second import


def name_of(number: int) -> str:
    """Return the names in no order, as hospitals' numbers come: a bijection of 32-bit numbers."""
    return f"p-{(number * 2_654_435_761) % 2**32:08x}"


def write_table(path: Path, rows: int, year: int) -> None:
    """Write a table of which the second year changes a part."""
    with path.open("w") as file:
        file.write("name,sex,birth_year,notes,rate_low,rate_high\n")
        for number in range(rows):
            born = year if number % round(1 / SHARE_CHANGED) == 0 else 1950
            sex = ("female", "male")[number % 2]
            file.write(f"{name_of(number)},{sex},{born},bed {number % 40},45,120\n")


def import_table(engine: Engine, path: Path) -> tuple[Counts, float]:
    """Return what became of the rows, and the seconds."""

    def stop(fault: Fault) -> None:
        raise SystemExit(f"line {fault.place}: {fault.reason}")

    start_s = time.perf_counter()
    with path.open("rb") as file:
        pieces = iter(lambda: file.read(PIECE_BYTES), b"")
        counts = import_rows(engine, rows_of_csv(pieces), stop)
    return counts, time.perf_counter() - start_s


def look_up(engine: Engine, rows: int) -> tuple[float, float, float]:
    """Return look-ups a second, and the median and 99th percentile of a batch in ms."""
    draw = np.random.default_rng(0)
    numbers = draw.integers(0, rows, (BATCHES, BATCH)).tolist()
    batches = [{name_of(number) for number in row} for row in numbers]
    times_s = []
    for names in batches:
        with engine.connect() as connection:
            start_s = time.perf_counter()
            found = patient_ids(connection, names)
            times_s.append(time.perf_counter() - start_s)
        assert found.keys() == names
    p50_s, p99_s = np.percentile(times_s, (50, 99))
    return sum(map(len, batches)) / sum(times_s), 1000 * p50_s, 1000 * p99_s


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.station.patients", description=__doc__
    )
    parser.add_argument("--database", default="", help="an empty one; default: a file of SQLite")
    parser.add_argument("--rows", type=int, default=5_000_000)
    options = parser.parse_args()
    print(machine("SQLAlchemy"))
    with tempfile.TemporaryDirectory(prefix="station-patients-") as name:
        folder = Path(name)
        engine = open_engine(options.database or f"sqlite:///{folder}/station.db")
        migrate(engine)
        print("| what | patients/s | |\n|---|---|---|")
        for year, what in ((1950, "new"), (1951, "a tenth changed")):
            write_table(folder / "patients.csv", options.rows, year)
            counts, seconds = import_table(engine, folder / "patients.csv")
            found = f"{counts.added} added, {counts.changed} changed, {counts.unchanged} unchanged"
            print(f"| import, {what} | {counts.rows / seconds:,.0f} | {found} |", flush=True)
        rate, p50_ms, p99_ms = look_up(engine, options.rows)
        times = f"a batch of {BATCH}: p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms"
        print(f"| look-up by name | {rate:,.0f} | {times} |")
        engine.dispose()


if __name__ == "__main__":
    main()
