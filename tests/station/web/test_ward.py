"""What watching has found, over HTTP: lists of a patient, the ward's board, and live strips."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from station.ingest.frame import encode
from station.store.archive.files import VERIFIED, WRITING, add_file, forget_file, set_state
from station.store.beat_records import Problem, add_problems
from station.store.engine import open_engine, writing
from station.times import SECOND_MS, now_ms
from station.web.strips import GAP, STRIP_HZ, resampled
from tests.station.archive.ward import archive_file
from tests.station.running import Station, running_station
from tests.station.worker.test_session import PARTS, watch_all
from tests.station.worker.wards import FS_HZ, records_of, register, store

SECONDS = 60
WARD = 2


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db", stale="30") as station:
        yield station


@pytest.fixture(scope="module")
def begin_ms(station: Station) -> int:
    """Since when the two patients of the ward have been watched: one's heart stopped."""
    engine = open_engine(station.database_url)
    register(engine, WARD)
    zero_ms = now_ms() - SECONDS * SECOND_MS
    records = [record for number in range(WARD) for record in records_of(number, SECONDS, zero_ms)]
    store(engine, [encode(record) for record in records], now_ms())
    watch_all(engine, PARTS)
    with writing(engine) as connection:
        add_problems(connection, [Problem(7, 1, 1, zero_ms + 5, "V", 0.9)])
    engine.dispose()
    return zero_ms


def pages(
    station: Station, what: str, begin_ms: int, limit: int, **more: str
) -> list[dict[str, Any]]:
    rows = []
    to_ms = begin_ms + SECONDS * SECOND_MS
    params = {"from_ms": begin_ms, "to_ms": to_ms, "limit": limit, **more}
    cursor = ""
    with station.client(station.keys["ward"]) as client:
        while cursor is not None:
            asked = params | ({"cursor": cursor} if cursor else {})
            answer = client.get(f"/station/v1/patients/p-0/{what}", params=asked).json()
            assert len(answer[what]) <= limit
            rows += answer[what]
            cursor = answer["cursor"]
    return rows


def test_the_beats_of_a_patient(station: Station, begin_ms: int) -> None:
    beats = pages(station, "beats", begin_ms, 7)
    times = [beat["at_ms"] for beat in beats]
    assert times == sorted(set(times)) and len(times) > 40
    assert pages(station, "beats", begin_ms, 9, order="newest") == beats[::-1]
    assert {beat["source"] for beat in beats} == {"strap-0"}
    assert {beat["class"] for beat in beats} <= set("NSVFQ")


def test_the_windows_of_a_patient(station: Station, begin_ms: int) -> None:
    windows = pages(station, "windows", begin_ms, 3)
    assert {window["end_ms"] - window["start_ms"] for window in windows} == {10_000}
    assert 60 < windows[0]["rate_per_min"] < 80 and windows[0]["beats"]["N"] >= 8


def test_the_problems_and_gaps_of_a_patient(station: Station, begin_ms: int) -> None:
    (problem,) = pages(station, "problems", begin_ms, 10)
    assert (problem["class"], problem["source"], problem["record"]) == ("V", "strap-0", 7)
    assert pages(station, "gaps", begin_ms, 10) == []


def test_the_trends_of_a_patient_count_each_beat_once(station: Station, begin_ms: int) -> None:
    windows = pages(station, "windows", begin_ms, 100)
    params = {"from_ms": begin_ms, "to_ms": begin_ms + SECONDS * SECOND_MS, "bin_ms": 20_000}
    with station.client(station.keys["ward"]) as client:
        answer = client.get("/station/v1/patients/p-0/trends", params=params).json()
        refused = [
            client.get("/station/v1/patients/p-0/trends", params=params | changes).json()
            for changes in ({"bin_ms": 9_999}, {"to_ms": begin_ms + 10**9}, {"from_ms": 0})
        ]
    bins = answer["trends"]
    assert answer["archived"] is False and {each["source"] for each in bins} == {"strap-0"}
    assert [each["start_ms"] for each in bins][:2] == [begin_ms, begin_ms + 20_000]
    counted = sum(each["beats"]["N"] for each in bins)
    # Windows overlap: each second one, from the first or from the second on.
    assert counted in [
        sum(window["beats"]["N"] for window in windows[first::2]) for first in (0, 1)
    ]
    assert bins[0]["rate_low"] <= bins[0]["rate_mean"] <= bins[0]["rate_high"]
    assert {each["code"] for each in refused} == {"bad_option"}


@pytest.mark.parametrize(
    ("what", "dataset"),
    [
        ("beats", "beats"),
        ("windows", "windows"),
        ("records", "records"),
        ("waveform", "records"),
        ("trends", "windows"),
    ],
)
def test_an_answer_says_that_a_part_is_in_the_archive(
    station: Station, begin_ms: int, what: str, dataset: str
) -> None:
    to_ms = begin_ms + 10 * SECOND_MS
    engine = open_engine(station.database_url)
    with writing(engine) as connection:
        file = add_file(connection, archive_file(dataset, begin_ms, to_ms, f"{what}.parquet"))
    said = []
    for state in (WRITING, VERIFIED):
        with writing(engine) as connection:
            set_state(connection, file, state)
        with station.client(station.keys["ward"]) as client:
            params = {"from_ms": begin_ms, "to_ms": to_ms, "bin_ms": 10_000}
            answer = client.get(f"/station/v1/patients/p-0/{what}", params=params)
            said.append(answer.json()["archived"])
    with writing(engine) as connection:
        forget_file(connection, file)
    engine.dispose()
    assert said == [False, True]


def test_the_board_of_the_ward(station: Station, begin_ms: int) -> None:
    with station.client(station.keys["ward"]) as client:
        client.post("/station/v1/patients/p-1/silence", json={"seconds": 100}).raise_for_status()
        board = client.get("/station/v1/ward").json()
    first, second = board["patients"]
    assert (first["patient"], second["patient"]) == ("p-0", "p-1")
    (stream,) = first["streams"]
    assert stream["source"] == "strap-0" and not stream["stale"] and stream["leads"] == 2
    assert 60 < stream["rate_per_min"] < 80 and set(stream["last_beats"]) == {"N"}
    assert "asystole" in {alarm["rule"] for alarm in first["alarms"]}
    assert first["silent_until_ms"] is None and second["silent_until_ms"] > board["now_ms"]
    assert board["watch"]["behind"] == 0 and board["watch"]["age_ms"] >= 0
    assert board["last_event_id"] > 0


def test_strips_are_sent_once(station: Station, begin_ms: int) -> None:
    with station.client(station.keys["ward"]) as client:
        first = client.get("/station/v1/strips").json()
        second = client.get("/station/v1/strips", params={"since": first["since"]}).json()
    engine = open_engine(station.database_url)
    later = records_of(0, SECONDS + 1, begin_ms)[-1]
    store(engine, [encode(later)], now_ms())
    with station.client(station.keys["ward"]) as client:
        third = client.get("/station/v1/strips", params={"since": first["since"]}).json()
    engine.dispose()
    assert {(strip["patient"], strip["lead"]) for strip in first["strips"]} == {
        ("p-0", "II"),
        ("p-1", "II"),
    }
    assert second["strips"] == []
    (strip,) = third["strips"]
    samples = np.frombuffer(base64.b64decode(strip["samples"]), "<i2")
    assert abs(strip["start_ms"] - later.device_ms) < 8 and abs(len(samples) - STRIP_HZ) <= 1


@pytest.mark.parametrize("fs_hz", [100.0, 125.0, 250.0, 360.0, 500.0])
def test_strips_keep_the_signal(fs_hz: float) -> None:
    seconds = np.arange(int(2 * fs_hz)) / fs_hz
    signal = np.sin(2 * np.pi * seconds).astype(np.float32)
    found = resampled(signal, fs_hz, 3)
    expected = np.sin(2 * np.pi * (0.003 + np.arange(len(found)) / STRIP_HZ))
    assert len(found) == 250 and np.abs(found / 1000 - expected).max() < 0.08


def test_gaps_stay_gaps() -> None:
    signal = np.full(FS_HZ, np.nan, np.float32)
    signal[:50] = 0.5
    found = resampled(signal, float(FS_HZ), 0)
    assert set(found[:50].tolist()) == {500} and set(found[50:].tolist()) == {GAP}
