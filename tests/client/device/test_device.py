"""A device and a real station: what it sends is stored, and it knows what became of the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ecgfm_client import Beat, StationDevice

from tests.client.device.records import PATIENT, SOURCE, now_ms, register, stretch
from tests.station.running import Station, running_station

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        yield station


@pytest.fixture(scope="module")
def key(station: Station) -> str:
    return register(station, SOURCE)[0]


def test_records_are_stored_in_their_order_with_their_samples(
    station: Station, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGFM_STATION_URL", station.url)
    monkeypatch.setenv("ECGFM_STATION_KEY", key)
    start_ms = now_ms() - 10_000
    with StationDevice(source=SOURCE, buffer=tmp_path / "b") as device:
        seqs = device.send(*(stretch(number, start_ms + 200 * number) for number in range(10)))
        (beat,) = device.send(Beat(PATIENT, start_ms + 5000, np.linspace(0, 1, 187), "V"))
        assert device.wait_until_sent(LIMIT_S)
        assert device.status().outcomes == {"stored": 11} and device.dead_letters() == []
    when = {"from_ms": start_ms, "to_ms": start_ms + 10_000}
    with station.client() as client:
        rows = client.get(f"/station/v1/patients/{PATIENT}/records", params=when).json()["records"]
        assert [row["seq"] for row in rows] == [*seqs, beat]
        assert (rows[-1]["kind"], rows[-1]["class"]) == ("beat", "V")
        answer = client.get(f"/station/v1/patients/{PATIENT}/waveform", params=when).json()
    (part,) = answer["waveforms"]
    assert np.allclose(part["signal"][0][2::50], np.arange(10) / 1000)


def test_each_dead_letter_has_the_stations_reason(
    station: Station, key: str, tmp_path: Path
) -> None:
    day_ms = 86_400_000
    with StationDevice(station.url, source=SOURCE, buffer=tmp_path / "b", api_key=key) as device:
        old = stretch(0, now_ms() - 8 * day_ms)
        unknown = Beat("p-2", now_ms(), np.zeros(187))
        seqs = device.send(old, stretch(1), unknown)
        assert device.wait_until_sent(LIMIT_S)
        assert [device.outcome(seq) for seq in seqs] == ["bad_clock", "stored", "unknown_patient"]
        letters = device.dead_letters()
    assert [(letter.seq, letter.outcome) for letter in letters] == [
        (seqs[0], "bad_clock"),
        (seqs[2], "unknown_patient"),
    ]
    assert letters[0].detail.startswith("time: ")
    assert letters[1].detail == "patient: not registered"


def test_a_device_without_a_valid_key_keeps_its_records_until_it_has_one(
    station: Station, key: str, tmp_path: Path
) -> None:
    with StationDevice(
        station.url, source=SOURCE, buffer=tmp_path / "b", api_key="wrong"
    ) as device:
        (seq,) = device.send(stretch(0))
        until_s = time.monotonic() + LIMIT_S
        while (fault := device.status().fault) is None and time.monotonic() < until_s:
            time.sleep(0.01)
        assert fault is not None and fault.startswith("HTTP 401 unauthorized")
        assert not device.wait_until_sent(0.1)
    with StationDevice(station.url, source=SOURCE, buffer=tmp_path / "b", api_key=key) as device:
        assert device.wait_until_sent(LIMIT_S)
        assert device.outcome(seq) == "stored"
