"""Takes records from an MQTT broker, and answers each message after the commit of its records.

A source publishes to TOPIC/records/SOURCE/ID, with frames or JSON as POST /station/v1/records takes
them. The answer is published to TOPIC/acks/SOURCE/ID. The broker's own acknowledgement means
nothing: it may lose what it has acknowledged. Who may publish for which source is the broker's to
decide, so a message speaks for the source in its topic and for no other.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import orjson

from errors import BodyTooLarge, EcgError, NoDatabase, Overloaded, ShuttingDown
from station.ingest.commit import Post
from station.ingest.intake import Intake
from station.ingest.mqtt.connection import Connection, Delivery
from station.ingest.mqtt.place import Broker
from station.ingest.posts import answer_of, parsed_body
from station.times import RETRY_AFTER_S, now_ms

_JSON_BEGIN: Final = b"{"


class MqttBridge:
    """Raises BadBridge."""

    def __init__(
        self,
        broker: Broker,
        ca_file: Path | None,
        writer: Intake,
        *,
        limit_bytes: int,
        max_records: int,
    ) -> None:
        self._topic, self._writer = broker.topic, writer
        self._limit_bytes, self._max_records = limit_bytes, max_records
        self._connection = Connection(broker, ca_file, limit_bytes, self._receive)
        # In the order in which they came; the broker delivers few before the first is answered.
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._taking: asyncio.Task[None] | None = None
        self._storing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._taking = asyncio.create_task(self._take(), name="mqtt")
        self._connection.start()

    async def stop(self) -> None:
        """Answer what is being stored; the broker keeps the rest."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking, *self._storing], timeout=RETRY_AFTER_S)
        await self._connection.stop()

    def _receive(self, delivery: Delivery) -> None:
        self._waiting.put_nowait(delivery)

    async def _take(self) -> None:
        """Parse messages one by one, and give them to the writer in their order."""
        while True:
            delivery = await self._waiting.get()
            source, message_id = delivery.topic.split("/")[-2:]
            post = await self._post(source, delivery.payload)
            task = asyncio.create_task(self._finish(delivery, f"{source}/{message_id}", post))
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)

    async def _post(self, source: str, payload: bytes) -> Post | EcgError:
        is_json = payload[:1] == _JSON_BEGIN
        if len(payload) > self._limit_bytes:
            return BodyTooLarge(
                f"message of {len(payload)} bytes; {self._limit_bytes} are allowed "
                "(STATION_MAX_BODY_KB)"
            )
        try:
            parsed = await parsed_body(payload, self._max_records, is_json=is_json)
        except EcgError as error:
            return error
        return Post(parsed, sender=source, only_source=source, received_ms=now_ms())

    async def _finish(self, delivery: Delivery, ending: str, post: Post | EcgError) -> None:
        try:
            answer = post.problem() if isinstance(post, EcgError) else await self._stored(post)
        except ShuttingDown:
            return
        except EcgError as error:
            answer = error.problem()
        self._connection.publish(f"{self._topic}/acks/{ending}", orjson.dumps(answer))
        self._connection.acknowledge(delivery)

    async def _stored(self, post: Post) -> dict[str, Any]:
        """Return the answer to a post, however long its commit takes. Raises EcgError."""
        while True:
            try:
                return answer_of(post.parsed, await self._writer.store(post))
            except (Overloaded, NoDatabase):
                await asyncio.sleep(RETRY_AFTER_S)
