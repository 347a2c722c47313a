"""A lean HTTP/1.1 client for load, which uses little of the cores that it shares with the server.

Requests are prepared bytes, and responses are read but not parsed further.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Target:
    """Host and port of the server."""

    host: str
    port: int

    @classmethod
    def from_url(cls, url: str) -> Target:
        """Return the target of an http:// URL. Raises ValueError for another one."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"{url!r}: an http:// URL is required")
        return cls(parts.hostname, parts.port or 80)


def request_bytes(
    target: Target,
    method: str,
    path: str,
    body: bytes = b"",
    content_type: str = "",
    more: tuple[str, ...] = (),
) -> bytes:
    """Return a complete request as bytes. `more` are whole lines of its head."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {target.host}:{target.port}",
        "Accept: */*",
        *more,
    ]
    if method == "POST":
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Answer:
    """A response. The names and values of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A persistent connection, opened at the first request and again after the server closed it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Answer:
        """Send a request and return the response. Closes the connection if that fails."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._target.host, self._target.port)
        reader, writer = self._streams
        try:
            writer.write(request)
            await writer.drain()
            answer = await _read_answer(reader)
        except BaseException:
            self.close()
            raise
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers: dict[str, str] = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        if name:
            headers[name.strip().lower()] = value.strip().lower()
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body and its trailers (RFC 9112, 7.1)."""
    chunks: list[bytes] = []
    while True:
        size_and_extensions = await reader.readline()
        size = int(size_and_extensions.split(b";")[0], 16)
        if size == 0:
            break
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)  # CRLF
    while (await reader.readline()).strip():
        pass  # a trailer
    return b"".join(chunks)
