"""A device that speaks MQTT: it keeps what it publishes until the station has answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

LIMIT_S = 60.0


class MqttDevice:
    """A client of the broker with the account of a source."""

    def __init__(self, port: int, source: str, password: str) -> None:
        self._source = source
        self.answers: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=source)
        self.client.username_pw_set(source, password)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.connect_async("127.0.0.1", port, 10)
        self.client.loop_start()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, message_id: str, payload: bytes, source: str | None = None) -> None:
        topic = f"ecg-station/records/{source or self._source}/{message_id}"
        self.client.publish(topic, payload, qos=1)

    def answer_to(self, message_id: str, payload: bytes, again_s: float = LIMIT_S) -> Any:
        """Publish until there is an answer, and return it."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            self.send(message_id, payload)
            if self.wait_for(message_id, again_s):
                return self.answers[message_id]
        raise AssertionError(f"no answer to {message_id}")

    def wait_for(self, message_id: str, timeout_s: float) -> bool:
        return self.wait_for_all([message_id], timeout_s)

    def wait_for_all(self, message_ids: Iterable[str], timeout_s: float) -> bool:
        wanted = set(message_ids)
        with self._changed:
            return self._changed.wait_for(lambda: wanted <= self.answers.keys(), timeout_s)

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(f"ecg-station/acks/{self._source}/+", qos=1)

    def _on_message(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.answers[message.topic.rpartition("/")[2]] = orjson.loads(message.payload)
            self._changed.notify_all()
