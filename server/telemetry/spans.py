"""The spans of a request, of its stages, and of the batches of a model worker.

A request has a span; each of its stages has one below it, or below the span of its recording where
the request has several. The workers report how long a stage took, not when it began: the spans of
the stages are laid end to end from the arrival of the request, and the time between the last and
the answer is transport. A batch is a trace of its own, with a link to each request in it, as it
belongs to all of them.

Nothing of a client's text is an attribute: not the path, no header, no file name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.ipc.messages import Result

# In the order in which a recording passes them. `queue` contains model_queue, and is shown without.
STAGES: Final = ("queue", "parse", "measure", "segment", "model_queue", "encode", "assemble")
# Of one request; a body may hold thousands of recordings, and the exporter keeps 2,048 spans.
MAX_RECORDING_SPANS: Final = 32
METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
_NS_PER_MS: Final = 1_000_000
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def _context_of(traceparent: Sequence[str]) -> Context:
    """Return the context of a caller's span; an empty one where there is none or it is not valid.

    tracestate is not read: it would carry any text of the client into the traces.

    traceparent  the values of that header; W3C Trace Context ignores it where it is sent twice
    """
    if len(traceparent) != 1:
        return Context()
    return _PROPAGATOR.extract({"traceparent": traceparent[0]}, Context())


class Spans:
    """Makes the spans of this process."""

    def __init__(self, tracer: Tracer, batch_tracer: Tracer) -> None:
        self._tracer = tracer
        self._batch_tracer = batch_tracer

    def begin_request(self, method: str, traceparent: Sequence[str]) -> RequestSpan:
        return RequestSpan(self._tracer, method, traceparent)

    def batch_ran(
        self,
        device: str,
        traceparents: Iterable[str],
        segments: Sequence[int],
        seconds: float,
    ) -> None:
        """Record a batch that has just ended. Each recording has an entry in both sequences."""
        contexts = [
            get_current_span(_context_of([traceparent])).get_span_context()
            for traceparent in traceparents
        ]
        links = [Link(context) for context in contexts if context.trace_flags.sampled]
        if not links:
            return
        ended_ns = time.time_ns()
        attributes: dict[str, str | int] = {
            "ecg.device": device,
            "ecg.segments": sum(segments),
            "ecg.recordings": len(segments),
        }
        span = self._batch_tracer.start_span(
            "batch",
            Context(),
            links=links,
            attributes=attributes,
            start_time=ended_ns - int(seconds * 1e9),
        )
        span.end(ended_ns)


class RequestSpan:
    """The span of one request, from its head to the end of its answer.

    traceparent  of this span: for the workers, and for the answer's header `traceresponse`
    trace_id     32 hexadecimal digits
    span_id      16 hexadecimal digits
    """

    def __init__(self, tracer: Tracer, method: str, traceparent: Sequence[str]) -> None:
        self._tracer = tracer
        self._method = method if method in METHODS else "_OTHER"
        self._began_ns = time.time_ns()
        self._span = tracer.start_span(
            self._method,
            _context_of(traceparent),
            SpanKind.SERVER,
            attributes={"http.request.method": self._method},
            start_time=self._began_ns,
        )
        context = self._span.get_span_context()
        self.trace_id = f"{context.trace_id:032x}"
        self.span_id = f"{context.span_id:016x}"
        self.traceparent = f"00-{self.trace_id}-{self.span_id}-{context.trace_flags:02x}"

    def end(
        self,
        fields: Mapping[str, object],
        results: Mapping[int, Result],
        *,
        many: bool,
    ) -> None:
        """End the span, and record those of the recordings and stages.

        fields   those of the request's line in the log
        results  of its recordings, by index
        """
        span = self._span
        if not span.is_recording():
            return
        route, status = str(fields["route"]), int(str(fields["status"]))
        span.update_name(f"{self._method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        for field in ("request_id", "key", "code"):
            if field in fields:
                span.set_attribute(f"ecg.{field}", str(fields[field]))
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        if results:
            span.set_attribute("ecg.recordings", len(results))
        below = set_span_in_context(span, Context())
        for index, result in list(results.items())[:MAX_RECORDING_SPANS]:
            if many:
                self._recording_span(index, result, below)
            else:
                self._stage_spans(result, below)
        span.end()

    def _recording_span(self, index: int, result: Result, below: Context) -> None:
        attributes: dict[str, str | int] = {"ecg.index": index}
        if result.error is not None:
            attributes["ecg.code"] = result.error.code
        span = self._tracer.start_span(
            "recording", below, attributes=attributes, start_time=self._began_ns
        )
        span.end(self._stage_spans(result, set_span_in_context(span, Context())))

    def _stage_spans(self, result: Result, below: Context) -> int:
        """Record the spans of a recording's stages. Return when the last ended."""
        timings_ms = dict(result.timings_ms)
        if "queue" in timings_ms:
            timings_ms["queue"] -= timings_ms.get("model_queue", 0.0)
        at_ns = self._began_ns
        for stage in STAGES:
            if stage in timings_ms:
                span = self._tracer.start_span(stage, below, start_time=at_ns)
                at_ns += max(0, int(timings_ms[stage] * _NS_PER_MS))
                span.end(at_ns)
        return at_ns
