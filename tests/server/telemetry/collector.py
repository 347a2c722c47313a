"""A collector of OpenTelemetry on localhost that keeps what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WAIT_S = 60.0  # generous: it only keeps a failing test from hanging


@dataclass(frozen=True)
class Exported:
    """A span or a line of the log. `resource` and `attributes` as plain values."""

    resource: dict[str, Any]
    attributes: dict[str, Any]
    message: Any


class Collector:
    """`with Collector() as collector:`, then point ECG_OTLP_ENDPOINT to `collector.url`."""

    def __init__(self) -> None:
        self._bodies: list[tuple[str, bytes]] = []
        bodies = self._bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-protobuf"
                bodies.append((self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def raw(self) -> bytes:
        """Everything that arrived, for a search."""
        return b"".join(body for _, body in list(self._bodies))

    def spans(self) -> list[Exported]:
        found = []
        for path, body in list(self._bodies):
            if path == "/v1/traces":
                request = ExportTraceServiceRequest.FromString(body)
                for of_resource in request.resource_spans:
                    for of_scope in of_resource.scope_spans:
                        found += [_exported(of_resource, span) for span in of_scope.spans]
        return found

    def logs(self) -> list[Exported]:
        found = []
        for path, body in list(self._bodies):
            if path == "/v1/logs":
                request = ExportLogsServiceRequest.FromString(body)
                for of_resource in request.resource_logs:
                    for of_scope in of_resource.scope_logs:
                        found += [_exported(of_resource, line) for line in of_scope.log_records]
        return found

    def wait_for(self, is_there: Callable[[Collector], bool]) -> None:
        """Wait until what a test needs has arrived."""
        until_s = time.monotonic() + WAIT_S
        while not is_there(self):
            assert time.monotonic() < until_s, [span.message.name for span in self.spans()]
            time.sleep(0.05)


def _exported(of_resource: Any, message: Any) -> Exported:
    return Exported(_plain(of_resource.resource.attributes), _plain(message.attributes), message)


def _plain(attributes: Any) -> dict[str, Any]:
    plain = {}
    for attribute in attributes:
        plain[attribute.key] = getattr(attribute.value, attribute.value.WhichOneof("value"))
    return plain
