"""Receivers of alarms on sockets of this machine: HTTP, SMTP, HL7 by MLLP. Each can fail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from station.ingest.hl7.message import Message, parse_message
from tests.station.postgres import free_port

LIMIT_S = 60.0


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass
class Posted:
    """A request as a webhook's receiver has it."""

    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


@dataclass
class HttpReceiver:
    """Answers with the next of `statuses`, 204 after the last; None: only once `go` is set."""

    port: int = field(default_factory=free_port)
    statuses: list[int | None] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alarms"

    @contextmanager
    def serving(self) -> Iterator[HttpReceiver]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.posted.append(Posted(headers, body))
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                if status is None:
                    receiver.go.wait(LIMIT_S)
                    status = 204
                self.send_response(status)
                if status == 302:
                    self.send_header("location", receiver.url)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield self
            self.go.set()
            server.shutdown()
            thread.join()


@dataclass
class MailServer:
    """Takes messages, or answers to each with the next of `replies`.

    refusals  of the sender, one each time that a message begins
    """

    replies: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.replies:
            return self.replies.pop(0)
        assert isinstance(envelope.content, bytes)
        message = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yield the value of STATION_EMAIL."""
        controller = Controller(self, hostname="127.0.0.1", port=free_port())
        controller.start()
        try:
            yield f"smtp://127.0.0.1:{controller.port}"
        finally:
            controller.stop()


@contextmanager
def answering_once_connected(line: bytes) -> Iterator[int]:
    """Yield the port of a server that says one line to whoever connects, and hangs up."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(line)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@dataclass
class Hl7Receiver:
    """Acknowledges each message with the next of `codes`, AA after the last."""

    codes: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yield the value of STATION_HL7_ALERTS."""
        receiver = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                content = b""
                while not content.endswith(b"\x1c\r"):
                    more = self.connection.recv(4096)
                    if not more:
                        return
                    content += more
                message = parse_message(content[1:-2])
                receiver.messages.append(message)
                code = receiver.codes.pop(0) if receiver.codes else "AA"
                number = message.header.field(10)
                answer = f"MSH|^~\\&|manager|||||||ACK|1|P|2.6\rMSA|{code}|{number}\r"
                self.wfile.write(b"\x0b" + answer.encode() + b"\x1c\r")

        with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield f"mllp://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join()
