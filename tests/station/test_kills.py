"""The station is killed at random points: what it acknowledged is stored, and nothing twice."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, select

from station.store.engine import open_engine
from station.store.records import RECORDS
from tests.station.frames import frame
from tests.station.postgres import PostgreSQL
from tests.station.running import Station, running_station

SENDERS = 4
PER_POST = 10
KILLS = 3
AGAIN_S = 0.02
GIVE_UP_S = 100  # more than a start takes


class Sender(threading.Thread):
    """A device that sends post after post, and each again until it is acknowledged."""

    def __init__(
        self, station: Station, source: str, start_ms: int, draw: random.Random, per_post: int
    ) -> None:
        super().__init__()
        self._per_post = per_post
        self._station, self._source, self._start_ms, self._draw = station, source, start_ms, draw
        self.acknowledged: set[int] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        seq = 0
        with self._station.client() as client:
            while not self.stopping.is_set():
                seqs = list(range(seq, seq + self._per_post))
                self._draw.shuffle(seqs)  # reordered
                seqs += seqs[:1]  # doubled
                body = b"".join(
                    frame(each, source=self._source, device_ms=self._start_ms + each)
                    for each in seqs
                )
                if self._is_acknowledged(client, body):
                    self.acknowledged |= set(seqs)
                seq += self._per_post

    def _is_acknowledged(self, client: httpx.Client, body: bytes) -> bool:
        """Send until there is an answer. Without one, return False after GIVE_UP_S."""
        headers = {"Content-Type": "application/octet-stream"}
        give_up_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up_s:
            try:
                answer = client.post("/station/v1/records", content=body, headers=headers)
            except httpx.TransportError:
                time.sleep(AGAIN_S)
                continue
            if answer.status_code == 200:
                outcomes = answer.json()["outcomes"]
                assert set(outcomes) <= {"stored", "late", "doubled"}, outcomes
                return True
            assert answer.status_code in (429, 500, 503), answer.text
            time.sleep(AGAIN_S)
        return False


def register(station: Station) -> None:
    with station.client() as client:
        client.post("/station/v1/patients", json={"names": ["p-1"]}).raise_for_status()
        for number in range(SENDERS):
            name = f"strap-{number}"
            client.post("/station/v1/sources", json={"name": name}).raise_for_status()


def start_senders(station: Station, draw: random.Random, per_post: int = PER_POST) -> list[Sender]:
    register(station)
    start_ms = time.time_ns() // 1_000_000
    senders = [
        Sender(station, f"strap-{number}", start_ms, random.Random(draw.random()), per_post)
        for number in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    return senders


def wait_for_progress(senders: list[Sender], more: int) -> None:
    """Wait until each sender has so many records more acknowledged."""
    wanted = [len(sender.acknowledged) + more for sender in senders]
    while any(
        len(sender.acknowledged) < want for sender, want in zip(senders, wanted, strict=True)
    ):
        assert all(sender.is_alive() for sender in senders)
        time.sleep(0.01)


def stop_senders(senders: list[Sender]) -> None:
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join()


def check_stored(engine: Engine, senders: list[Sender]) -> None:
    with engine.connect() as connection:
        rows = connection.execute(select(RECORDS.c.source_id, RECORDS.c.seq)).all()
    stored = [(row.source_id, row.seq) for row in rows]
    acknowledged = {
        (number + 1, seq) for number, sender in enumerate(senders) for seq in sender.acknowledged
    }
    assert len(stored) == len(set(stored)), "something is stored twice"
    assert set(stored) == acknowledged


def test_the_station_is_killed(tmp_path: Path, database_url: str) -> None:
    draw = random.Random(0)
    with running_station(tmp_path, database_url) as station:
        senders = start_senders(station, draw)
        try:
            for _ in range(KILLS):
                wait_for_progress(senders, PER_POST)
                time.sleep(draw.random() / 10)
                station.kill()
                station.start()
            wait_for_progress(senders, PER_POST)
        finally:
            stop_senders(senders)
    engine = open_engine(database_url)
    check_stored(engine, senders)
    engine.dispose()


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_100_000_records_and_five_kills(tmp_path: Path, database_url: str) -> None:
    draw = random.Random(3)
    # A device's records lie 1 ms apart, so its last time is 25 s ahead of the clock or more.
    with running_station(tmp_path, database_url, clock_ahead="86400") as station:
        senders = start_senders(station, draw, per_post=100)
        try:
            for _ in range(5):
                wait_for_progress(senders, 4_500)
                time.sleep(draw.random() / 10)
                station.kill()
                station.start()
            wait_for_progress(senders, 2_500)
        finally:
            stop_senders(senders)
    assert sum(len(sender.acknowledged) for sender in senders) >= 100_000
    engine = open_engine(database_url)
    check_stored(engine, senders)
    engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_is_killed(tmp_path: Path, database_url: str, postgres: PostgreSQL) -> None:
    draw = random.Random(1)
    with running_station(tmp_path, database_url) as station:
        senders = start_senders(station, draw)
        try:
            wait_for_progress(senders, PER_POST)
            postgres.stop("immediate")
            time.sleep(draw.random() / 10)
            postgres.start()
            wait_for_progress(senders, PER_POST)
        finally:
            stop_senders(senders)
        assert station.process is not None and station.process.poll() is None
    engine = open_engine(database_url)
    check_stored(engine, senders)
    engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stop_answers_what_it_has_taken(tmp_path: Path, database_url: str) -> None:
    with running_station(tmp_path, database_url) as station:
        senders = start_senders(station, random.Random(2))
        try:
            wait_for_progress(senders, PER_POST)
            assert station.stop() == 0
            station.start()
            wait_for_progress(senders, PER_POST)
        finally:
            stop_senders(senders)
    engine = open_engine(database_url)
    check_stored(engine, senders)
    engine.dispose()
