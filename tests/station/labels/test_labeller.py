"""Windows of twelve leads get labels of the inference server, and watching goes on without it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ecgfm_client import Analysis, AsyncEcgClient
from sqlalchemy import Engine, select, update

from errors import BadBridge
from signals.leads import LEADS
from signals.synthetic.catalogue import CASES
from signals.synthetic.generator import SyntheticEcg
from station.app import make_app
from station.ingest.frame import Record, encode
from station.labels import labeller
from station.labels.running import labelling
from station.settings import Settings
from station.store.engine import open_engine, writing
from station.store.external.labels import WINDOW_LABELS, server_state
from station.store.lease import LEASES, LeaseLost
from station.store.migrate import migrate
from station.store.streams import STREAMS
from station.store.tables import AnyRow
from station.store.watched import WINDOWS
from station.times import SECOND_MS
from tests.server.harness import RunningServer
from tests.station.labels.stand_in import LABELLED, StandIn
from tests.station.worker.test_session import watch_all
from tests.station.worker.wards import ZERO_MS, patient_name, register, source_name, store

FS_HZ = 250
PATIENTS = 3
LIMIT_S = 60.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path}/station.db")
    migrate(engine)
    register(engine, PATIENTS)
    yield engine
    engine.dispose()


def watch_seconds(engine: Engine, first: int, last: int) -> None:
    """Store and watch these seconds; the last patient has two leads."""
    frames = []
    for number in range(PATIENTS):
        leads = LEADS[:2] if number == PATIENTS - 1 else LEADS
        ecg = SyntheticEcg(CASES["sinus"].heart, number, FS_HZ)
        for second in range(first, last):
            samples = ecg.samples(second * FS_HZ, (second + 1) * FS_HZ)[: len(leads)]
            record = Record(
                source_name(number),
                second,
                patient_name(number),
                ZERO_MS + second * SECOND_MS,
                float(FS_HZ),
                tuple(leads),
                np.ascontiguousarray(samples, np.float32),
            )
            frames.append(encode(record))
    store(engine, frames)
    watch_all(engine)


def rows(engine: Engine) -> list[AnyRow]:
    with engine.connect() as connection:
        return list(connection.execute(select(WINDOW_LABELS).order_by(WINDOW_LABELS.c.start_ms)))


def failure(engine: Engine) -> str | None:
    """Return why the server does not answer; None where it does."""
    with engine.connect() as connection:
        found = server_state(connection)
    return None if found is None or found.failed_ms is None else str(found.reason)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeller, "POLL_S", 0.05)
    monkeypatch.setattr(labeller, "AGAIN_S", 0.05)


@pytest.mark.long
def test_windows_get_labels_of_a_real_server(engine: Engine) -> None:
    watch_seconds(engine, 0, 25)
    with RunningServer() as server, labelling(engine, Settings(server=server.url)):
        wait_until(lambda: len(rows(engine)) == PATIENTS - 1)
    for row in rows(engine):
        assert row.model and row.version and row.reason is None
        labels: dict[str, dict[str, Any]] = json.loads(row.labels)
        assert labels and all(0 <= label["probability"] <= 1 for label in labels.values())


def test_watching_goes_on_while_the_server_does_not_answer(engine: Engine) -> None:
    stand_in = StandIn()
    watch_seconds(engine, 0, 25)
    with stand_in.serving() as url:
        settings = Settings(server=url, label_every=10)
        with labelling(engine, settings):
            wait_until(lambda: len(rows(engine)) == PATIENTS - 1)
            watch_seconds(engine, 25, 45)
            wait_until(lambda: len(rows(engine)) == 2 * (PATIENTS - 1))
            stand_in.status, stand_in.body = 503, {"code": "no_model", "status": 503}
            watch_seconds(engine, 45, 60)
            wait_until(lambda: failure(engine) == "no_model")
            stand_in.status, stand_in.body = 200, dict(LABELLED)
            wait_until(lambda: len(rows(engine)) == 3 * (PATIENTS - 1))
            wait_until(lambda: failure(engine) is None)
    for row in rows(engine):
        assert (row.model, row.version) == ("ecg-fm", "0" * 64)
        assert json.loads(row.labels)["Atrial fibrillation"]["positive"] is True
    with engine.connect() as connection:
        leads = dict(map(tuple, connection.execute(select(STREAMS.c.id, STREAMS.c.leads))))
    assert {leads[row.stream] for row in rows(engine)} == {12}
    assert not [path for path in stand_in.asked if patient_name(0) in path]
    with labelling(engine, settings):
        watch_seconds(engine, 60, 80)
        wait_until(lambda: failure(engine) == "no_answer")
    with engine.connect() as connection:
        newest = connection.execute(select(WINDOWS.c.end_ms)).scalars()
        assert max(newest) >= ZERO_MS + 75 * SECOND_MS


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_window_that_always_fails_delays_no_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(labeller, "AT_ONCE", at_once)
    watch_seconds(engine, 0, 25)
    stand_in = StandIn(fails_one=True)
    with stand_in.serving() as url, labelling(engine, Settings(server=url)):
        wait_until(lambda: len(rows(engine)) == PATIENTS - 2)
        wait_until(lambda: failure(engine) == "internal")
    (row,) = rows(engine)
    assert row.labels and row.reason is None


class _SlowClient(AsyncEcgClient):
    """Has the answer once another process has taken the lease."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("http://127.0.0.1")
        self._engine = engine

    async def analyze(self, ecg: Any, **_: Any) -> Analysis:
        with writing(self._engine) as connection:
            connection.execute(update(LEASES).values(holder="another"))
        return Analysis.read(dict(LABELLED))


def test_an_answer_that_comes_after_the_lease_is_not_stored(engine: Engine) -> None:
    watch_seconds(engine, 0, 25)

    async def turn() -> None:
        async with _SlowClient(engine) as client:
            await labeller.Labeller(engine, "http://127.0.0.1", None, 10).turn(client)

    with pytest.raises(LeaseLost):
        asyncio.run(turn())
    assert not rows(engine)


@pytest.mark.parametrize(
    ("server", "key", "named"),
    [
        ("127.0.0.1:8000", None, "STATION_SERVER: "),
        ("http://127.0.0.1:port", None, "STATION_SERVER: "),
        ("http://user:secret@127.0.0.1", None, "STATION_SERVER: "),
        ("http://127.0.0.1", "secret\n", "STATION_SERVER_KEY: "),
        ("http://127.0.0.1", "se\N{LATIN SMALL LETTER C WITH CARON}ret", "STATION_SERVER_KEY: "),
    ],
)
def test_a_server_that_cannot_be_used_is_named(
    engine: Engine, server: str, key: str | None, named: str
) -> None:
    with pytest.raises(BadBridge, match=named) as found:
        make_app(Settings(server=server, server_key=key), engine, lambda _: None)
    assert "secret" not in str(found.value)


def test_a_window_that_the_server_refuses_keeps_its_reason(engine: Engine) -> None:
    watch_seconds(engine, 0, 25)
    stand_in = StandIn(422, {"code": "too_short", "status": 422})
    with stand_in.serving() as url, labelling(engine, Settings(server=url)):
        wait_until(lambda: len(rows(engine)) == PATIENTS - 1)
    assert {(row.reason, row.model, row.labels) for row in rows(engine)} == {
        ("too_short", None, None)
    }
    assert failure(engine) is None
