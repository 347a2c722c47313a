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
    """Answers with this status and body, and remembers paths with their queries."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=lambda: dict(LABELLED))
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yield the value of STATION_SERVER."""
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                stand_in.asked.append(self.path)
                body = json.dumps(stand_in.body).encode()
                is_problem = stand_in.status >= 400
                kind = "application/problem+json" if is_problem else "application/json"
                self.send_response(stand_in.status)
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
