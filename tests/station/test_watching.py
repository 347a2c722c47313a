"""Records posted to the station become alarms that a client hears, by its own processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from station.ingest.frame import BEAT_SAMPLES, Record, encode
from station.store.encoding import BEAT
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


def single_beat(seq: int, *, is_wide: bool) -> Record:
    """Return a beat of the first patient from its R peak to the next one; its T wave follows."""
    at = np.arange(BEAT_SAMPLES)

    def wave(middle: float, width: float) -> NDArray[np.float64]:
        return np.exp(-0.5 * ((at - middle) / width) ** 2)

    beat = wave(0, 1.5) + 0.25 * wave(33, 6) + wave(100, 1.5) + 0.1 * wave(82, 3)
    if is_wide:
        beat = wave(0, 7) - 0.5 * wave(33, 9)
    samples = np.where(at < 120, beat + 0.2, 0).astype(np.float32)[np.newaxis]
    return Record(
        source_name(0), seq, patient_name(0), now_ms(), 125.0, ("II",), samples, kind=BEAT
    )


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_single_beats_are_classed_and_problems_are_heard(station: Station) -> None:
    register(station, 1)
    frames = [encode(single_beat(seq, is_wide=seq == 2)) for seq in range(3)]
    with Listener(station, params={"kinds": "problem"}) as listener:
        post(station, frames)
        listener.wait(lambda: bool(listener.heard))
        assert len(listener.heard) == 1
        problem = listener.heard[0].data
    assert (problem["patient"], problem["class"]) == ("p-0", "V")
    with station.client() as client:
        at = {"from_ms": problem["at_ms"], "to_ms": problem["at_ms"] + 1}
        answer = client.get("/station/v1/patients/p-0/problems", params=at)
        (listed,) = answer.json()["problems"]
        assert listed["record"] == problem["record"]
