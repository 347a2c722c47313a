"""Records posted to the station become alarms that a client hears, by its own processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from station.ingest.frame import encode
from station.times import SECOND_MS, now_ms
from tests.station.listening import Listener
from tests.station.running import Station, running_station
from tests.station.worker.wards import patient_name, records_of, source_name

SECONDS = 60
SETTINGS = {"no_data": "3", "roles": "front,watch,web"}


def register(station: Station, patients: int) -> None:
    with station.client() as client:
        names = [patient_name(number) for number in range(patients)]
        client.post("/station/v1/patients", json={"names": names}).raise_for_status()
        for number in range(patients):
            body = {"name": source_name(number)}
            client.post("/station/v1/sources", json=body).raise_for_status()


def post(station: Station, frames: Sequence[bytes]) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    with station.client() as client:
        answer = client.post("/station/v1/records", content=b"".join(frames), headers=headers)
    assert answer.json()["outcomes"] == {"stored": len(frames)}


def frames_until_now(seconds: int) -> list[bytes]:
    """Return the frames of the first patient, who has been watched for a minute."""
    zero_ms = now_ms() - SECONDS * SECOND_MS
    return [encode(record) for record in records_of(0, seconds, zero_ms)]


@pytest.fixture
def station(tmp_path: Path, database_url: str) -> Iterator[Station]:
    with running_station(tmp_path, database_url, **SETTINGS) as station:
        yield station


def test_a_heart_that_stops_is_heard(station: Station) -> None:
    register(station, 1)
    with Listener(station) as listener:
        post(station, frames_until_now(SECONDS))

        def has_told(rule: str, step: str) -> bool:
            told = [(heard.data["rule"], heard.data["step"]) for heard in listener.heard]
            return (rule, step) in told

        listener.wait(lambda: has_told("asystole", "fired") and has_told("no_data", "fired"))
        (stopped,) = [
            heard.data
            for heard in listener.heard
            if (heard.data["rule"], heard.data["step"]) == ("asystole", "fired")
        ]
        assert (stopped["patient"], stopped["source"]) == ("p-0", "strap-0")
        assert (stopped["priority"], stopped["state"]) == ("high", "firing")
        # The heart beats again, but a lethal alarm latches.
        listener.wait(lambda: has_told("asystole", "ceased"))
        with station.client(station.keys["ward"]) as client:
            url = f"/station/v1/alarms/{stopped['alarm']}/acknowledge"
            assert client.post(url, json={}).json() == {"acknowledged": 1}
        listener.wait(lambda: has_told("asystole", "resolved"))
        post(station, frames_until_now(SECONDS + 1)[-1:])
        listener.wait(lambda: has_told("no_data", "resolved"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_watch_starts_again_where_it_ends(station: Station) -> None:
    register(station, 1)
    frames = frames_until_now(SECONDS)
    post(station, frames[:40])
    station.kill_watch()
    with Listener(station, params={"last_event_id": "0"}) as listener:
        post(station, frames[40:])
        listener.wait(lambda: any(heard.data["rule"] == "no_data" for heard in listener.heard))
    onsets = [heard.data for heard in listener.heard if heard.data["step"] == "fired"]
    assert len({(data["rule"], data["since_ms"]) for data in onsets}) == len(onsets)
    assert "asystole" in {data["rule"] for data in onsets}
    assert station.stop() == 0
    assert "Traceback" not in station.log()
