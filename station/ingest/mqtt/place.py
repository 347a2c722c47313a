"""Where the broker is: STATION_MQTT, mqtt[s]://USER:PASSWORD@HOST:PORT/TOPIC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from errors import BadBridge

# The registered ports of MQTT without and with TLS.
PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
DEFAULT_TOPIC: Final = "ecg-station"
_TOPIC: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True)
class Broker:
    """A broker and the station's account on it. `topic` is what all topics begin with."""

    host: str
    port: int
    is_tls: bool
    user: str | None
    password: str | None
    topic: str


def broker_of(url: str) -> Broker:
    """Return the broker of a URL. Raises BadBridge, whose message does not quote the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad("no URL") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise _bad("a URL of another kind, or without a host")
    topic = parts.path.strip("/") or DEFAULT_TOPIC
    if _TOPIC.fullmatch(topic) is None or parts.query or parts.fragment:
        raise _bad("TOPIC may have letters, digits, and _ . - /")
    return Broker(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        is_tls=parts.scheme == "mqtts",
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        topic=topic,
    )


def _bad(fault: str) -> BadBridge:
    return BadBridge(f"STATION_MQTT: {fault}; mqtt[s]://USER:PASSWORD@HOST:PORT/TOPIC is needed")
