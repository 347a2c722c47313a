"""A worker of a consumer group: it watches the partitions that the group gives to it.

Offsets are those of the database, not the broker's. A partition that comes is loaded from its
snapshots, one that goes stores them. Another worker may have it before this one knows: then the
cursor has moved, and nothing of this one's is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from sqlalchemy import Engine

from errors import BadBridge
from station.ingest.commit import ClockRules
from station.ingest.kafka.message import HEADER_NAME
from station.ingest.kafka.place import KafkaPlace
from station.store.engine import FAILURES, writing
from station.store.partitions import begin_partitions
from station.store.progress import CursorLost
from station.times import now_ms
from station.worker.partition import PartitionReader, Received
from station.worker.parts import Parts
from station.worker.session import FeedFailed

logger = logging.getLogger("ecg.station.watch")

# A worker that says nothing for this time has lost its partitions.
SESSION_TIMEOUT_MS: Final = 6000
HEARTBEAT_MS: Final = 2000
MAX_MESSAGES: Final = 1000
# What librdkafka reads ahead, for all partitions together.
MAX_AHEAD_KB: Final = 16_384
_POLL_S: Final = 0.05
_ASK_S: Final = 10.0


class GroupWorker:
    """Raises FeedFailed, BadBridge, and what PartitionReader raises."""

    def __init__(self, engine: Engine, parts: Parts, clock: ClockRules, place: KafkaPlace) -> None:
        self._engine, self._parts, self._clock, self._place = engine, parts, clock, place
        self._readers: dict[int, PartitionReader] = {}
        self._partitions = 0

    def run(self, wait: Callable[[float], bool]) -> None:
        """Watch until `wait` says that the worker is to end."""
        config: dict[str, Any] = self._place.config(
            group_id=f"{self._place.topic}-watch",
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy="cooperative-sticky",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            queued_max_messages_kbytes=MAX_AHEAD_KB,
        )
        try:
            consumer = Consumer(config, logger=logger)
            try:
                self._begin(consumer)
                while not wait(0):
                    self._turn(consumer)
                self._leave(list(self._readers))
            finally:
                self._readers.clear()
                consumer.close()
        except KafkaException as error:
            raise FeedFailed(f"Kafka failed: {error.args[0].name()}") from None

    def _begin(self, consumer: Consumer) -> None:
        topic = self._place.topic
        self._partitions = len(consumer.list_topics(topic, timeout=_ASK_S).topics[topic].partitions)
        if not self._partitions:
            raise FeedFailed("Kafka has no topic with the name of STATION_KAFKA")
        with writing(self._engine) as connection:
            begin_partitions(connection, topic, self._partitions, now_ms())
        consumer.subscribe(
            [topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def _turn(self, consumer: Consumer) -> None:
        """Process what has arrived, then do what the clock asks for."""
        batches: dict[int, list[Received]] = {}
        for message in consumer.consume(MAX_MESSAGES, _POLL_S):
            partition, received = _received(message)
            if received is not None:
                batches.setdefault(partition, []).append(received)
        for partition, batch in batches.items():
            reader = self._readers.get(partition)
            if reader is not None:
                following = batch[-1].offset + 1
                reader.process(batch, self._behind(consumer, partition, following))
        for partition, reader in self._readers.items():
            reader.session.behind = self._behind(consumer, partition, reader.session.cursor)
            reader.session.tick()

    def _behind(self, consumer: Consumer, partition: int, following: int) -> int | None:
        """Return how many messages of a partition come after an offset, as far as it is known."""
        place = TopicPartition(self._place.topic, partition)
        known: tuple[int, int] = consumer.get_watermark_offsets(place, cached=True)
        return None if known[1] < 0 else max(0, known[1] - following)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            if place.partition >= self._partitions:
                raise BadBridge(
                    f"STATION_KAFKA: the topic has got a partition {place.partition}; the records "
                    f"of a source are where {self._partitions} partitions put them"
                )
            reader = PartitionReader(
                self._engine,
                self._parts,
                self._clock,
                topic=self._place.topic,
                partition=place.partition,
                partitions=self._partitions,
            )
            self._readers[place.partition] = reader
            place.offset = reader.session.cursor
            logger.info("watching partition %d from offset %d on", place.partition, place.offset)
        consumer.incremental_assign(partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._leave([place.partition for place in partitions])
        consumer.incremental_unassign(partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Another worker may have them already: their snapshots must not be stored."""
        for place in partitions:
            self._readers.pop(place.partition, None)
        consumer.incremental_unassign(partitions)

    def _leave(self, partitions: list[int]) -> None:
        """Store the snapshots of partitions, so that whoever watches them next replays nothing."""
        for partition in partitions:
            reader = self._readers.pop(partition, None)
            if reader is None:
                continue
            try:
                reader.session.close()
            except (CursorLost, *FAILURES) as error:
                logger.warning("partition %d left: %s", partition, type(error).__name__)


def _received(message: Message) -> tuple[int, Received | None]:
    """Return the partition and what it has; None for a notice. Raises KafkaException."""
    error = message.error()
    if error is not None:
        if error.fatal():
            raise KafkaException(error)
        logger.warning("Kafka: %s", error.name())
        return -1, None
    headers = dict(message.headers() or [])
    received = Received(message.offset(), headers.get(HEADER_NAME), message.value() or b"")
    return message.partition(), received
