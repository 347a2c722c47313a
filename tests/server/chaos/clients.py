"""Clients that send requests until each has its answer, and check whose answer it is.

A client knows that the server has accepted its request, as it asks for `100 Continue` before it
sends the body (RFC 9110, 10.1.1). A connection that breaks before is no loss.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.server.chaos.account import (
    DOCUMENTED_REFUSALS,
    HUNG,
    LATE,
    LATE_CODES,
    LOST,
    NOT_ACCEPTED,
    STARVED,
    SWAPPED,
    WRONG,
    Account,
)
from tests.server.chaos.questions import (
    Fingerprints,
    PartlyRefused,
    Question,
    SwappedAnswer,
    WrongAnswer,
    draw_question,
)

# ECG_REQUEST_TIMEOUT of the server. Nothing depends on how fast the machine is: a request that
# takes longer was forgotten within the server, and one that takes HUNG_S by the HTTP process too.
REQUEST_TIMEOUT_S: Final = 150.0
HUNG_S: Final = REQUEST_TIMEOUT_S + 150.0
STARVED_S: Final = 900.0  # of attempts for one request
REFUSED_PAUSE_S: Final = 0.5
RECONNECT: Final = 0.2  # of the requests use a new connection


class NotAccepted(Exception):
    """The connection could not be opened, or broke before the server had accepted the request."""


class Broken(Exception):
    """The connection broke after the server had accepted the request."""


@dataclass(frozen=True)
class Answer:
    status: int
    request_id: str
    body: bytes


class Connection:
    """A connection for one request after the other."""

    def __init__(self, port: int) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), HUNG_S)
        except ConnectionError as error:
            raise NotAccepted from error
        # Head and body are two small writes; the second must not wait for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self.local_port: int = self._socket.getsockname()[1]
        self.must_close = False

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, head: bytes, body: bytes) -> Answer:
        """Send a request. Raises NotAccepted, Broken, TimeoutError."""
        try:
            self._socket.sendall(head)
            status = self._read_status()
        except ConnectionError as error:
            raise NotAccepted from error
        try:
            if status == http.HTTPStatus.CONTINUE:
                self._file.readline()
                self._socket.sendall(body)
                status = self._read_status()
            else:
                self.must_close = True  # refused without a body, which the server may still await
            return self._read_answer(status)
        except (ConnectionError, ValueError) as error:
            raise Broken from error

    def _read_status(self) -> int:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError
        return int(line.split()[1])

    def _read_answer(self, status: int) -> Answer:
        headers = http.client.parse_headers(self._file)
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self._read_exactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.must_close = True
        return Answer(status, headers.get("x-request-id", ""), body)

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._file.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionResetError
            chunk = self._read_exactly(int(line, 16))
            self._read_exactly(2)
            if not chunk:
                return
            yield chunk

    def _read_exactly(self, count: int) -> bytes:
        content = self._file.read(count)
        if len(content) < count:
            raise ConnectionResetError
        return content


class Client(threading.Thread):
    """One client with one connection at a time."""

    def __init__(self, number: int, seed: int, port: int, account: Account, known: Fingerprints):
        super().__init__(name=f"client-{number}", daemon=True)
        self._rng = np.random.default_rng([seed, number])
        self._port = port
        self._account = account
        self._known = known
        self._connection: Connection | None = None
        self._life = 0

    def run(self) -> None:
        while (number := self._account.take()) is not None:
            self._until_answered(number)
        self._close()

    def _until_answered(self, number: int) -> None:
        until_s = time.monotonic() + STARVED_S
        attempt = 0
        question = draw_question(self._rng, "")
        while not self._account.is_stopped:
            attempt += 1
            question = Question(question.kind, question.numbers, f"request-{number}-{attempt}")
            if self._try(question):
                return
            if time.monotonic() > until_s:
                self._account.note_fault(STARVED, f"{question.name} in {STARVED_S:.0f} s")
                return
            time.sleep(REFUSED_PAUSE_S * self._rng.uniform(0.5, 1.5))

    def _try(self, question: Question) -> bool:
        """Send the request once. Return whether it needs no other attempt."""
        head, body = question.head_and_body()
        try:
            connection = self._open()
            answer = connection.ask(head, body)
        except NotAccepted:
            self._account.note_attempt(NOT_ACCEPTED)
            self._close()
            return False
        except Broken:
            reason = self._account.reason_of_break(connection.local_port, self._life)
            if reason == LOST:
                self._account.note_fault(reason, f"{question.name} ({question.kind})")
            else:
                self._account.note_attempt(reason)
            self._close()
            return False
        except TimeoutError:
            self._account.note_fault(HUNG, f"{question.name} ({question.kind}), {HUNG_S:.0f} s")
            self._close()
            return False
        if connection.must_close or self._rng.random() < RECONNECT:
            self._close()
        return self._check(question, answer)

    def _check(self, question: Question, answer: Answer) -> bool:
        try:
            if answer.status != http.HTTPStatus.OK:
                raise PartlyRefused(json.loads(answer.body))
            self._known.check(question, answer.request_id, answer.body)
        except PartlyRefused as refused:
            problem = refused.args[0]
            if (problem["status"], problem["code"]) in DOCUMENTED_REFUSALS:
                self._account.note_attempt(f"{problem['status']} {problem['code']}")
                return False
            fault = LATE if problem["code"] in LATE_CODES else WRONG
            self._account.note_fault(fault, f"{question.name} ({question.kind}): {problem}")
        except SwappedAnswer as swapped:
            self._account.note_fault(SWAPPED, str(swapped))
        except (WrongAnswer, ValueError, KeyError) as wrong:
            self._account.note_fault(WRONG, f"{question.name}: {wrong!r}: {answer.body[:300]!r}")
        else:
            self._account.note_answer()
        return True

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._port)
            self._life = self._account.note_opened(self._connection.local_port)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None


def ask_once(port: int, question: Question) -> Answer:
    """Ask a quiet server."""
    connection = Connection(port)
    try:
        return connection.ask(*question.head_and_body())
    finally:
        connection.close()
