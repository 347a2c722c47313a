"""Steps of alarms to an HL7 receiver by MLLP; one is delivered when it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from errors import BadBridge, MalformedBody
from station.ingest.hl7.listener import BEGIN, END
from station.ingest.hl7.message import parse_message
from station.outbox.hl7_alert import alert_message
from station.outbox.outlet import NotDelivered, Notice
from station.times import now_ms

# HL7's table 0008: application and commit acknowledgement; an error is one of the message itself.
_ACCEPTED: Final = ("AA", "CA")
_FINAL: Final = ("AE", "CE")
_MAX_ANSWER_BYTES: Final = 65_536


class Mllp:
    """Sends every step of every alarm, one message at a time on a connection of its own."""

    name = "hl7"
    at_once = 1

    def __init__(self, url: str) -> None:
        """Raises BadBridge."""
        try:
            parsed = urlsplit(url)
            port = parsed.port
        except ValueError:
            port = None
        if port is None or parsed.scheme != "mllp" or not parsed.hostname:
            raise BadBridge("STATION_HL7_ALERTS: mllp://HOST:PORT")
        self._host, self._port = parsed.hostname, port

    def wants(self, data: Mapping[str, Any]) -> bool:
        return True

    async def send(self, notice: Notice) -> None:
        reader, writer = await asyncio.open_connection(
            self._host, self._port, limit=_MAX_ANSWER_BYTES
        )
        try:
            writer.write(BEGIN + alert_message(notice, now_ms()) + END)
            await writer.drain()
            answer = await reader.readuntil(END)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise NotDelivered("the connection ended without an acknowledgement") from None
        finally:
            writer.close()
        _check(answer.removesuffix(END).lstrip(BEGIN), notice.id)

    async def close(self) -> None:
        """Each message has a connection of its own."""


def _check(answer: bytes, message_id: str) -> None:
    """Raises NotDelivered for everything but an acknowledgement that accepts this message."""
    try:
        segments = {segment.name: segment for segment in parse_message(answer).segments}
    except MalformedBody:
        raise NotDelivered("the answer is not HL7") from None
    said = segments.get("MSA")
    if said is None or said.component(2) != message_id:
        raise NotDelivered("the answer does not acknowledge the message")
    code = said.component(1)
    if code not in _ACCEPTED:
        known = code if code in ("AE", "AR", "CE", "CR") else "an unknown code"
        raise NotDelivered(f"the receiver answered {known}", is_final=code in _FINAL)
