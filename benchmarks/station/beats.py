"""E-Monitor's path: records of single beats in, classed, joined with their patients, problems out.

python -m benchmarks.station.beats --data DATA [--database URL] [--patients N] [--rate N]
                                   [--seconds N] [--devices N]

DATA holds `mitbih/beats.npz`: beats of 22 patients of MIT-BIH, which are drawn in the shares that
the classes have in Kaggle's mitbih_train.csv. Devices of some of the patients send a record a
second each, through gateways that post what they have collected; a client listens to the events.
The station and this generator run on the same cores. The time of a problem is that from the last
sample of its record to its event at the client, so it includes the wait at the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select

from access.key_file import add_key
from benchmarks.http_client import Connection, Target, request_bytes
from benchmarks.machine import machine
from benchmarks.station.filled import add_patients_fast, name_of
from benchmarks.station.posts import RECORD_MS, source_name
from benchmarks.station.running import children_cpu_s, running_station
from station.ingest.frame import BEAT_FS_HZ, CRC, HEADER, Record, encode
from station.store.beat_records import BEAT_LABELS, PROBLEMS
from station.store.encoding import BEAT
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.records import RECORDS
from station.store.sources import add_source
from station.store.ward import watching

GATEWAYS: Final = 32
PER_POST: Final = 100
FRAMES: Final = "application/octet-stream"
OK: Final = 200
TOO_MANY: Final = 429
AGAIN_S: Final = 0.05
# N, S, V, F, Q in Kaggle's mitbih_train.csv (87,554 rows).
SHARES: Final = (72_471, 2_223, 5_788, 641, 6_431)
WAIT_S: Final = 60.0  # for the events after the last post


@dataclass
class Sent:
    """acknowledged: records; latencies_ms: of posts; late_s: of the post that was latest."""

    acknowledged: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    late_s: float = 0.0


class Gateway:
    """Devices, each of one patient, whose records are posted together."""

    def __init__(self, devices: range, patients: NDArray[np.int64], beats: list[bytes]) -> None:
        template = encode(
            Record("x", 0, "x", 0, BEAT_FS_HZ, ["ECG1"], np.zeros((1, 187), np.float32), kind=BEAT)
        )
        self._header = np.repeat(np.frombuffer(template[: HEADER.itemsize], HEADER), len(devices))
        self._header["source"] = [source_name(number).encode() for number in devices]
        self._header["patient"] = [name_of(int(patients[number])).encode() for number in devices]
        self._beats = beats
        self._draw = np.random.default_rng(devices.start)
        self._at = 0

    def post(self, now_ms: int, interval_ms: float) -> bytes:
        """Return the next records: their last samples came within the interval before now."""
        places = np.arange(self._at, self._at + PER_POST) % len(self._header)
        self._at += PER_POST
        self._header["seq"][places] += 1
        header = self._header[places]
        ends_ms = now_ms - (interval_ms * np.arange(PER_POST)[::-1] / PER_POST).astype(np.int64)
        header["device_ms"] = ends_ms - RECORD_MS
        chosen = self._draw.integers(0, len(self._beats), PER_POST)
        frames = [
            head.tobytes() + self._beats[which]
            for head, which in zip(header, chosen.tolist(), strict=True)
        ]
        return b"".join(frame + CRC.pack(zlib.crc32(frame)) for frame in frames)


@dataclass
class Listener:
    """A client of the events; `seen`: record -> ms from the record's last sample to its event."""

    target: Target
    key: str
    seen: dict[int, int] = field(default_factory=dict)
    doubled: int = 0

    async def run(self, connected: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection(self.target.host, self.target.port)
        path = "/station/v1/events?kinds=problem"
        writer.write(request_bytes(self.target, "GET", path, more=(f"X-API-Key: {self.key}",)))
        async for line in reader:
            if not line.startswith(b"data: "):
                continue
            data = orjson.loads(line[6:])
            if "record" not in data:
                connected.set()
                continue
            self.doubled += data["record"] in self.seen
            ended_ms = data["at_ms"] + RECORD_MS
            self.seen[data["record"]] = time.time_ns() // 1_000_000 - ended_ms
        raise SystemExit("the events have ended")


async def send(
    target: Target, key: str, gateways: list[Gateway], rate: float, seconds: float
) -> Sent:
    """Post records at a rate, spread evenly over gateways and time."""
    sent = Sent()
    interval_s = len(gateways) * PER_POST / rate
    start_s = time.perf_counter() + 0.5

    async def run(place: int, gateway: Gateway) -> None:
        connection = Connection(target)
        due_s = start_s + interval_s * place / len(gateways)
        while due_s < start_s + seconds:
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            sent.late_s = max(sent.late_s, time.perf_counter() - due_s)
            body = gateway.post(time.time_ns() // 1_000_000, interval_s * 1000)
            await _post(target, key, connection, body, sent)
            due_s += interval_s
        connection.close()

    async with asyncio.TaskGroup() as group:
        for place, gateway in enumerate(gateways):
            group.create_task(run(place, gateway))
    return sent


async def _post(target: Target, key: str, connection: Connection, body: bytes, sent: Sent) -> None:
    more = (f"X-API-Key: {key}",)
    request = request_bytes(target, "POST", "/station/v1/records", body, FRAMES, more)
    begun_s = time.perf_counter()
    answer = await connection.send(request)
    while answer.status == TOO_MANY:
        await asyncio.sleep(AGAIN_S)
        answer = await connection.send(request)
    if answer.status != OK:
        raise SystemExit(f"{answer.status}: {answer.body.decode()}")
    sent.latencies_ms.append((time.perf_counter() - begun_s) * 1000)
    sent.acknowledged += orjson.loads(answer.body)["outcomes"].get("stored", 0)


async def run(
    target: Target, keys: dict[str, str], gateways: list[Gateway], options: Any, engine: Engine
) -> tuple[Sent, Listener]:
    listener = Listener(target, keys["ward"])
    connected = asyncio.Event()
    listening = asyncio.create_task(listener.run(connected))
    await connected.wait()
    while not await asyncio.to_thread(_is_watching, engine):
        await asyncio.sleep(0.1)
    sent = await send(target, keys["ingest"], gateways, options.rate, options.seconds)
    give_up_s = time.perf_counter() + WAIT_S
    while time.perf_counter() < give_up_s:
        classed, problems = await asyncio.to_thread(_counts, engine)
        if classed == sent.acknowledged and problems == len(listener.seen):
            break
        await asyncio.sleep(0.2)
    listening.cancel()
    return sent, listener


def _is_watching(engine: Engine) -> bool:
    """Return whether the process that watches has started."""
    with engine.connect() as connection:
        return watching(connection).heartbeat_ms is not None


def _counts(engine: Engine) -> tuple[int, int]:
    """Return the numbers of classes and of problems in the database."""
    with engine.connect() as connection:
        return (
            connection.execute(select(func.count()).select_from(BEAT_LABELS)).scalar_one(),
            connection.execute(select(func.count()).select_from(PROBLEMS)).scalar_one(),
        )


def beats_of(data: Path) -> list[bytes]:
    """Return the samples of beats, so many of each class that it has its share."""
    packed = np.load(data / "mitbih" / "beats.npz")
    samples, classes = packed["x"].astype(np.float32) / 255, packed["y"]
    draw = np.random.default_rng(0)
    beats: list[bytes] = []
    for number, share in enumerate(np.array(SHARES) / sum(SHARES)):
        own = np.flatnonzero(classes == number)
        for place in draw.choice(own, round(5000 * share)):
            beats.append(samples[place].tobytes())
    return beats


def prepare(engine: Engine, patients: int, devices: int) -> None:
    now_ms = time.time_ns() // 1_000_000
    migrate(engine)
    seconds = add_patients_fast(engine, patients, now_ms)
    print(f"{patients} patients made in {seconds:.0f} s", flush=True)
    with writing(engine) as connection:
        for number in range(devices):
            add_source(connection, source_name(number), now_ms)


def print_result(sent: Sent, listener: Listener, engine: Engine, cpu_s: float, rate: int) -> None:
    classed, problems = _counts(engine)
    with engine.connect() as connection:
        stored = connection.execute(select(func.count()).select_from(RECORDS)).scalar_one()
    p50_ms, p99_ms = np.percentile(sent.latencies_ms, (50, 99))
    print(
        f"{sent.acknowledged} records acknowledged as stored, {stored} in the database, {classed} "
        f"classed; {problems} problems, {len(listener.seen)} heard, {listener.doubled} twice"
    )
    print(
        f"{rate}/s; posts: p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms, the latest begun "
        f"{sent.late_s:.2f} s late"
    )
    heard_ms = np.array(list(listener.seen.values()))
    p50_ms, p99_ms, most_ms = np.percentile(heard_ms, (50, 99, 100))
    print(
        f"last sample to event: p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms, longest {most_ms:.0f} ms"
    )
    print(f"CPU of the station: {1e6 * cpu_s / stored:.0f} µs a record")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.station.beats", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--database", default="", help="an empty one; default: a file of SQLite")
    parser.add_argument("--patients", type=int, default=5_000_000)
    parser.add_argument("--devices", type=int, default=9_600)
    parser.add_argument("--rate", type=int, default=10_000, help="records a second")
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    print(machine("SQLAlchemy", "uvicorn", "numpy"))
    with tempfile.TemporaryDirectory(prefix="station-beats-") as name:
        folder = Path(name)
        url = options.database or f"sqlite:///{folder}/station.db"
        keys = {
            scope: add_key(folder / "keys.json", scope, [scope]) for scope in ("ingest", "ward")
        }
        engine = open_engine(url)
        prepare(engine, options.patients, options.devices)
        beats = beats_of(options.data)
        patients = np.random.default_rng(1).choice(options.patients, options.devices, replace=False)
        share = options.devices // GATEWAYS
        gateways = [
            Gateway(range(first * share, (first + 1) * share), patients, beats)
            for first in range(GATEWAYS)
        ]
        before_s = children_cpu_s()
        with running_station(url, folder / "keys.json", folder / "log") as target:
            sent, listener = asyncio.run(run(target, keys, gateways, options, engine))
        print_result(sent, listener, engine, children_cpu_s() - before_s, options.rate)
        engine.dispose()


if __name__ == "__main__":
    main()
