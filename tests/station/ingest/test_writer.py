"""The one writer: a bounded queue, one transaction for what waits, and faults that stay alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from errors import InternalError, NoDatabase, Overloaded, ShuttingDown
from station.ingest.commit import ClockRules, Post
from station.ingest.parse import parse_post
from station.ingest.writer import Writer
from station.store.engine import open_engine, writing
from station.store.patients import add_patients
from station.store.sources import add_source
from tests.station.frames import NOW_MS, frame

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALWAYS = ClockRules(max_ahead_ms=10**12, max_age_ms=10**12)


@pytest.fixture(autouse=True)
def known(engine: Engine) -> None:
    with writing(engine) as connection:
        add_source(connection, "strap-1", NOW_MS)
        add_patients(connection, ["p-1", "p-2"], NOW_MS)


@contextmanager
def running_writer(engine: Engine, max_waiting: int = 100) -> Iterator[Writer]:
    writer = Writer(engine, ALWAYS, max_waiting)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def post(*frames: bytes) -> Post:
    return Post(parse_post(b"".join(frames), 100), "gateway", None, NOW_MS)


def test_a_full_queue_refuses_at_once_and_has_room_later(engine: Engine) -> None:
    async def send(writer: Writer) -> None:
        with writing(engine):  # nobody else can write meanwhile
            first = asyncio.create_task(writer.store(post(*map(frame, range(3)))))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded) as refused:
                await writer.store(post(*map(frame, range(3, 6))))
        assert refused.value.retry_after_s == 1
        assert (await first).counts.total() == 3
        assert (await writer.store(post(*map(frame, range(3, 6))))).counts.total() == 3

    with running_writer(engine, max_waiting=5) as writer:
        asyncio.run(send(writer))


def test_a_post_at_fault_does_not_fail_its_neighbours(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(
            text(
                "CREATE TRIGGER fault BEFORE INSERT ON records WHEN NEW.patient_id = 2 "
                "BEGIN SELECT RAISE(ABORT, 'fault'); END"
            )
        )

    async def send(writer: Writer) -> list[object]:
        with writing(engine):
            posts = [post(frame(0)), post(frame(1, patient="p-2")), post(frame(2))]
            sent = [asyncio.create_task(writer.store(one)) for one in posts]
            await asyncio.sleep(0)
        return list(await asyncio.gather(*sent, return_exceptions=True))

    with running_writer(engine) as writer:
        first, faulty, last = asyncio.run(send(writer))
    assert isinstance(faulty, InternalError)
    assert not isinstance(first, Exception) and not isinstance(last, Exception)


def test_a_database_that_fails_is_no_fault_of_the_records(
    engine: Engine, database_url: str
) -> None:
    other = open_engine(database_url)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE sources"))
    with running_writer(other) as writer, pytest.raises(NoDatabase) as refused:
        asyncio.run(writer.store(post(frame(0))))
    assert refused.value.status == 503
    other.dispose()


def test_after_the_end_nothing_is_taken(engine: Engine) -> None:
    with running_writer(engine) as writer:
        pass
    with pytest.raises(ShuttingDown):
        asyncio.run(writer.store(post(frame(0))))
