"""Records by a real Mosquitto: answered after the commit, with the outcomes of the HTTP route."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy import select

from errors import BadBridge
from station.ingest.mqtt.place import Broker, broker_of
from station.store.engine import open_engine
from station.store.records import RECORDS
from tests.station.frames import frame
from tests.station.ingest.mqtt.device import LIMIT_S, MqttDevice
from tests.station.mosquitto import Mosquitto, running_mosquitto
from tests.station.running import Station, running_station

SOURCES = {"strap-1": "one", "strap-2": "two"}
# Until a message is published again, while broker and station are killed.
AGAIN_S = 1.0


@pytest.fixture(scope="module")
def broker() -> Iterator[Mosquitto]:
    with running_mosquitto(SOURCES) as broker:
        if broker is None:
            pytest.skip("MQTT is NOT TESTED: mosquitto is not installed")
        yield broker


@pytest.fixture(scope="module")
def station(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    database_url = f"sqlite:///{folder}/station.db"
    with running_station(folder, database_url, mqtt=broker.url, max_body_kb="8") as station:
        with station.client() as client:
            client.post("/station/v1/patients", json={"names": ["p-1"]}).raise_for_status()
            for name in SOURCES:
                client.post("/station/v1/sources", json={"name": name}).raise_for_status()
        yield station


@pytest.fixture(scope="module")
def device(broker: Mosquitto, station: Station) -> Iterator[MqttDevice]:
    device = MqttDevice(broker.port, "strap-1", SOURCES["strap-1"])
    yield device
    device.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def stored(station: Station) -> list[tuple[int, int]]:
    engine = open_engine(station.database_url)
    with engine.connect() as connection:
        rows = connection.execute(select(RECORDS.c.source_id, RECORDS.c.seq)).all()
    engine.dispose()
    return sorted((row.source_id, row.seq) for row in rows)


def test_frames_and_json_are_answered_as_by_http(station: Station, device: MqttDevice) -> None:
    start_ms = now_ms()
    frames = [frame(seq, device_ms=start_ms + seq) for seq in (0, 1, 3)]
    answer = device.answer_to("a", b"".join(frames))
    assert answer == {
        "records": 3,
        "outcomes": {"stored": 3},
        "notes": [],
        "missing": [{"source": "strap-1", "first_seq": 2, "last_seq": 2}],
    }
    record = {
        "source": "strap-1",
        "seq": 4,
        "patient": "p-9",
        "time_ms": start_ms,
        "fs": 250,
        "leads": ["II"],
        "samples": [[0.1, None]],
    }
    answer = device.answer_to(
        "b", orjson.dumps({"records": [record, {**record, "patient": "p-1"}]})
    )
    assert answer["outcomes"] == {"stored": 1, "unknown_patient": 1}
    assert answer["notes"] == [
        {"index": 0, "outcome": "unknown_patient", "detail": "patient: not registered"}
    ]
    assert device.answer_to("c", b"".join(frames))["outcomes"] == {"doubled": 3}


def test_a_message_speaks_for_the_source_of_its_topic_only(device: MqttDevice) -> None:
    answer = device.answer_to("d", frame(0, source="strap-2", device_ms=now_ms()))
    assert answer["outcomes"] == {"foreign_source": 1}
    # The broker does not let it publish for another source.
    device.send("e", frame(0, source="strap-2", device_ms=now_ms()), source="strap-2")
    assert not device.wait_for("e", 0.3)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "malformed_body"),
        (b"{}", "missing_field"),
        (b"x" * 8193, "body_too_large"),
        (frame(0) * 5001, "body_too_large"),
    ],
)
def test_what_cannot_be_read_has_a_problem_as_answer(
    device: MqttDevice, payload: bytes, code: str
) -> None:
    if len(payload) > 2 * 8192:
        # Larger than twice the limit: the broker does not deliver it.
        device.send("large", payload)
        assert not device.wait_for("large", 0.3)
        return
    assert device.answer_to(code, payload)["code"] == code


def test_bytes_that_are_no_frame_are_a_dead_letter(device: MqttDevice) -> None:
    assert device.answer_to("f", b"no frame")["outcomes"] == {"corrupt": 1}


def test_broker_and_station_are_killed_and_nothing_is_lost_or_doubled(
    station: Station, broker: Mosquitto, device: MqttDevice
) -> None:
    draw = random.Random(3)
    start_ms = now_ms()
    frames = {f"k-{seq}": frame(seq, device_ms=start_ms + seq) for seq in range(1000, 1040)}
    for number, (name, content) in enumerate(frames.items()):
        device.send(name, content)
        time.sleep(draw.random() / 100)
        if number == 10:
            broker.kill()
            broker.start()
        elif number == 25:
            station.kill()
            station.start()
    for _ in range(round(LIMIT_S / AGAIN_S)):
        if device.wait_for_all(frames, AGAIN_S):
            break
        for name, content in frames.items():
            if name not in device.answers:
                device.send(name, content)
    for name in frames:
        assert set(device.answers[name]["outcomes"]) <= {"stored", "late", "doubled"}
    found = stored(station)
    assert len(found) == len(set(found))
    assert {seq for _, seq in found} >= set(range(1000, 1040))


def test_a_station_that_stops_ends_the_bridge(station: Station, device: MqttDevice) -> None:
    assert station.stop() == 0
    device.send("late", frame(2000, device_ms=now_ms()))
    assert not device.wait_for("late", 0.2)
    station.start()
    assert device.wait_for("late", LIMIT_S), "the broker has kept it for the station's session"
    assert device.answers["late"]["outcomes"] == {"stored": 1}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://h", Broker("h", 1883, False, None, None, "ecg-station")),
        ("mqtts://u:p%40@h:99/a/b", Broker("h", 99, True, "u", "p@", "a/b")),
    ],
)
def test_the_address_of_a_broker(url: str, expected: Broker) -> None:
    assert broker_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("h", "http://u:secret@h", "mqtt://", "mqtt://h:x", "mqtt://[u:secret@h"),
        *("mqtt://h/a#b", "mqtt://h/a/+", "mqtt://h/a b"),
    ],
)
def test_an_address_that_is_none_is_not_quoted(url: str) -> None:
    with pytest.raises(BadBridge) as refused:
        broker_of(url)
    assert "secret" not in refused.value.detail
    assert refused.value.detail.endswith("mqtt[s]://USER:PASSWORD@HOST:PORT/TOPIC is needed")
