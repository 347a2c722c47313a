"""Alarms over HTTP: listed, acknowledged, noted and silenced, each step with who and when."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from station.alarms.book import tell_conditions
from station.store.engine import open_engine, writing
from station.store.events import add_events
from station.store.patients import add_patients, patient_ids
from station.store.sources import add_source
from station.store.streams import StreamState, add_stream
from station.times import now_ms
from station.watch.outputs import Condition, Rule
from tests.station.listening import Listener
from tests.station.running import Station, running_station

ALARMS = "/station/v1/alarms"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        yield station


@pytest.fixture(scope="module")
def engine(station: Station) -> Iterator[Engine]:
    engine = open_engine(station.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def stream(engine: Engine) -> StreamState:
    """A stream of a new patient."""
    with writing(engine) as connection:
        name = f"p-{time.time_ns()}"
        add_patients(connection, [name], 1)
        add_source(connection, name, 1)
        patient = patient_ids(connection, [name])[name]
        state = StreamState(0, patient, patient, leads=1, newest_ms=0, received_ms=0)
        state.id = add_stream(connection, state)
        return state


def tell(engine: Engine, stream: StreamState, *conditions: tuple[Rule, bool, int, int]) -> None:
    with writing(engine) as connection:
        events = tell_conditions(
            connection,
            [Condition(stream.id, *each, None) for each in conditions],
            {},
            {stream.id: stream},
            now_ms(),
        )
        add_events(connection, events)


def patient_of(station: Station, stream: StreamState) -> str:
    with station.client() as client:
        rows = client.get(ALARMS).json()["alarms"]
    (name,) = {row["patient"] for row in rows if row["since_ms"] == 1000 + stream.id}
    return str(name)


def test_an_alarm_from_its_onset_to_its_end(
    station: Station, engine: Engine, stream: StreamState
) -> None:
    since_ms = 1000 + stream.id
    with Listener(station) as listener, station.client(station.keys["ward"]) as client:
        tell(engine, stream, (Rule.VENTRICULAR_TACHYCARDIA, True, since_ms, since_ms + 5))
        patient = patient_of(station, stream)
        listed = client.get(ALARMS, params={"patient": patient}).json()
        (row,) = listed["alarms"]
        assert (row["state"], row["priority"]) == ("firing", "high")
        assert listed["last_event_id"] >= 1 and listed["cursor"] is None
        url = f"{ALARMS}/{row['alarm']}"
        assert client.post(f"{url}/note", json={"note": "artefact?"}).json() == {"noted": True}
        assert client.post(f"{url}/acknowledge", json={}).json() == {"acknowledged": 1}
        assert client.post(f"{url}/acknowledge", json={}).json() == {"acknowledged": 0}
        tell(engine, stream, (Rule.VENTRICULAR_TACHYCARDIA, False, since_ms, since_ms + 9))
        steps = client.get(f"{url}/steps").json()["steps"]
        listener.wait_for(4)
        assert client.get(ALARMS, params={"patient": patient}).json()["alarms"] == []
        resolved = client.get(ALARMS, params={"patient": patient, "state": "resolved"})
        assert resolved.json()["alarms"][0]["ended_ms"] == since_ms + 9
    assert [(step["step"], step["by"], step["note"]) for step in steps] == [
        ("began", ":rule", ""),
        ("fired", ":rule", ""),
        ("noted", "ward", "artefact?"),
        ("acknowledged", "ward", ""),
        ("resolved", ":rule", ""),
    ]
    told = [(heard.data["step"], heard.data["state"]) for heard in listener.heard]
    assert told == [
        ("fired", "firing"),
        ("noted", "firing"),
        ("acknowledged", "acknowledged"),
        ("resolved", "resolved"),
    ]


def test_all_alarms_of_a_patient_are_acknowledged_at_once(
    station: Station, engine: Engine, stream: StreamState
) -> None:
    since_ms = 1000 + stream.id
    tell(
        engine,
        stream,
        (Rule.ASYSTOLE, True, since_ms, since_ms),
        (Rule.PAUSE, True, since_ms, since_ms),
    )
    patient = patient_of(station, stream)
    with station.client(station.keys["ward"]) as client:
        url = f"/station/v1/patients/{patient}/acknowledge"
        assert client.post(url, json={"note": "seen"}).json() == {"acknowledged": 2}
        rows = client.get(ALARMS, params={"patient": patient}).json()["alarms"]
    assert {row["state"] for row in rows} == {"acknowledged"}


def test_a_silence_ends_by_itself_and_does_not_cover_a_new_lethal_alarm(
    station: Station, engine: Engine, stream: StreamState
) -> None:
    since_ms = 1000 + stream.id
    tell(engine, stream, (Rule.ASYSTOLE, True, since_ms, since_ms))
    patient = patient_of(station, stream)
    url = f"/station/v1/patients/{patient}/silence"
    with Listener(station) as listener, station.client(station.keys["ward"]) as client:
        assert client.post(url, json={"seconds": 3600}).status_code == 422
        silence = client.post(url, json={"seconds": 120}).json()
        assert silence["until_ms"] - silence["from_ms"] == 120_000 and silence["by"] == "ward"
        time.sleep(0.01)
        tell(
            engine,
            stream,
            (Rule.VENTRICULAR_TACHYCARDIA, True, since_ms, since_ms + 1),
            (Rule.PAUSE, True, since_ms, since_ms + 1),
        )
        rows = client.get(ALARMS, params={"patient": patient}).json()["alarms"]
        client.post(url, json={"seconds": 0})
        later = client.get(ALARMS, params={"patient": patient}).json()["alarms"]
        listener.wait_for(4)
    silent = {row["rule"]: row["silent_until_ms"] for row in rows}
    until_ms = silence["until_ms"]
    assert silent == {"asystole": until_ms, "pause": until_ms, "ventricular_tachycardia": None}
    assert {row["silent_until_ms"] for row in later} == {None}
    assert sorted(heard.kind for heard in listener.heard) == ["alarm"] * 2 + ["silence"] * 2


def test_the_list_has_pages(station: Station, engine: Engine, stream: StreamState) -> None:
    times = [1000 + stream.id, *range(10_000, 10_005)]
    tell(engine, stream, *((Rule.PAUSE, True, time_ms, time_ms) for time_ms in times))
    params: dict[str, str] = {"patient": patient_of(station, stream), "from_ms": "10000"}
    params |= {"to_ms": "10004", "limit": "3"}
    with station.client(station.keys["ward"]) as client:
        first = client.get(ALARMS, params=params).json()
        last = client.get(ALARMS, params=params | {"cursor": first["cursor"]}).json()
    assert [row["since_ms"] for row in first["alarms"]] == [10_003, 10_002, 10_001]
    assert [row["since_ms"] for row in last["alarms"]] == [10_000] and last["cursor"] is None


def test_what_does_not_exist_is_not_found(station: Station) -> None:
    with station.client(station.keys["ward"]) as client:
        answers = [
            client.get(f"{ALARMS}/99999/steps"),
            client.post(f"{ALARMS}/99999/acknowledge", json={}),
            client.post(f"{ALARMS}/99999/note", json={"note": "x"}),
            client.post("/station/v1/patients/nobody/silence", json={"seconds": 1}),
            client.post("/station/v1/patients/nobody/acknowledge", json={}),
            client.get(ALARMS, params={"patient": "nobody"}),
        ]
        wrong = [
            client.get(ALARMS, params={"state": "asleep"}),
            client.post(f"{ALARMS}/1/note", json={"note": "\x00"}),
            client.post(f"{ALARMS}/1/note", json={"note": ""}),
        ]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.status_code for answer in wrong} == {422}
