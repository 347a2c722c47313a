"""While records wait in a topic, nobody is silent because of the records that wait."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from heads.beats.single import single_beat_probabilities
from station.ingest.commit import Post, store_and_return
from station.ingest.frame import encode
from station.ingest.parse import parse_post
from station.store.alarms import ALARMS
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.partitions import begin_partitions, cursor_of_partition
from station.store.streams import STREAMS
from station.times import SECOND_MS
from station.watch.step import Watch
from station.worker import session as session_module
from station.worker.parts import Parts
from station.worker.session import Session, Shard
from tests.station.worker.test_session import RULES
from tests.station.worker.wards import ALWAYS, ZERO_MS, records_of, register

PATIENTS = 2
SECONDS = 40
NO_DATA_MS = 30 * SECOND_MS
STREAM_END_MS = 300 * SECOND_MS
LATE_MS = 600 * SECOND_MS
PARTS = Parts(
    Watch,
    single_beat_probabilities,
    replace(RULES, no_data_ms=NO_DATA_MS, stream_end_ms=STREAM_END_MS),
)


class Partition:
    """One of a topic that was watched until ZERO_MS, then not for LATE_MS."""

    def __init__(self, engine: Engine, patched: pytest.MonkeyPatch) -> None:
        self._engine = engine
        self.clock_ms = ZERO_MS
        patched.setattr(session_module, "now_ms", lambda: self.clock_ms)
        register(engine, PATIENTS)
        self._records = [records_of(number, SECONDS) for number in range(PATIENTS)]
        with writing(engine) as connection:
            begin_partitions(connection, "ward", 1, ZERO_MS)
        shard = Shard(cursor_of_partition("ward", 0), False, lambda source: True, escalates=True)
        self._session = Session(engine, PARTS, shard)

    def take(self, sources: range, second: int) -> None:
        """Store and watch what these sources sent in a second."""
        frames = b"".join(encode(self._records[source][second]) for source in sources)
        post = Post(parse_post(frames, 10), "kafka", None, ZERO_MS + second * SECOND_MS)
        with writing(self._engine) as connection:
            self._session.process_in(connection, store_and_return(connection, [post], ALWAYS))

    def tick(self, behind: int) -> None:
        self.clock_ms += SECOND_MS
        self._session.behind = behind
        self._session.tick()

    def silent(self) -> int:
        with self._engine.connect() as connection:
            rules = list(connection.execute(select(ALARMS.c.rule)).scalars())
        return rules.count("no_data")

    def ended(self) -> int:
        with self._engine.connect() as connection:
            ends = list(connection.execute(select(STREAMS.c.closed_ms)).scalars())
        return len(ends) - ends.count(None)


@pytest.fixture
def partition(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Partition:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('backlog')}/station.db")
    migrate(engine)
    return Partition(engine, monkeypatch)


def test_a_backlog_older_than_the_limit_is_no_silence(partition: Partition) -> None:
    partition.take(range(PATIENTS), 0)
    partition.clock_ms += LATE_MS
    for second in (1, 2):
        partition.take(range(PATIENTS), second)
        partition.tick(behind=3 - second)
    assert (partition.silent(), partition.ended()) == (0, 0)
    partition.tick(behind=0)
    assert (partition.silent(), partition.ended()) == (PATIENTS, PATIENTS), "nothing else waits"


def test_a_silence_within_the_backlog_is_found(partition: Partition) -> None:
    """Records of others may wait all the time."""
    partition.take(range(PATIENTS), 0)
    partition.clock_ms += LATE_MS
    partition.take(range(1), NO_DATA_MS // SECOND_MS - 1)
    partition.tick(behind=1)
    assert partition.silent() == 0
    partition.take(range(1), NO_DATA_MS // SECOND_MS)
    partition.tick(behind=1)
    assert (partition.silent(), partition.ended()) == (1, 0)
