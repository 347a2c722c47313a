"""A front's way into Kafka: a post is acknowledged when every broker that must have it has it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from sqlalchemy import Engine

from errors import BadBridge, BodyTooLarge, EcgError, NoDatabase, Overloaded, ShuttingDown
from station.ingest.commit import Post, PostResult
from station.ingest.kafka.message import HEADER_NAME, messages_of
from station.ingest.kafka.place import KafkaPlace, partition_of
from station.ingest.outcomes import Outcome
from station.store.engine import FAILURES
from station.store.partitions import check_partitions
from station.times import RETRY_AFTER_S, SECOND_MS

logger = logging.getLogger("ecg.station.kafka")

DELIVERY_LIMIT_S: Final = 20
# Messages wait so long for others that go with them.
LINGER_MS: Final = 5
_POLL_S: Final = 0.1
_ASK_S: Final = 5.0
_NOT_STORED: Final = "Kafka has not acknowledged the records; send them again"


class _Waiting:
    """A post, and how many of its messages are not reported yet. Used on the event loop."""

    def __init__(self, messages: int) -> None:
        self.left = messages
        self.fault: EcgError | None = None
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def report(self, fault: EcgError | None) -> None:
        self.left -= 1
        self.fault = self.fault or fault
        if self.left or self.future.done():
            return
        if self.fault is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(self.fault)


class KafkaWriter:
    """Takes posts as Writer does. Its outcomes are those that need no database; see there."""

    def __init__(self, place: KafkaPlace, engine: Engine, max_waiting: int) -> None:
        self._place, self._engine, self._max_waiting = place, engine, max_waiting
        self.waiting = 0
        self.counts = Counter(dict.fromkeys(Outcome, 0))
        self._partitions: int | None = None
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka producer")
        config: dict[str, Any] = place.config(
            acks="all",
            enable_idempotence=True,
            linger_ms=LINGER_MS,
            delivery_timeout_ms=DELIVERY_LIMIT_S * SECOND_MS,
        )
        try:
            self._producer = Producer(config, logger=logger)
        except (KafkaException, ValueError) as error:
            raise BadBridge(f"STATION_KAFKA_OPTIONS: {_reason(error)}") from None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Deliver what waits, then end."""
        self._is_stopping.set()
        self._thread.join()

    async def store(self, post: Post) -> PostResult:
        """Return what became of a post, after Kafka has it.

        Raises Overloaded, ShuttingDown, BodyTooLarge, NoDatabase where Kafka does not take it.
        """
        if self._is_stopping.is_set():
            raise ShuttingDown("the station is shutting down", retry_after_s=RETRY_AFTER_S)
        records = max(post.parsed.count, 1)
        if self.waiting and self.waiting + records > self._max_waiting:
            raise Overloaded(
                f"{self.waiting} records wait for Kafka; the limit is {self._max_waiting} "
                "(STATION_MAX_WAITING)",
                retry_after_s=RETRY_AFTER_S,
            )
        self.waiting += records
        try:
            await self._deliver(post)
        finally:
            self.waiting -= records
        result = PostResult()
        result.counts[Outcome.QUEUED] = len(post.parsed.frames)
        for rejection in post.parsed.rejections:
            result.reject(rejection)
        result.counts += Counter()  # without outcomes that no frame had
        self.counts.update(result.counts)
        return result

    async def _deliver(self, post: Post) -> None:
        if self._partitions is None:
            raise NoDatabase(_NOT_STORED, retry_after_s=RETRY_AFTER_S)
        messages = list(messages_of(post))
        if not messages:
            return
        waiting = _Waiting(len(messages))
        loop = asyncio.get_running_loop()

        def reported(error: KafkaError | None, message: object) -> None:
            """Called from the thread that polls."""
            fault = None if error is None else _fault(error)
            loop.call_soon_threadsafe(waiting.report, fault)

        for message in messages:
            try:
                self._producer.produce(
                    self._place.topic,
                    value=message.value,
                    key=message.source,
                    partition=partition_of(message.source, self._partitions),
                    headers=[(HEADER_NAME, message.header)],
                    on_delivery=reported,
                )
            except BufferError:
                waiting.report(Overloaded("Kafka takes no more", retry_after_s=RETRY_AFTER_S))
            except KafkaException as error:
                waiting.report(_fault(error.args[0]))
        await waiting.future

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            if self._partitions is None:
                self._partitions = self._ask_partitions()
            self._producer.poll(_POLL_S)
        self._producer.flush(DELIVERY_LIMIT_S)

    def _ask_partitions(self) -> int | None:
        """Return the number of the topic's partitions; None while it cannot be used."""
        topic = self._place.topic
        try:
            count = len(self._producer.list_topics(topic, timeout=_ASK_S).topics[topic].partitions)
            if not count:
                raise BadBridge("STATION_KAFKA: there is no topic with this name")
            with self._engine.connect() as connection:
                check_partitions(connection, topic, count)
        except KafkaException as error:
            logger.error("Kafka does not answer: %s", _reason(error))
        except BadBridge as error:
            logger.error("%s", error.detail)
        except FAILURES as error:
            logger.error("the database failed: %s", type(error).__name__)
        else:
            return count
        self._is_stopping.wait(1)
        return None


def _fault(error: KafkaError) -> EcgError:
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return BodyTooLarge("a frame is larger than Kafka takes (message.max.bytes)")
    logger.error("Kafka has not taken a message: %s", error.name())
    return NoDatabase(_NOT_STORED, retry_after_s=RETRY_AFTER_S)


def _reason(error: Exception) -> str:
    """Return the name of an error of Kafka: its text may have a password."""
    first = error.args[0] if error.args else None
    return first.name() if isinstance(first, KafkaError) else type(error).__name__
