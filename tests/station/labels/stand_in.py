"""An inference server that answers /analyze as it is told: the real one takes long to start."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LABELLED = {
    "id": None,
    "labels": [
        {
            "name": "Atrial fibrillation",
            "probability": 0.9,
            "probability_prior_corrected": None,
            "threshold": 0.5,
            "positive": True,
        }
    ],
    "model": {"encoder": {"name": "ecg-fm", "revision": None, "sha256": "0" * 64}},
}


@dataclass
class StandIn:
    """Answers with this status and body, and remembers paths with their queries.

    fails_one  whether the window that comes first gets 500, whenever it comes
    """

    status: int = 200
    body: dict[str, Any] = field(default_factory=lambda: dict(LABELLED))
    asked: list[str] = field(default_factory=list)
    fails_one: bool = False
    first: dict[None, bytes] = field(default_factory=dict)

    def status_of(self, ecg: bytes) -> int:
        # One step: requests come at once.
        is_first = self.first.setdefault(None, ecg) == ecg
        return 500 if self.fails_one and is_first else self.status

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yield the value of STATION_SERVER."""
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                ecg = self.rfile.read(int(self.headers["content-length"]))
                stand_in.asked.append(self.path)
                status = stand_in.status_of(ecg)
                is_problem = status >= 400
                content = {"code": "internal", "status": 500} if status == 500 else stand_in.body
                body = json.dumps(content).encode()
                kind = "application/problem+json" if is_problem else "application/json"
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join()
