"""Events as clients hear them: each once and in order, whatever becomes of connections."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from station.store.archive.files import VERIFIED, add_file, set_state
from station.store.engine import open_engine, writing
from station.store.events import Event, add_events, newest_event
from station.store.patients import add_patients, patient_ids
from tests.station.archive.ward import archive_file
from tests.station.listening import Listener
from tests.station.running import Station, running_station

CUTS = 10
EVENTS = "/station/v1/events"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    database_url = f"sqlite:///{folder}/station.db"
    with running_station(folder, database_url, max_event_clients="3") as station:
        yield station


@pytest.fixture(scope="module")
def engine(station: Station) -> Iterator[Engine]:
    """The database of the station, as another process has it."""
    engine = open_engine(station.database_url)
    yield engine
    engine.dispose()


def tell(engine: Engine, *numbers: int, kind: str = "alarm", patient: int | None = None) -> None:
    with writing(engine) as connection:
        add_events(connection, [Event(kind, patient, 1, {"number": number}) for number in numbers])


def numbers(listener: Listener) -> list[int]:
    return [heard.data["number"] for heard in listener.heard]


def test_ten_cuts_and_a_kill_lose_nothing(tmp_path: Path, database_url: str) -> None:
    draw = random.Random(0)
    count = 0
    engine = open_engine(database_url)
    with running_station(tmp_path, database_url) as station, Listener(station) as listener:
        for number in range(CUTS + 1):
            more = draw.randint(1, 20)
            tell(engine, *range(count, count + more))
            count += more
            if number == CUTS // 2:
                station.kill()
                tell(engine, count, count + 1)
                count += 2
                station.start()
            else:
                time.sleep(draw.random() / 10)
                listener.cut()
        listener.wait_for(count)
    engine.dispose()
    assert numbers(listener) == list(range(count))
    assert listener.connections >= CUTS + 1


def test_a_client_begins_with_what_comes_or_where_it_says(station: Station, engine: Engine) -> None:
    tell(engine, 0, 1)
    with engine.connect() as connection:
        newest = newest_event(connection)
    with (
        Listener(station) as fresh,
        Listener(station, params={"last_event_id": str(newest - 1)}) as resumed,
        Listener(station, params={"last_event_id": "999999"}) as ahead,
    ):
        tell(engine, 2)
        for listener, count in ((fresh, 1), (resumed, 2), (ahead, 1)):
            listener.wait_for(count)
    assert [numbers(each) for each in (fresh, resumed, ahead)] == [[2], [1, 2], [2]]


def test_a_client_is_told_that_events_are_in_the_archive(station: Station, engine: Engine) -> None:
    tell(engine, 0, 1)
    with writing(engine) as connection:
        newest = newest_event(connection)
        file = archive_file("events", 0, 1, "events.parquet") | {"last_key": newest - 1}
        set_state(connection, add_file(connection, file), VERIFIED)
    said = {}
    for last in (newest - 2, newest - 1):
        params = {"last_event_id": str(last)}
        with station.client() as client, client.stream("GET", EVENTS, params=params) as answer:
            lines = answer.iter_lines()
            data = next(line for line in lines if line.startswith("data: "))
        said[last] = json.loads(data.removeprefix("data: "))
    assert said == {
        newest - 2: {"after": newest - 2, "complete": False},
        newest - 1: {"after": newest - 1, "complete": True},
    }


def test_a_client_may_ask_for_a_kind_or_a_patient(station: Station, engine: Engine) -> None:
    with writing(engine) as connection:
        add_patients(connection, ["p-1", "p-2"], 1)
        ids = patient_ids(connection, ["p-1", "p-2"])
    with (
        Listener(station, params={"kinds": "problem"}) as problems,
        Listener(station, params={"patient": "p-2"}) as second,
    ):
        tell(engine, 0, patient=ids["p-1"])
        tell(engine, 1, kind="problem", patient=ids["p-1"])
        tell(engine, 2, patient=ids["p-2"])
        tell(engine, 3, kind="problem", patient=ids["p-2"])
        problems.wait_for(2)
        second.wait_for(2)
    assert (numbers(problems), numbers(second)) == ([1, 3], [2, 3])


def test_what_is_no_request_for_events_is_refused(station: Station) -> None:
    with station.client() as client:
        for params, status in (
            ({"last_event_id": "x"}, 422),
            ({"kinds": "alarm,birthday"}, 422),
            ({"patient": "nobody"}, 404),
            ({"patient": "no name"}, 404),
        ):
            assert client.get(EVENTS, params=params).status_code == status


def test_more_clients_than_allowed_are_refused(station: Station) -> None:
    with Listener(station), Listener(station), Listener(station), station.client() as client:
        answer = client.get(EVENTS)
        assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    with Listener(station):
        pass


def test_a_stop_does_not_wait_for_clients(station: Station) -> None:
    with station.client() as client, client.stream("GET", EVENTS) as answer:
        assert answer.status_code == 200
        try:
            assert station.stop() == 0
        finally:
            station.start()
    assert "Traceback" not in station.log()
