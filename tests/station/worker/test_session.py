"""Records in the database are watched, and what is found is stored once, whatever fails."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from heads.beats.single import single_beat_probabilities
from station.store.dead_letters import dead_letters
from station.store.engine import open_engine, writing
from station.store.events import events_after
from station.store.migrate import migrate
from station.store.patients import PATIENTS
from station.store.progress import CURSORS, SNAPSHOTS, CursorLost
from station.watch.order import StreamRecord
from station.watch.outputs import Outputs
from station.watch.step import Watch
from station.worker import log as log_module
from station.worker import session as session_module
from station.worker.faults import leave_out_faults
from station.worker.log import LogReader
from station.worker.parts import Parts, Rules
from station.worker.session import StepFailed
from tests.station.worker.wards import found, register, store, ward_frames

PATIENTS_OF_WARD = 6
SECONDS = 60
RULES = Rules(
    no_data_ms=10**12,
    stream_end_ms=10**12,
    escalate_after_ms=60_000,
    receivers=1,
    ventricular_beats_per_min=None,
)


PARTS = Parts(Watch, single_beat_probabilities, RULES)


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    return ward_frames(PATIENTS_OF_WARD, SECONDS, random.Random(0))


@pytest.fixture(scope="module")
def undisturbed(
    frames: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """What is found when nothing fails."""
    folder: Path = tmp_path_factory.mktemp("undisturbed")
    engine = open_engine(f"sqlite:///{folder}/station.db")
    migrate(engine)
    register(engine, PATIENTS_OF_WARD)
    store(engine, frames)
    watch_all(engine)
    yield found(engine)
    engine.dispose()


def watch_all(engine: Engine, parts: Parts = PARTS) -> None:
    reader = LogReader(engine, parts)
    while reader.turn():
        pass
    reader.session.close()


def test_a_ward_is_watched(undisturbed: dict[str, list[tuple[Any, ...]]]) -> None:
    assert len(undisturbed["beats"]) > PATIENTS_OF_WARD * SECONDS / 2
    assert len(undisturbed["windows"]) > PATIENTS_OF_WARD * SECONDS / 10
    rules = {alarm[1] for alarm in undisturbed["alarms"]}
    assert {"asystole", "leads_off"} <= rules


def test_an_alarm_is_told_once(engine: Engine, frames: list[bytes]) -> None:
    register(engine, PATIENTS_OF_WARD)
    store(engine, frames)
    watch_all(engine)
    with engine.connect() as connection:
        events = [event.data for event in events_after(connection, 0, 1000)]
    fired = [data for data in events if '"step":"fired"' in data]
    assert len(fired) == len(set(fired)) > 0
    assert all('"patient":"p-' in data and '"source":"strap-' in data for data in fired)


def test_failures_at_any_point_change_nothing(
    engine: Engine,
    frames: list[bytes],
    undisturbed: dict[str, list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The records arrive in pieces, and the worker is lost between and within its turns."""
    draw = random.Random(1)
    monkeypatch.setattr(session_module, "SNAPSHOT_MS", 0)
    register(engine, PATIENTS_OF_WARD)
    reader = LogReader(engine, PARTS)
    arrived = 0
    while arrived < len(frames):
        more = draw.randint(1, 40)
        store(engine, frames[arrived : arrived + more])
        arrived += more
        limit = draw.choice([7, 50, 5000])
        monkeypatch.setattr(session_module, "MAX_RECORDS", limit)
        monkeypatch.setattr(log_module, "MAX_RECORDS", limit)
        if draw.random() < 0.3:
            fail_in_a_turn(reader, monkeypatch)
        if draw.random() < 0.3:
            reader = LogReader(engine, PARTS)
        reader.turn()
    while reader.turn():
        pass
    assert found(engine) == undisturbed


def fail_in_a_turn(reader: LogReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a transaction fail after everything is written, as when the process is killed."""

    class Killed(Exception):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(session_module, "add_events", kill)
        with pytest.raises(Killed):
            reader.turn()
            reader.session._tick()
    reader.__init__(reader._engine, PARTS)  # type: ignore[misc]


def test_a_second_worker_takes_over(engine: Engine, frames: list[bytes]) -> None:
    register(engine, PATIENTS_OF_WARD)
    store(engine, frames[:50])
    first, second = LogReader(engine, PARTS), LogReader(engine, PARTS)
    second.turn()
    with pytest.raises(CursorLost):
        first.turn()


def test_a_clean_stop_leaves_nothing_to_replay(engine: Engine, frames: list[bytes]) -> None:
    register(engine, PATIENTS_OF_WARD)
    store(engine, frames)
    watch_all(engine)
    with engine.connect() as connection:
        assert set(connection.execute(select(SNAPSHOTS.c.replay_from)).scalars()) == {None}
        following = connection.execute(select(CURSORS.c.next)).scalar_one()
    assert LogReader(engine, PARTS).session.position == following


class Fragile(Watch):
    """A watch that one record breaks."""

    bad = 30

    def step(self, records: list[StreamRecord]) -> Outputs:  # type: ignore[override]
        if any(record.stream == 1 and record.seq == self.bad for record in records):
            raise ZeroDivisionError
        return super().step(records)


def test_a_record_that_breaks_the_watch_is_a_dead_letter(
    engine: Engine, frames: list[bytes], undisturbed: dict[str, list[tuple[Any, ...]]]
) -> None:
    register(engine, PATIENTS_OF_WARD)
    store(engine, frames)
    parts = Parts(Fragile, single_beat_probabilities, RULES)
    with pytest.raises(StepFailed) as failed:
        watch_all(engine, parts)
    assert leave_out_faults(engine, parts, failed.value.rows) == 1
    watch_all(engine, parts)
    with engine.connect() as connection:
        letters = [row for row in dead_letters(connection).rows if row.reason == "unwatched"]
    assert [(row.seq, row.source) for row in letters] == [(30, "strap-0")]
    assert "ZeroDivisionError" in letters[0].detail
    others = [beat for beat in undisturbed["beats"] if beat[0] != 1]
    assert [beat for beat in found(engine)["beats"] if beat[0] != 1] == others


def test_changed_limits_are_followed(engine: Engine, frames: list[bytes]) -> None:
    register(engine, PATIENTS_OF_WARD)
    half = len(frames) // 2
    store(engine, frames[:half])
    reader = LogReader(engine, PARTS)
    reader.turn()
    with writing(engine) as connection:
        connection.execute(update(PATIENTS).values(rate_low=150, rate_high=200))
    reader.session._tick()
    store(engine, frames[half:])
    reader.turn()
    assert "rate_low" in {alarm[1] for alarm in found(engine)["alarms"]}
    with engine.connect() as connection:
        limits = connection.execute(select(SNAPSHOTS.c.rate_low)).scalars()
        assert set(limits) == {150}
