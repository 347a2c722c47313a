"""A collector of OpenTelemetry on localhost that keeps what it is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.local_http import QuietHandler, serving

WAIT_S = 60.0  # generous: it only keeps a failing test from hanging


@dataclass(frozen=True)
class Exported:
    """A span or a line of the log. `resource` and `attributes` as plain values."""

    resource: dict[str, Any]
    attributes: dict[str, Any]
    message: Any


@contextmanager
def collecting() -> Iterator[Collector]:
    """Yield a collector that listens on this machine: ECG_OTLP_ENDPOINT is its `url`."""
    bodies: list[tuple[str, bytes]] = []

    class Handler(QuietHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/x-protobuf"
            bodies.append((self.path, body))
            self.answer(200)

    with serving(Handler) as url:
        yield Collector(url, bodies)


class Collector:
    """What a server has exported so far."""

    def __init__(self, url: str, bodies: list[tuple[str, bytes]]) -> None:
        self.url = url
        self._bodies = bodies

    @property
    def raw(self) -> bytes:
        """Everything that arrived, for a search."""
        return b"".join(body for _, body in list(self._bodies))

    def spans(self) -> list[Exported]:
        requests = self._requests("/v1/traces", ExportTraceServiceRequest)
        groups = [group for request in requests for group in request.resource_spans]
        scopes = [(group, scope) for group in groups for scope in group.scope_spans]
        return [_exported(group, span) for group, scope in scopes for span in scope.spans]

    def logs(self) -> list[Exported]:
        requests = self._requests("/v1/logs", ExportLogsServiceRequest)
        groups = [group for request in requests for group in request.resource_logs]
        scopes = [(group, scope) for group in groups for scope in group.scope_logs]
        return [_exported(group, line) for group, scope in scopes for line in scope.log_records]

    def _requests(self, path: str, kind: Any) -> list[Any]:
        return [kind.FromString(body) for sent_to, body in list(self._bodies) if sent_to == path]

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
