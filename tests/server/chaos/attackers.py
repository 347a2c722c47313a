"""Clients that mean harm: slow, silent, garbage, or gone before their answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from tests.server.chaos.account import DOCUMENTED_REFUSALS, HUNG, WRONG, Account
from tests.server.chaos.clients import HUNG_S
from tests.server.chaos.questions import draw_question, signal_of
from tests.server.load import npy

TRICKLE_EVERY_S: Final = 0.2
# Connections of one attack. Those of all attacks at once take less than half of the places.
SLOW: Final = 8
UNREAD_RECORDS: Final = 60
TYPES: Final = ("application/json", "application/x-npy", "application/msgpack", "text/plain", "?")
FILE_NAMES: Final = ("a.csv", "a.mat", "a.dcm", "a.xml", "a.zip", "a.dat")


@dataclass
class _Attack:
    """Open connections, and what is sent on them a byte at a time."""

    sockets: list[socket.socket]
    trickle: bytes = b""
    sent: int = 0


@dataclass
class Attackers:
    """Attacks that go on until `end_oldest` or `end_all`.

    statuses  how often each status answered a request of garbage
    """

    port: int
    rng: np.random.Generator
    account: Account
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._attacks: list[_Attack] = []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._trickle, name="trickle", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self.end_all()

    def slow_heads(self) -> None:
        head = b"POST /analyze?fs=100 HTTP/1.1\r\nHost: x\r\n" + b"X-Slow: 1\r\n" * 1000
        self._begin([self._connect() for _ in range(SLOW)], head)

    def slow_bodies(self) -> None:
        body = npy(signal_of(0))
        sockets = []
        for _ in range(SLOW):
            connection = self._connect()
            self._send(connection, _head("/extract_features", "application/x-npy", len(body)))
            sockets.append(connection)
        self._begin(sockets, body)

    def unread_answers(self) -> None:
        """Ask for large streamed answers, with a small window, and read none of it."""
        body = npy(np.stack([signal_of(0)] * UNREAD_RECORDS))
        head = _head("/assess_quality", "application/x-npy", len(body), "application/x-ndjson")
        sockets = []
        for _ in range(2):
            connection = self._connect(receive_bytes=4096)
            self._send(connection, head + body)
            sockets.append(connection)
        self._begin(sockets)

    def silent(self) -> None:
        self._begin([self._connect() for _ in range(2 * SLOW)])

    def gone_before_the_answer(self) -> None:
        for _ in range(SLOW):
            head, body = draw_question(self.rng, "gone").head_and_body()
            connection = self._connect()
            self._send(connection, head + body)
            connection.close()

    def noise(self) -> None:
        """Send bytes that are no HTTP."""
        chunked = b"POST /analyze HTTP/1.1\r\nTransfer-Encoding: chunked"
        starts = (b"", b"GET / HTTP/1.1\r\n", chunked)
        sockets = []
        for start in starts:
            connection = self._connect()
            self._send(connection, start + self.rng.bytes(int(self.rng.integers(1, 5000))))
            sockets.append(connection)
        self._begin(sockets)

    def garbage_bodies(self) -> None:
        """Send sound HTTP with bodies that are no recordings; each gets an error that says so."""
        for content_type in TYPES:
            self._send_garbage(content_type, self._damaged())
        name = str(self.rng.choice(FILE_NAMES))
        disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        form = f"--b\r\n{disposition}\r\n\r\n".encode() + self._damaged() + b"\r\n--b--\r\n"
        self._send_garbage("multipart/form-data; boundary=b", form)

    def _damaged(self) -> bytes:
        """Return random bytes, or a sound array with its beginning damaged or its end missing."""
        sound = npy(signal_of(int(self.rng.integers(4))))
        choices = (
            self.rng.bytes(int(self.rng.integers(1, 20_000))),
            sound[: int(self.rng.integers(1, len(sound) - 1))],
            self.rng.bytes(8) + sound[8:],
        )
        return choices[int(self.rng.integers(len(choices)))]

    def _send_garbage(self, content_type: str, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HUNG_S)
        try:
            headers = {"Content-Type": content_type}
            connection.request("POST", "/analyze?fs=100", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError:
            self.account.note_fault(HUNG, f"garbage as {content_type}: {body[:100]!r}")
            return
        except (OSError, http.client.HTTPException):
            return  # its HTTP process was killed, or it has answered before the whole body
        finally:
            connection.close()
        self.statuses[answer.status] += 1
        if not 400 <= answer.status < 500:
            problem = json.loads(content)
            if (answer.status, problem.get("code")) not in DOCUMENTED_REFUSALS:
                self.account.note_fault(WRONG, f"garbage as {content_type}: {content[:300]!r}")

    def end_oldest(self, kept: int) -> None:
        """End attacks until only the last `kept` go on."""
        with self._lock:
            ended, self._attacks = self._attacks[:-kept], self._attacks[-kept:]
        for attack in ended:
            for connection in attack.sockets:
                connection.close()

    def end_all(self) -> None:
        with self._lock:
            ended, self._attacks = self._attacks, []
        for attack in ended:
            for connection in attack.sockets:
                connection.close()

    def _begin(self, sockets: list[socket.socket], trickle: bytes = b"") -> None:
        with self._lock:
            self._attacks.append(_Attack(sockets, trickle))

    def _trickle(self) -> None:
        while not self._end.wait(TRICKLE_EVERY_S):
            with self._lock:
                for attack in self._attacks:
                    byte = attack.trickle[attack.sent : attack.sent + 1]
                    # The last byte never comes.
                    if byte and attack.sent < len(attack.trickle) - 1:
                        attack.sent += 1
                        for connection in attack.sockets:
                            self._send(connection, byte)

    def _connect(self, receive_bytes: int = 0) -> socket.socket:
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(HUNG_S)
        with contextlib.suppress(OSError):  # the server is not there
            connection.connect(("127.0.0.1", self.port))
        return connection

    @staticmethod
    def _send(connection: socket.socket, content: bytes) -> None:
        with contextlib.suppress(OSError):  # the server has closed the connection
            connection.sendall(content)


class FullDisk:
    """A small file system for the server's temporary files, which can be filled."""

    def __init__(self, folder: Path) -> None:
        self._filling = folder / "filling"

    def fill(self) -> None:
        with contextlib.suppress(OSError), self._filling.open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def free(self) -> None:
        self._filling.unlink(missing_ok=True)


def _head(path: str, content_type: str, count: int, accept: str = "application/json") -> bytes:
    return (
        f"POST {path}?fs=100 HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {count}\r\nAccept: {accept}\r\n\r\n"
    ).encode()
