"""A Hugging Face hub on localhost, a real HTTP server.

It can interrupt downloads and send other content than it announces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.local_http import QuietHandler, serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@dataclass
class FakeHub:
    """One repository with one commit at the head of main.

    wrong_content  what a download of any file gives, None for the file itself
    break_after    bytes after which a GET's connection is cut, once for each entry
    fail_gets      status of the GETs after those, None to serve them
    requests       (method, path, Range header, Authorization header) in order of arrival
    """

    repo: str
    files: dict[str, bytes]
    commit: str = COMMIT
    private: bool = False
    wrong_content: bytes | None = None
    break_after: list[int] = field(default_factory=list)
    fail_gets: int | None = None
    requests: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    url: str = ""

    def downloads(self) -> list[str | None]:
        """Return the Range header of every GET of a file."""
        return [
            span
            for method, path, span, _ in self.requests
            if method == "GET" and "/resolve/" in path
        ]


@contextmanager
def serving_hub(hub: FakeHub) -> Iterator[FakeHub]:
    with serving(type("Handler", (_Handler,), {"hub": hub})) as url:
        hub.url = url
        yield hub


class _Handler(QuietHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        hub = self.hub
        hub.requests.append(
            (self.command, self.path, self.headers["Range"], self.headers["Authorization"])
        )
        tree = re.match(rf"/api/models/{hub.repo}/tree/([^?]+)", self.path)
        file = re.match(rf"/{hub.repo}/resolve/([^/]+)/(.+)", self.path)
        if hub.private and self.headers["Authorization"] is None:
            return self._error(401, "RepoNotFound")
        if tree:
            listing = [
                {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                for name, data in hub.files.items()
            ]
            return self._send(
                200, json.dumps(listing).encode(), {"Content-Type": "application/json"}
            )
        if not file:
            return self._error(404, "RepoNotFound")
        revision, name = file.groups()
        if revision not in ("main", hub.commit):
            return self._error(404, "RevisionNotFound")
        if name not in hub.files:
            return self._error(404, "EntryNotFound", {"X-Repo-Commit": hub.commit})
        return self._file(hub.files[name])

    def _file(self, data: bytes) -> None:
        hub = self.hub
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": hub.commit,
            "Accept-Ranges": "bytes",
        }
        if self.command == "GET" and not hub.break_after and hub.fail_gets is not None:
            return self._error(hub.fail_gets, "Gone")
        if self.command == "GET" and hub.wrong_content is not None:
            data = hub.wrong_content
        span = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if not span:
            return self._send(200, data, headers)
        start = int(span[1])
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return self._send(206, data[start:], headers)

    def _error(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self._send(
            status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, **(headers or {})}
        )

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        headers = {"Content-Length": str(len(body)), **headers}
        sent = body
        if self.command == "HEAD":
            sent = b""
        elif self.hub.break_after and status in (200, 206):
            sent = body[: self.hub.break_after.pop(0)]
            self.close_connection = True
        self.answer(status, sent, headers)
