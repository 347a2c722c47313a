"""Watches one partition of a topic: its messages are stored, watched and counted in one
transaction, so that each record of it is stored and watched once, whatever fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Engine

from station.ingest.commit import ClockRules, Post, store_and_return
from station.ingest.frame import MAX_FRAME_BYTES
from station.ingest.kafka.message import post_of
from station.ingest.kafka.place import partition_of
from station.ingest.outcomes import MISSING, Outcome
from station.store.dead_letters import DeadLetter, add_dead_letters
from station.store.engine import writing
from station.store.partitions import cursor_of_partition
from station.times import now_ms
from station.worker.faults import leave_out_faults
from station.worker.parts import Parts
from station.worker.session import Session, Shard, StepFailed

logger = logging.getLogger("ecg.station.watch")

# Who sent what is not a post of the station.
_SENDER: Final = "kafka"


class Received(NamedTuple):
    """A message of the partition, as the consumer has it."""

    offset: int
    header: bytes | None
    value: bytes


class PartitionReader:
    """Raises what Session raises. `partitions` is the topic's number of them."""

    def __init__(
        self,
        engine: Engine,
        parts: Parts,
        clock: ClockRules,
        *,
        topic: str,
        partition: int,
        partitions: int,
    ) -> None:
        self._engine, self._parts, self._clock = engine, parts, clock
        self._shard = Shard(
            cursor_of_partition(topic, partition),
            counts_records=False,
            owns=lambda source: partition_of(source, partitions) == partition,
            escalates=partition == 0,
        )
        self.session = self._load()

    def process(self, messages: Sequence[Received], behind: int | None) -> None:
        """Store and watch messages. `behind`: how many more there are."""
        self.session.behind = behind
        try:
            self._process(messages)
        except StepFailed as error:
            logger.error("watching failed: %s", type(error.__cause__).__name__)
            # The records are stored first, so that those at fault can be found by watching again.
            self.session = self._load()
            self._process(messages, is_watched=False)
            self.session = self._load()

    def _load(self) -> Session:
        """Return a session that has watched again what its snapshots lack."""
        while True:
            session = Session(self._engine, self._parts, self._shard)
            try:
                while session.replay():
                    pass
            except StepFailed as error:
                if not leave_out_faults(self._engine, self._parts, error.rows):
                    raise
            else:
                return session

    def _process(self, messages: Sequence[Received], *, is_watched: bool = True) -> None:
        session = self.session
        following = messages[-1].offset + 1
        posts, letters = self._read(messages)
        with writing(self._engine) as connection:
            session.advance(connection, following)
            add_dead_letters(connection, letters)
            rows = store_and_return(connection, posts, self._clock) if posts else []
            if is_watched:
                session.process_in(connection, rows)
            else:
                session.leave_in(connection, rows)
        session.cursor = following

    def _read(self, messages: Sequence[Received]) -> tuple[list[Post], list[DeadLetter]]:
        """Return the posts, and dead letters for what is missing or none of the station's."""
        posts: list[Post] = []
        letters: list[DeadLetter] = []
        expected = self.session.cursor
        for message in messages:
            if message.offset > expected:
                skipped = f"offsets {expected} to {message.offset - 1} are not in the topic"
                letters.append(self._letter(MISSING, skipped, None))
            elif message.offset < expected:
                logger.warning("%s begins anew: the topic was made again", self._shard.cursor)
            expected = message.offset + 1
            post = post_of(message.header, message.value)
            if post is None:
                detail = f"offset {message.offset}: not a message of a station"
                frame = message.value[:MAX_FRAME_BYTES]
                letters.append(self._letter(Outcome.CORRUPT, detail, frame))
            else:
                posts.append(post)
        return posts, letters

    def _letter(self, reason: str, detail: str, frame: bytes | None) -> DeadLetter:
        return DeadLetter(
            received_ms=now_ms(),
            sender=_SENDER,
            source="",
            seq=None,
            last_seq=None,
            reason=reason,
            detail=f"{self._shard.cursor}: {detail}",
            frame=frame,
        )
