"""A client of the station's events, as a browser's EventSource is: it resumes after its last id."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.station.running import Station

AGAIN_S = 0.05
WAKE_S = 0.05
WAIT_S = 60.0


@dataclass
class Heard:
    """An event, as the client has received it."""

    id: int
    kind: str
    data: dict[str, Any]


def parse(lines: Iterator[str]) -> Iterator[Heard]:
    """Yield the events of a stream of lines; comments and the sizes of chunks are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.endswith("\r"):  # of HTTP, whose chunks end with whole events
            continue
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and fields:
            yield Heard(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}


@dataclass
class Listener:
    """Listens in a thread, and connects again whenever it is cut off."""

    station: Station
    heard: list[Heard] = field(default_factory=list)
    last_id: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    connections: int = 0

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Listener:
        self._thread.start()
        self.wait(lambda: self.connections > 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._cut.set()
        self._thread.join()

    def cut(self) -> None:
        """Break the connection off, and wait for the next one."""
        connections = self.connections
        self._cut.set()
        self.wait(lambda: self.connections > connections)

    def wait(self, is_done: Any) -> None:
        deadline = time.monotonic() + WAIT_S
        while not is_done():
            assert time.monotonic() < deadline, [(each.id, each.kind) for each in self.heard]
            time.sleep(0.01)

    def wait_for(self, count: int) -> None:
        self.wait(lambda: len(self.heard) >= count)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except OSError:
                time.sleep(AGAIN_S)

    def _listen(self) -> None:
        self._cut.clear()
        with socket.create_connection(("127.0.0.1", self.station.port)) as connection:
            connection.settimeout(WAKE_S)
            connection.sendall(self._request())
            for heard in parse(self._lines(connection)):
                self.last_id = heard.id
                if heard.kind == "connected":
                    self.connections += 1
                else:
                    self.heard.append(heard)

    def _request(self) -> bytes:
        query = f"?{urlencode(self.params)}" if self.params else ""
        lines = [
            f"GET /station/v1/events{query} HTTP/1.1",
            f"Host: 127.0.0.1:{self.station.port}",
            f"X-API-Key: {self.station.keys['ward']}",
        ]
        if self.last_id is not None:
            lines.append(f"Last-Event-ID: {self.last_id}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _lines(self, connection: socket.socket) -> Iterator[str]:
        """Yield the lines of the body, until the connection ends or is to be cut off."""
        content = b""
        is_body = False
        while not self._cut.is_set():
            with contextlib.suppress(TimeoutError):
                chunk = connection.recv(65_536)
                if not chunk:
                    return
                content += chunk
            if not is_body and b"\r\n\r\n" in content:
                head, _, content = content.partition(b"\r\n\r\n")
                if b" 200 " not in head.splitlines()[0]:
                    raise ConnectionError(head.splitlines()[0])  # it starts
                is_body = True
            if is_body:
                *lines, content = content.split(b"\n")
                yield from (line.decode() for line in lines)
