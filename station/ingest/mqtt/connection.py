"""The station's connection to an MQTT broker, which is made again whenever it is lost.

Messages are taken with QoS 1 and acknowledged to the broker only when they are answered. The
session outlives the connection: what was not acknowledged is delivered again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from errors import BadBridge
from station.ingest.mqtt.place import Broker
from station.times import DAY_S

logger = logging.getLogger("ecg.station.mqtt")

CLIENT_ID: Final = "ecg-station"
QOS: Final = 1
KEEP_ALIVE_S: Final = 30
CONNECT_TIMEOUT_S: Final = 10
SHORTEST_WAIT_S: Final = 1
LONGEST_WAIT_S: Final = 30
# How long the broker keeps the session, with what was not acknowledged, without a connection.
SESSION_S: Final = 7 * DAY_S
# Messages that the broker delivers before the first of them is acknowledged.
RECEIVE_MAXIMUM: Final = 16
# A larger message is not delivered, so no answer tells that it is too large: twice the limit.
PACKET_BYTES_OF_LIMIT: Final = 2


@dataclass(frozen=True)
class Delivery:
    """A message of the broker. `connection` is the number of the connection that brought it."""

    topic: str
    payload: bytes
    packet: int
    connection: int


class Connection:
    """Delivers messages to `receive`, which is called on the event loop."""

    def __init__(
        self,
        broker: Broker,
        ca_file: Path | None,
        limit_bytes: int,
        receive: Callable[[Delivery], None],
    ) -> None:
        """Raises BadBridge."""
        self._broker, self._receive, self._limit_bytes = broker, receive, limit_bytes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._number = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLIENT_ID,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        self._client.username_pw_set(broker.user, broker.password)
        if broker.is_tls:
            try:
                self._client.tls_set(ca_certs=None if ca_file is None else str(ca_file))
            except OSError as error:
                raise BadBridge(f"STATION_MQTT_CA_FILE: {type(error).__name__}") from None
        self._client.reconnect_delay_set(SHORTEST_WAIT_S, LONGEST_WAIT_S)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect in a thread, now and whenever the connection is lost."""
        self._loop = asyncio.get_running_loop()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = PACKET_BYTES_OF_LIMIT * self._limit_bytes
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            KEEP_ALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    async def stop(self) -> None:
        """Disconnect. The broker keeps what is not acknowledged."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1; without a connection, as soon as there is one again."""
        self._client.publish(topic, payload, qos=QOS)

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that a message need not be delivered again.

        Numbers of packets belong to a connection. The broker delivers the messages of a lost one
        again, with numbers of the new one.
        """
        if delivery.connection == self._number:
            self._client.ack(delivery.packet, QOS)

    def _on_connect(
        self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            logger.error("%s refuses the station: %s", self._place, reason)
            return
        self._number += 1
        logger.info("connected to %s", self._place)
        client.subscribe(f"{self._broker.topic}/records/+/+", qos=QOS)

    def _on_connect_fail(self, client: mqtt.Client, data: Any) -> None:
        logger.warning("%s does not answer", self._place)

    def _on_disconnect(
        self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            logger.warning("the connection to %s is lost: %s", self._place, reason)

    def _on_subscribe(
        self,
        client: mqtt.Client,
        data: Any,
        packet: int,
        reasons: list[ReasonCode],
        properties: Any,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            logger.error("%s refuses the subscription: %s", self._place, reasons[0])

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        assert self._loop is not None
        delivery = Delivery(message.topic, bytes(message.payload), message.mid, self._number)
        try:
            self._loop.call_soon_threadsafe(self._receive, delivery)
        except RuntimeError:  # the station has ended
            return

    @property
    def _place(self) -> str:
        return f"the MQTT broker {self._broker.host}, port {self._broker.port}"
