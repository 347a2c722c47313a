"""Records are sent and watched while processes are killed: all that is acknowledged is stored, and
what is found is what an undisturbed run finds, nothing twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from station.ingest.frame import BEAT_SAMPLES, Record, encode
from station.settings import Settings
from station.store.beat_records import BEAT_LABELS, PROBLEMS
from station.store.engine import open_engine
from station.store.events import EVENTS
from station.store.migrate import migrate
from station.store.records import RECORDS
from station.store.sources import SOURCES
from station.store.ward import watching
from station.times import DAY_S, SECOND_MS, now_ms
from station.worker.process import parts_of
from tests.station.postgres import PostgreSQL
from tests.station.running import Station, running_station
from tests.station.worker.test_session import watch_all
from tests.station.worker.wards import (
    FS_HZ,
    found_by_source,
    patient_name,
    register,
    signal_of,
    source_name,
    store,
)

RECORDS_SENT = 100_000
PATIENTS = 20
# Of a record of signal. After each tenth one comes a record of a single beat.
SAMPLES = 50
BEAT_EACH = 10
TILE_S = 100
PER_POST = 100
SENDERS = 4
# Records that may be sent before they are watched, so that every kill hits both.
AHEAD = 5_000
KILLS = 5
QUIET = {"no_data": str(DAY_S), "stream_end": str(DAY_S), "max_records": "100000"}
LIMIT_S = 900.0
FRAMES = {"Content-Type": "application/octet-stream"}
Findings = dict[str, Any]


def frames_of(patient: int, records: int, zero_ms: int, draw: random.Random) -> list[bytes]:
    """Return a device's frames as they arrive: some swapped, some doubled, some missing."""
    signal = signal_of(patient, TILE_S)
    signal = np.tile(signal, (1, -(-records * SAMPLES // signal.shape[1])))
    plain = Record(
        source_name(patient), 0, patient_name(patient), zero_ms, FS_HZ, ("II", "V1"), signal
    )
    frames: list[bytes] = []
    for first in range(0, signal.shape[1] - BEAT_SAMPLES, SAMPLES):
        at_ms = zero_ms + first * SECOND_MS // FS_HZ
        stretch = signal[:, first : first + SAMPLES].copy()
        record = replace(plain, seq=len(frames), device_ms=at_ms, samples=stretch)
        frames.append(encode(record))
        if first // SAMPLES % BEAT_EACH == 0:
            beat = signal[:1, first : first + BEAT_SAMPLES].copy()
            frames.append(
                encode(replace(record, seq=len(frames), kind=1, leads=("ECG1",), samples=beat))
            )
    frames = frames[:records]
    for place in range(records - 1):
        if draw.random() < 0.05:
            frames[place], frames[place + 1] = frames[place + 1], frames[place]
    frames = [frame for frame in frames if draw.random() > 0.005]
    for place in range(0, len(frames), 100):
        frames.insert(place, frames[max(place - 1, 0)])
    return frames


class Sender(threading.Thread):
    """Sends the frames of some devices, post after post, each again until it is acknowledged."""

    def __init__(
        self, station: Station, devices: Sequence[list[bytes]], may_send: Callable[[int], bool]
    ) -> None:
        super().__init__()
        self._station, self._devices, self._may_send = station, devices, may_send
        self.outcomes: Counter[str] = Counter()

    def run(self) -> None:
        longest = max(map(len, self._devices))
        with self._station.client() as client:
            for first in range(0, longest, PER_POST):
                for frames in self._devices:
                    while not self._may_send(first):
                        time.sleep(0.05)
                    self._send(client, b"".join(frames[first : first + PER_POST]))

    def _send(self, client: httpx.Client, body: bytes) -> None:
        give_up_s = time.monotonic() + LIMIT_S
        while time.monotonic() < give_up_s:
            try:
                answer = client.post("/station/v1/records", content=body, headers=FRAMES)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                self.outcomes.update(answer.json()["outcomes"])
                return
            time.sleep(0.05)


class Progress:
    """How many records are watched, read from the database; it may be down."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watched = 0

    def watched(self) -> int:
        try:
            with self._engine.connect() as connection:
                newest = connection.execute(
                    select(RECORDS.c.number).order_by(RECORDS.c.number.desc()).limit(1)
                ).scalar()
                self._watched = (newest or 0) - watching(connection).behind
        except OperationalError:
            pass
        return self._watched

    def wait_for(self, count: int, senders: Sequence[Sender]) -> None:
        """Wait until so many records are watched, or all that there are."""
        give_up_s = time.monotonic() + LIMIT_S
        while self.watched() < count:
            assert time.monotonic() < give_up_s, (self._watched, count)
            if not any(sender.is_alive() for sender in senders) and self._is_done():
                return
            time.sleep(0.1)

    def _is_done(self) -> bool:
        with self._engine.connect() as connection:
            return watching(connection).behind == 0


def findings(engine: Engine) -> Findings:
    """Return what was found, without the numbers of records, which depend on who was first."""
    beats = (
        select(SOURCES.c.name, RECORDS.c.seq, BEAT_LABELS.c.label)
        .select_from(RECORDS.join(SOURCES))
        .join(BEAT_LABELS, BEAT_LABELS.c.record == RECORDS.c.number)
    )
    problems = select(SOURCES.c.name, PROBLEMS.c.at_ms, PROBLEMS.c.label).join(SOURCES)
    with engine.connect() as connection:
        return found_by_source(engine) | {
            "labels": sorted(map(tuple, connection.execute(beats))),
            "problems": sorted(map(tuple, connection.execute(problems))),
        }


def check_told(engine: Engine, found: Findings) -> None:
    """Every problem and every step of an alarm is told once."""
    with engine.connect() as connection:
        events = connection.execute(select(EVENTS.c.kind, EVENTS.c.data)).all()
    problems = [data for kind, data in events if kind == "problem"]
    fired = [data for kind, data in events if kind == "alarm" and '"step":"fired"' in data]
    assert len(problems) == len(set(problems)) == len(found["problems"])
    assert len(fired) == len(set(fired)) > 0


def undisturbed(devices: Sequence[list[bytes]], folder: Path) -> Findings:
    engine = open_engine(f"sqlite:///{folder}/undisturbed.db")
    migrate(engine)
    register(engine, PATIENTS)
    for first in range(0, max(map(len, devices)), PER_POST):
        store(engine, [frame for frames in devices for frame in frames[first : first + PER_POST]])
    watch_all(engine, parts_of(Settings()))
    found = findings(engine)
    engine.dispose()
    return found


@pytest.mark.long
@pytest.mark.timeout(2 * LIMIT_S)
def test_kills_change_nothing_of_what_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> None:
    draw = random.Random(4)
    each = RECORDS_SENT // PATIENTS
    zero_ms = now_ms() - each * SAMPLES * SECOND_MS // FS_HZ
    devices = [frames_of(patient, each, zero_ms, draw) for patient in range(PATIENTS)]
    wanted = undisturbed(devices, tmp_path)
    engine = open_engine(database_url)
    with running_station(tmp_path, database_url, **QUIET, roles="front,watch,web") as station:
        register(engine, PATIENTS)
        kinds = [station.kill, station.kill_watch]
        if engine.dialect.name == "postgresql":
            server: PostgreSQL = request.getfixturevalue("postgres")
            kinds.append(server.stop)
        progress = Progress(engine)

        def may_send(first: int) -> bool:
            return first * PATIENTS < progress.watched() + AHEAD

        senders = [Sender(station, devices[place::SENDERS], may_send) for place in range(SENDERS)]
        for sender in senders:
            sender.start()
        points = sorted(draw.uniform(0.05, 0.9) * RECORDS_SENT for _ in range(KILLS))
        for number, point in enumerate(points):
            progress.wait_for(round(point), senders)
            assert any(sender.is_alive() for sender in senders)
            kill = kinds[number % len(kinds)]
            kill()
            if kill == station.kill:
                station.start()
            elif kill != station.kill_watch:
                server.start()
        for sender in senders:
            sender.join()
        progress.wait_for(2 * RECORDS_SENT, senders)
        assert station.stop() == 0
    outcomes = sum((sender.outcomes for sender in senders), Counter[str]())
    sent = {frame for frames in devices for frame in frames}
    with engine.connect() as connection:
        stored = connection.execute(select(RECORDS.c.source_id, RECORDS.c.seq)).all()
    assert set(outcomes) <= {"stored", "late", "doubled"}
    assert len(stored) == len(set(stored)) == len(sent)
    found = findings(engine)
    assert {name: len(rows) for name, rows in found.items()} == {
        name: len(rows) for name, rows in wanted.items()
    }
    assert found == wanted
    assert {"asystole", "leads_off"} <= {alarm[1] for alarm in found["alarms"]}
    check_told(engine, found)
    engine.dispose()
