"""How many records a second the station stores, acknowledged after the commit.

python -m benchmarks.station [--connections N ...] [--records N] [--per-post N]
python -m benchmarks.station --database URL --connections N [--records N] [--per-post N]

The station runs as a process of its own on the same cores as this generator. Every record of an
answer must be stored; the count in the database is compared at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from sqlalchemy import Engine, func, select

from access.key_file import add_key
from benchmarks.http_client import Connection, Target, request_bytes
from benchmarks.machine import machine
from benchmarks.station.posts import RECORD_MS, make_posts, patient_name, source_name
from benchmarks.station.running import children_cpu_s, running_station
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.patients import add_patients
from station.store.records import RECORDS
from station.store.sources import add_source

DEVICES: Final = 200
FRAMES: Final = "application/octet-stream"
OK: Final = 200
TOO_MANY: Final = 429
AGAIN_S: Final = 0.05


async def send_all(
    target: Target, key: str, gateways: list[list[bytes]]
) -> tuple[float, list[float], int]:
    """Send each gateway's posts on a connection of its own, each after the one before.

    Returns the seconds, each post's latency in ms, and the number of records acknowledged.
    """
    more = (f"X-API-Key: {key}",)
    latencies_ms: list[float] = []
    stored = 0

    async def send(posts: list[bytes]) -> None:
        nonlocal stored
        connection = Connection(target)
        for post in posts:
            request = request_bytes(target, "POST", "/station/v1/records", post, FRAMES, more)
            start_s = time.perf_counter()
            answer = await connection.send(request)
            while answer.status == TOO_MANY:
                await asyncio.sleep(AGAIN_S)
                answer = await connection.send(request)
            if answer.status != OK:
                raise SystemExit(f"{answer.status}: {answer.body.decode()}")
            latencies_ms.append((time.perf_counter() - start_s) * 1000)
            stored += orjson.loads(answer.body)["outcomes"].get("stored", 0)
        connection.close()

    start_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for posts in gateways:
            group.create_task(send(posts))
    return time.perf_counter() - start_s, latencies_ms, stored


def measure(database: str, connections: int, records: int, per_post: int) -> str:
    """Return a row of the table."""
    with tempfile.TemporaryDirectory(prefix="station-benchmark-") as name:
        folder = Path(name)
        url = database or f"sqlite:///{folder}/station.db"
        key = add_key(folder / "keys.json", "gateway", ["ingest"])
        engine = open_engine(url)
        now_ms = time.time_ns() // 1_000_000
        devices = range(DEVICES // connections * connections)
        _register(engine, devices, now_ms)
        # So long ago that none of the times is ahead of the clock.
        start_ms = now_ms - records // len(devices) * RECORD_MS - RECORD_MS
        share = records // connections
        gateways = [
            make_posts(share, per_post, devices[first::connections], start_ms)
            for first in range(connections)
        ]
        cpu_before_s = children_cpu_s()
        with running_station(url, folder / "keys.json", folder / "log") as target:
            seconds, latencies_ms, stored = asyncio.run(send_all(target, key, gateways))
        cpu_s = children_cpu_s() - cpu_before_s
        with engine.connect() as connection:
            found = connection.execute(select(func.count()).select_from(RECORDS)).scalar_one()
        engine.dispose()
    sent = share * connections
    if not stored == found == sent:
        raise SystemExit(f"{sent} sent, {stored} acknowledged as stored, {found} in the database")
    p50_ms, p99_ms = np.percentile(latencies_ms, (50, 99))
    rate = f"{sent / seconds:,.0f} | {p50_ms:.0f} | {p99_ms:.0f}"
    return f"| {connections} | {rate} | {1e6 * cpu_s / sent:.0f} |"


def _register(engine: Engine, devices: range, now_ms: int) -> None:
    migrate(engine)
    with writing(engine) as connection:
        for number in devices:
            add_source(connection, source_name(number), now_ms)
        add_patients(connection, [patient_name(number) for number in devices], now_ms)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.station", description=__doc__)
    parser.add_argument(
        "--database",
        default="",
        help="an empty one, for one number of connections; default: a new file of SQLite for each",
    )
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 32])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--per-post", type=int, default=100)
    options = parser.parse_args()
    if options.database and len(options.connections) != 1:
        parser.error("--database is filled by one measurement: give one number to --connections")
    print(machine("SQLAlchemy", "uvicorn", "numpy"))
    print(f"{options.records} records, {options.per_post} a post, {DEVICES} devices")
    print("| connections | records/s | p50, ms | p99, ms | CPU of the station, µs a record |")
    print("|---|---|---|---|---|")
    for connections in options.connections:
        print(measure(options.database, connections, options.records, options.per_post), flush=True)


if __name__ == "__main__":
    main()
