"""Steps of alarms by HTTP POST, signed as the Standard Webhooks say, so that receivers can check
them with a library: https://github.com/standard-webhooks/standard-webhooks (version 1.0).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson

from errors import BadBridge
from station.outbox.outlet import SEND_LIMIT_S, NotDelivered, Notice
from station.times import SECOND_MS

SECRET_PREFIX: Final = "whsec_"
# The specification's bounds.
MIN_SECRET_BYTES: Final = 24
MAX_SECRET_BYTES: Final = 64
# What a receiver needs to find the bed and to follow the alarm, without what was measured or noted.
_SENT: Final = (
    *("alarm", "patient", "rule", "priority", "state", "step", "level"),
    *("since_ms", "ended_ms", "at_ms"),
)
# The message itself is at fault. All other answers may change when the receiver has been mended.
_FINAL: Final = (
    httpx.codes.BAD_REQUEST,
    httpx.codes.GONE,
    httpx.codes.REQUEST_ENTITY_TOO_LARGE,
    httpx.codes.UNSUPPORTED_MEDIA_TYPE,
    httpx.codes.UNPROCESSABLE_ENTITY,
)


class Webhook:
    """Posts every step of every alarm to one address, which it does not leave for a redirect."""

    name = "webhook"
    at_once = 8

    def __init__(self, url: str, secret: str | None, receivers: tuple[str, ...]) -> None:
        """Raises BadBridge."""
        self._url = _url(url)
        self._secret = _secret(secret)
        self._receivers = receivers
        self._client: httpx.AsyncClient | None = None

    def wants(self, data: Mapping[str, Any]) -> bool:
        return True

    async def send(self, notice: Notice) -> None:
        body = self._body(notice)
        moment_s = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": moment_s,
            "webhook-signature": signature(self._secret, notice.id, moment_s, body),
        }
        if self._client is None:
            # Made in the loop that uses it.
            self._client = httpx.AsyncClient(
                timeout=SEND_LIMIT_S,
                follow_redirects=False,
                # The settings alone say where messages go: no proxy of the environment.
                trust_env=False,
                verify=ssl.create_default_context(),
            )
        try:
            # The answer's body is not read: it has no limit and no meaning.
            async with self._client.stream(
                "POST", self._url, content=body, headers=headers
            ) as answer:
                status = answer.status_code
        except httpx.HTTPError as error:
            raise NotDelivered(f"no answer: {type(error).__name__}") from None
        if not httpx.codes.is_success(status):
            raise NotDelivered(f"the receiver answered {status}", is_final=status in _FINAL)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _body(self, notice: Notice) -> bytes:
        data = notice.data
        moment = datetime.fromtimestamp(data["at_ms"] / SECOND_MS, UTC)
        receiver = self._receivers[min(data["level"], len(self._receivers) - 1)]
        sent = {name: data[name] for name in _SENT} | {"id": notice.id, "receiver": receiver}
        return orjson.dumps(
            {
                "type": f"alarm.{data['step']}",
                "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "data": sent,
            }
        )


def signature(secret: bytes, message_id: str, moment_s: str, body: bytes) -> str:
    """Return the value of webhook-signature."""
    signed = f"{message_id}.{moment_s}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise BadBridge("STATION_WEBHOOK is no URL") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise BadBridge("STATION_WEBHOOK: allowed are http:// and https:// without a password")
    return text


def _secret(text: str | None) -> bytes:
    wanted = (
        f"STATION_WEBHOOK_SECRET: {SECRET_PREFIX} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} "
        "random bytes in base64"
    )
    if text is None or not text.startswith(SECRET_PREFIX):
        raise BadBridge(wanted)
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise BadBridge(wanted) from None
    if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
        raise BadBridge(wanted)
    return secret
