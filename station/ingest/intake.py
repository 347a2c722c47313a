"""Where the ways in give their posts: to the database of this machine, or to Kafka."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from sqlalchemy import Engine

from station.ingest.commit import ClockRules, Post, PostResult
from station.ingest.kafka.place import kafka_of
from station.ingest.outcomes import Outcome
from station.ingest.writer import Writer
from station.settings import Settings
from station.times import SECOND_MS


class Intake(Protocol):
    """Takes posts, and says what became of each once nothing can lose it any more.

    counts   of each outcome, since the start
    waiting  number of records
    """

    counts: Counter[Outcome]
    waiting: int

    def start(self) -> None: ...

    def stop(self) -> None:
        """Finish what waits."""

    async def store(self, post: Post) -> PostResult:
        """Raises Overloaded, ShuttingDown, NoDatabase."""


def intake_of(settings: Settings, engine: Engine) -> Intake:
    """Raises BadBridge."""
    kafka = kafka_of(settings)
    if kafka is None:
        return Writer(engine, clock_of(settings), settings.max_waiting)
    # Its library is not needed without a broker.
    from station.ingest.kafka.producer import KafkaWriter

    return KafkaWriter(kafka, engine, settings.max_waiting)


def clock_of(settings: Settings) -> ClockRules:
    return ClockRules(
        max_ahead_ms=round(settings.clock_ahead * SECOND_MS),
        max_age_ms=round(settings.clock_behind * SECOND_MS),
    )
