"""Alarms that fire or are escalated, by e-mail to the receiver whose turn it is."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from errors import BadBridge
from station.alarms.machine import Step
from station.outbox.outlet import SEND_LIMIT_S, NotDelivered, Notice
from station.times import SECOND_MS

_SENT: Final = (Step.FIRED, Step.ESCALATED)
_PORTS: Final = {"smtp": 587, "smtps": 465}
# RFC 5321, 4.2.1: a reply of this or a higher code is permanent.
_PERMANENT: Final = 500


class Email:
    """Sends messages by one mail server.

    address    sender
    addresses  of receivers, by their names; one without an address gets no message
    """

    name = "email"
    at_once = 1

    def __init__(
        self,
        url: str,
        address: str | None,
        addresses: str,
        *,
        priorities: tuple[str, ...],
        receivers: tuple[str, ...],
    ) -> None:
        """Raises BadBridge."""
        self._server = _server(url)
        if address is None:
            raise BadBridge("STATION_EMAIL_FROM: an address is required")
        self._from = _address("STATION_EMAIL_FROM", address)
        self._to = _receivers(addresses, receivers)
        self._priorities = priorities
        self._receivers = receivers

    def wants(self, data: Mapping[str, Any]) -> bool:
        if data["priority"] not in self._priorities or data["step"] not in _SENT:
            return False
        return self._receiver(data) in self._to

    async def send(self, notice: Notice) -> None:
        message = self._message(notice)
        try:
            async with aiosmtplib.SMTP(**self._server, timeout=SEND_LIMIT_S) as client:
                await client.send_message(message)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotDelivered(f"the mail server refused the password: {error.code}") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            (refused,) = error.recipients
            raise _refusal_of_message(refused.code) from None
        except aiosmtplib.SMTPDataError as error:
            raise _refusal_of_message(error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            # The connection, EHLO or the sender: of the station, which an operator can mend.
            raise NotDelivered(f"the mail server answered {error.code}") from None
        except aiosmtplib.SMTPException as error:
            raise NotDelivered(f"no answer: {type(error).__name__}") from None

    async def close(self) -> None:
        """Each message has a connection of its own."""

    def _receiver(self, data: Mapping[str, Any]) -> str:
        level: int = data["level"]
        return self._receivers[min(level, len(self._receivers) - 1)]

    def _message(self, notice: Notice) -> EmailMessage:
        data = notice.data
        moment = datetime.fromtimestamp(data["at_ms"] / SECOND_MS, UTC)
        rule = str(data["rule"]).replace("_", " ")
        message = EmailMessage()
        message["From"] = self._from
        message["To"] = self._to[self._receiver(data)]
        # No patient in the subject: it is shown on locked screens.
        message["Subject"] = f"Alarm of {data['priority']} priority: {rule}"
        message["Date"] = format_datetime(moment, usegmt=True)
        message["Message-ID"] = f"<{notice.id}@{self._from.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        step = "goes on, and nobody has acknowledged it" if data["level"] else "fires"
        message.set_content(
            f"The alarm {rule} of patient {data['patient']} {step}.\n\n"
            f"Priority: {data['priority']}\n"
            f"Time: {moment.isoformat(sep=' ', timespec='seconds')}\n"
            f"Alarm: {notice.alarm_id}\n"
        )
        return message


def _refusal_of_message(code: int) -> NotDelivered:
    return NotDelivered(f"the mail server answered {code}", is_final=code >= _PERMANENT)


def _server(text: str) -> dict[str, Any]:
    """Return the arguments of aiosmtplib.SMTP. A password is only sent by TLS."""
    wanted = "STATION_EMAIL: smtp[s]://USER:PASSWORD@HOST:PORT"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise BadBridge(wanted) from None
    if url.scheme not in _PORTS or not url.hostname or url.path.strip("/") or url.query:
        raise BadBridge(wanted)
    is_tls = url.scheme == "smtps"
    server: dict[str, Any] = {
        "hostname": url.hostname,
        "port": port or _PORTS[url.scheme],
        "use_tls": is_tls,
        "tls_context": ssl.create_default_context(),
    }
    if url.username is not None:
        server["username"] = unquote(url.username)
        server["password"] = unquote(url.password or "")
    if not is_tls:
        # None: where the server offers it.
        server["start_tls"] = True if url.username is not None else None
    return server


def _address(setting: str, text: str) -> Address:
    try:
        address = Address(addr_spec=text.strip())
    except (ValueError, IndexError, MessageError):
        raise BadBridge(f"{setting}: not an address") from None
    if not address.username or not address.domain:
        raise BadBridge(f"{setting}: not an address")
    return address


def _receivers(text: str, receivers: tuple[str, ...]) -> dict[str, Address]:
    """Return receiver -> address."""
    found = {}
    for pair in filter(None, text.split(",")):
        name, equals, address = pair.partition("=")
        if not equals or name.strip() not in receivers:
            raise BadBridge(
                "STATION_EMAIL_TO: RECEIVER=ADDRESS,..., of receivers that STATION_RECEIVERS names"
            )
        found[name.strip()] = _address("STATION_EMAIL_TO", address)
    if not found:
        raise BadBridge("STATION_EMAIL_TO: at least one RECEIVER=ADDRESS is required")
    return found
