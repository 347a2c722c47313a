"""How fast the station answers about one of millions of patients, who has a year of records.

python -m benchmarks.station.history [--database URL] [--patients N] [--records N]

The station runs as a process of its own; the requests come one after another over one connection.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from access.key_file import add_key
from benchmarks.http_client import Connection, Target, request_bytes
from benchmarks.machine import machine
from benchmarks.station.filled import (
    DAYS,
    PATIENT_OF_HISTORY,
    add_history,
    add_patients_fast,
    name_of,
    records_of_day,
)
from benchmarks.station.posts import RECORD_MS
from benchmarks.station.running import running_station
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.patients import add_patients, patient_ids
from station.store.sources import add_source
from station.times import DAY_MS, SECOND_MS

REQUESTS: Final = 1000
STRETCH_MS: Final = 10 * SECOND_MS
LAST: Final = 50
OK: Final = 200
Ask = Callable[[np.random.Generator], str]
Check = Callable[[Any], bool]


async def measure(target: Target, key: str, ask: Ask, check: Check) -> tuple[float, float]:
    """Return the median and the 99th percentile of the answers' times, ms."""
    draw = np.random.default_rng(0)
    connection = Connection(target)
    times_ms = []
    for _ in range(REQUESTS):
        path = f"/station/v1/patients/{ask(draw)}"
        request = request_bytes(target, "GET", path, more=(f"X-API-Key: {key}",))
        start_s = time.perf_counter()
        answer = await connection.send(request)
        times_ms.append((time.perf_counter() - start_s) * 1000)
        if answer.status != OK or not check(orjson.loads(answer.body)):
            raise SystemExit(f"{path}: {answer.status}, {answer.body[:200].decode()}")
    connection.close()
    p50_ms, p99_ms = np.percentile(times_ms, (50, 99))
    return float(p50_ms), float(p99_ms)


def questions(patients: int, records: int, end_ms: int) -> dict[str, tuple[Ask, Check]]:
    """Return what is asked, and what an answer must have."""
    a_day = records_of_day(records)
    first_ms = end_ms - DAYS * DAY_MS
    whole_days = records // a_day

    def patient(draw: np.random.Generator) -> str:
        return name_of(int(draw.integers(0, patients)))

    def last(draw: np.random.Generator) -> str:
        to_ms = first_ms + int(draw.integers(1, whole_days + 1)) * DAY_MS
        times = f"from_ms={first_ms}&to_ms={to_ms}"
        return f"{PATIENT_OF_HISTORY}/records?{times}&limit={LAST}&order=newest"

    def stretch(draw: np.random.Generator) -> str:
        in_day_ms = int(draw.integers(0, a_day * RECORD_MS - STRETCH_MS))
        from_ms = first_ms + int(draw.integers(0, whole_days)) * DAY_MS + in_day_ms
        return f"{PATIENT_OF_HISTORY}/waveform?from_ms={from_ms}&to_ms={from_ms + STRETCH_MS}"

    return {
        "a patient by name": (patient, lambda found: "birth_year" in found),
        f"the last {LAST} records before a time": (
            last,
            lambda found: len(found["records"]) == LAST,
        ),
        "a waveform of 10 s": (
            stretch,
            lambda found: len(found["waveforms"][0]["signal"][0]) == STRETCH_MS // 8,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.station.history", description=__doc__
    )
    parser.add_argument("--database", default="", help="an empty one; default: a file of SQLite")
    parser.add_argument("--patients", type=int, default=5_000_000)
    parser.add_argument("--records", type=int, default=5_000_000)
    options = parser.parse_args()
    print(machine("SQLAlchemy", "uvicorn"))
    now_ms = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(prefix="station-history-") as name:
        folder = Path(name)
        url = options.database or f"sqlite:///{folder}/station.db"
        key = add_key(folder / "keys.json", "ward", ["ward"])
        engine = open_engine(url)
        migrate(engine)
        seconds = add_patients_fast(engine, options.patients, now_ms)
        print(f"{options.patients} patients made in {seconds:.0f} s", flush=True)
        with writing(engine) as connection:
            add_patients(connection, [PATIENT_OF_HISTORY], now_ms)
            patient = patient_ids(connection, [PATIENT_OF_HISTORY])[PATIENT_OF_HISTORY]
            add_source(connection, "wearable", now_ms)
        seconds = add_history(engine, 1, patient, options.records, now_ms)
        print(f"{options.records} records of one patient made in {seconds:.0f} s", flush=True)
        engine.dispose()
        with running_station(url, folder / "keys.json", folder / "log", roles="web") as target:
            print("| question | p50, ms | p99, ms |\n|---|---|---|")
            asked = questions(options.patients, options.records, now_ms)
            for what, (ask, check) in asked.items():
                p50_ms, p99_ms = asyncio.run(measure(target, key, ask, check))
                print(f"| {what} | {p50_ms:.1f} | {p99_ms:.1f} |", flush=True)


if __name__ == "__main__":
    main()
