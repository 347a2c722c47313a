"""HL7 v2 by MLLP and a real station: waveforms are stored, and each message has its ACK."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import select

from station.store.engine import open_engine
from station.store.records import RECORDS
from station.store.sources import SOURCES
from station.store.tables import AnyRow
from station.store.waveforms import millivolts
from tests.station.ingest.hl7.gateway import (
    DEVICE,
    Gateway,
    header,
    message,
    time_text,
    waveform,
)
from tests.station.postgres import free_port
from tests.station.running import Station, running_station

LEAD_I = "131329^MDC_ECG_ELEC_POTL_I^MDC"
LEAD_II = "131330^MDC_ECG_ELEC_POTL_II^MDC"
PLETH = "150452^MDC_PULS_OXIM_PLETH^MDC"
PORT = free_port()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    database_url = f"sqlite:///{folder}/station.db"
    settings = {"hl7_port": str(PORT), "max_body_kb": "64", "body_timeout": "1"}
    with running_station(folder, database_url, **settings) as station:
        with station.client() as client:
            client.post("/station/v1/patients", json={"names": ["p-1"]}).raise_for_status()
            client.post("/station/v1/sources", json={"name": DEVICE}).raise_for_status()
        yield station


@pytest.fixture
def gateway(station: Station) -> Iterator[Gateway]:
    with Gateway(PORT) as gateway:
        yield gateway


@pytest.fixture
def begin(station: Station) -> str:
    return header(station.keys["ingest"])


def now_text(back_ms: int = 0) -> str:
    return time_text(time.time_ns() // 1_000_000 - back_ms)


def stored(station: Station, source: str = DEVICE) -> list[AnyRow]:
    engine = open_engine(station.database_url)
    with engine.connect() as connection:
        query = select(RECORDS).join(SOURCES).where(SOURCES.c.name == source)
        rows = connection.execute(query.order_by(RECORDS.c.number)).all()
    engine.dispose()
    return list(rows)


def code_of(answer: list[list[str]]) -> str:
    return answer[1][1]


def test_leads_of_a_message_are_one_record_and_a_repetition_is_doubled(
    station: Station, gateway: Gateway, begin: str
) -> None:
    samples = [round(0.001 * number, 3) for number in range(250)]
    content = message(
        waveform(2, LEAD_I, samples),
        waveform(3, LEAD_II, [80, "", 92, *[0] * 247], unit="", resolution="0.001221"),
        waveform(4, PLETH, [1, 2, 3], unit="262656^MDC_DIM_DIMLESS^MDC"),
        begin=begin,
        start=now_text(1000),
    )
    before = len(stored(station))
    (msh, msa) = gateway.answer(content)
    assert msh[2:6] == ["ecg-station", "LAB", "GW", "ICU"] and msh[8] == "ACK^R01^ACK"
    assert msa == ["MSA", "AA", "17"]
    assert code_of(gateway.answer(content)) == "AA"
    (row,) = stored(station)[before:]
    assert (row.leads, row.fs_hz) == ("I,II", 250.0)
    signal = millivolts(row)
    assert np.allclose(signal[0], samples)
    assert np.allclose(signal[1, [0, 2]], [80 * 0.001221, 92 * 0.001221])
    assert np.isnan(signal[1, 1])


def test_seconds_follow_each_other_without_missing_numbers(
    station: Station, gateway: Gateway, begin: str
) -> None:
    start_ms = time.time_ns() // 1_000_000 - 10_000
    for second in range(3):
        at = time_text(start_ms + 1000 * second)
        content = message(waveform(2, LEAD_I, [second] * 250, time=at), begin=begin)
        assert code_of(gateway.answer(content)) == "AA"
    rows = stored(station)[-3:]
    assert np.diff([row.device_ms for row in rows]).tolist() == [1000, 1000]
    with station.client() as client:
        letters = client.get("/station/v1/dead-letters").json()["dead_letters"]
    assert not [letter for letter in letters if letter["reason"] == "missing"]


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"rate": "5000"}, "I: 5000 Hz; 50 to 2000 Hz are allowed"),
        ({"rate": ""}, "I: nan Hz"),
        ({"samples": ["1", "x"]}, "I: a sample or attribute is not a number"),
        ({"unit": "262656^MDC_DIM_DIMLESS^MDC"}, "I: OBX-6, or a MDC_ATTR_NU_MSMT_RES"),
        ({"time": "20260102"}, "I: OBX-14 or OBR-7, a time with seconds, is required"),
        ({"time": "20010102030405+0000"}, "bad_clock: time: "),
        ({"patient": "nobody"}, "unknown_patient: patient: not registered"),
        ({"patient": "a b"}, "patient: PID-3: 1 to 32 letters"),
    ],
)
def test_what_cannot_be_stored_is_an_error_with_its_reason(
    gateway: Gateway, begin: str, parts: dict[str, object], fault: str
) -> None:
    given = {"samples": [0] * 250, **parts}
    patient = str(given.pop("patient", "p-1"))
    samples = given.pop("samples")
    wave = waveform(2, LEAD_I, samples, **given)  # type: ignore[arg-type]
    answer = gateway.answer(message(wave, begin=begin, patient=patient, start=now_text(500)))
    assert code_of(answer) == "AE"
    assert fault in answer[2][8] and answer[2][3].endswith("^HL70357")


def test_numbers_and_other_waveforms_are_accepted_and_left_out(
    station: Station, gateway: Gateway, begin: str
) -> None:
    before = len(stored(station))
    assert code_of(gateway.answer(message(begin=begin))) == "AA"
    pleth = waveform(2, PLETH, [1, 2], unit="262656^MDC_DIM_DIMLESS^MDC")
    assert code_of(gateway.answer(message(pleth, begin=begin))) == "AA"
    assert len(stored(station)) == before


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kind": "ADT^A01"}, "MSH-9: allowed are ORU\\S\\R01, ORU\\S\\W01"),
        ({"processing": "T"}, "MSH-11: only P is stored"),
        ({"key": ""}, "unauthorized: a valid key is required"),
        ({"key": "wrong"}, "unauthorized: a valid key is required"),
        ({"key": "ward"}, "forbidden: the key needs the scope ingest"),
    ],
)
def test_a_message_that_is_not_for_the_station_is_rejected(
    station: Station, gateway: Gateway, change: dict[str, str], fault: str
) -> None:
    given = {"key": "ingest", **change}
    given["key"] = station.keys.get(given["key"], given["key"])
    answer = gateway.answer(message(waveform(2, LEAD_I, [0] * 9), begin=header(**given)))
    assert code_of(answer) == "AR" and fault in answer[2][8]


def test_a_device_speaks_for_itself_by_its_own_key(station: Station, gateway: Gateway) -> None:
    with station.client() as client:
        key = client.post("/station/v1/sources", json={"name": "bed-7"}).json()["key"]
    wave = waveform(2, LEAD_I, [0] * 250)
    content = message(wave, begin=header(key), start=now_text(1000))
    assert code_of(gateway.answer(content)) == "AA"
    assert len(stored(station, "bed-7")) == 1


def test_bytes_that_are_no_message_have_an_answer_or_end_the_connection(station: Station) -> None:
    with Gateway(PORT) as gateway:
        answer = gateway.answer(b"PID|1")
        assert code_of(answer) == "AR" and "malformed_body: MSH: " in answer[2][8]
        gateway.send(b"GET / HTTP/1.1\r\n\r\n")
        assert gateway.acknowledgement() is None
    with Gateway(PORT) as gateway:
        gateway.send(b"\x0b" + b"x" * 200_000)
        assert gateway.acknowledgement() is None, "larger than STATION_MAX_BODY_KB"
    with Gateway(PORT) as gateway:
        gateway.send(b"\x0bMSH|")
        assert gateway.acknowledgement() is None, "slower than STATION_BODY_TIMEOUT"


def test_a_message_in_pieces_is_read(station: Station, gateway: Gateway, begin: str) -> None:
    wave = waveform(2, LEAD_I, [0] * 250)
    content = b"\r\n\x0b" + message(wave, begin=begin, start=now_text(3000)) + b"\x1c\r"
    for place in range(0, len(content), 400):
        gateway.send(content[place : place + 400])
        time.sleep(0.005)
    answer = gateway.acknowledgement()
    assert answer is not None and code_of(answer) == "AA"


def test_a_killed_station_has_stored_what_it_acknowledged(station: Station, begin: str) -> None:
    start_ms = time.time_ns() // 1_000_000 - 60_000
    accepted = []
    for number in range(12):
        at = time_text(start_ms + 1000 * number)
        content = message(waveform(2, LEAD_II, [number] * 250, time=at), begin=begin)
        with Gateway(PORT) as gateway:
            assert code_of(gateway.answer(content)) == "AA"
        accepted.append(start_ms + 1000 * number)
        if number == 6:
            station.kill()
            station.start()
    rows = [row for row in stored(station) if row.leads == "II"]
    assert [row.device_ms for row in rows] == accepted


def test_a_stop_ends_open_connections(station: Station, gateway: Gateway) -> None:
    assert station.stop() == 0
    assert gateway.acknowledgement() is None
    station.start()
