"""Which Kafka it is, and which partition of the topic a source's records go to."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from errors import BadBridge
from station.settings import Settings

FORM: Final = "kafka://HOST:PORT,HOST:PORT/TOPIC"
# What these clients rely on; a file of options must not change it.
_OURS: Final = (
    *("bootstrap.servers", "group.id", "acks", "enable.idempotence"),
    *("enable.auto.commit", "enable.auto.offset.store", "partition.assignment.strategy"),
)


@dataclass(frozen=True)
class KafkaPlace:
    """A topic, and the options of clients that reach it (of librdkafka, such as TLS and SASL)."""

    brokers: str
    topic: str
    options: tuple[tuple[str, str], ...]

    def config(self, **ours: str | int | bool) -> dict[str, str | int | bool]:
        """Return the configuration of a client; `_` in a name is a dot there."""
        return {
            "bootstrap.servers": self.brokers,
            **dict(self.options),
            **{name.replace("_", "."): value for name, value in ours.items()},
        }


def kafka_of(settings: Settings) -> KafkaPlace | None:
    """Return the Kafka of the settings; None where they name none. Raises BadBridge."""
    if settings.kafka is None:
        return None
    if not settings.database.startswith("postgresql"):
        raise BadBridge("STATION_KAFKA: STATION_DATABASE must be a PostgreSQL, for all machines")
    try:
        url = urlsplit(settings.kafka)
    except ValueError:
        raise BadBridge(f"STATION_KAFKA: {FORM}") from None
    topic = url.path.removeprefix("/")
    if url.scheme != "kafka" or not url.netloc or not topic or "/" in topic or "@" in url.netloc:
        raise BadBridge(f"STATION_KAFKA: {FORM}")
    return KafkaPlace(url.netloc, topic, _options(settings.kafka_options))


def _options(path: Path | None) -> tuple[tuple[str, str], ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadBridge(f"STATION_KAFKA_OPTIONS: {type(error).__name__}") from None
    options = []
    for number, line in enumerate(lines, 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not equals or name in _OURS:
            raise BadBridge(f"STATION_KAFKA_OPTIONS, line {number}: NAME=VALUE, and none of ours")
        options.append((name, value))
    return tuple(options)


def partition_of(source: str, partitions: int) -> int:
    """Return the partition of all records of a source, whoever sends them."""
    return zlib.crc32(source.encode()) % partitions
