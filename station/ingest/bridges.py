"""The ways in beside HTTP, those that the settings name: they run while a front serves."""

from __future__ import annotations

from typing import Protocol

from station.ingest.hl7.answers import Answers
from station.ingest.hl7.listener import Hl7Listener
from station.ingest.intake import Intake
from station.settings import KIB, Settings
from station.web.access import Keys


class Bridge(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Bridges:
    """Raises BadBridge for settings that cannot be used."""

    def __init__(self, settings: Settings, writer: Intake, keys: Keys) -> None:
        self._bridges: list[Bridge] = []
        if not settings.has_role("front"):
            return
        if settings.mqtt is not None:
            # Its library is not needed without a broker.
            from station.ingest.mqtt.bridge import MqttBridge
            from station.ingest.mqtt.place import broker_of

            self._bridges.append(
                MqttBridge(
                    broker_of(settings.mqtt),
                    settings.mqtt_ca_file,
                    writer,
                    limit_bytes=settings.max_body_kb * KIB,
                    max_records=settings.max_records,
                )
            )

        if settings.hl7_port is not None:
            answers = Answers(
                writer, keys, default_key=settings.hl7_key, max_records=settings.max_records
            )
            self._bridges.append(
                Hl7Listener(
                    settings.host,
                    settings.hl7_port,
                    answers,
                    limit_bytes=settings.max_body_kb * KIB,
                    timeout_s=settings.body_timeout,
                )
            )

    async def start(self) -> None:
        """Called once the writer runs. Raises BadBridge."""
        for bridge in self._bridges:
            await bridge.start()

    async def stop(self) -> None:
        """Called while the writer still runs."""
        for bridge in self._bridges:
            await bridge.stop()
