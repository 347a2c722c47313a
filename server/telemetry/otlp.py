"""The exporters of one process: OTLP over HTTP with protobuf bodies.

The standard variables apply to what is not set here: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_CERTIFICATE and so on
(opentelemetry.io, "OTLP Exporter Configuration").
"""

from __future__ import annotations

import logging
import os
import socket
from typing import Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from log_lines import fields_of, hide_library_text, stack_of
from server.version import VERSION

SERVICE_NAME: Final = "ecg-fm-server"
# A worker that is ended loses what it has not sent: at most a second's spans. The SDK waits 5 s.
SEND_EVERY_MS: Final = 1000
EXPORT_TIMEOUT_S: Final = 5.0
_SEVERITIES: Final = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}


class Exporters:
    """What this process exports.

    tracer        of requests, which the sampler of OTEL_TRACES_SAMPLER may leave out
    batch_tracer  of batches; a batch is exported where one of its requests is
    """

    def __init__(self, endpoint: str, process: str) -> None:
        base = endpoint.rstrip("/")
        resource = _resource(process)
        span_exporter = OTLPSpanExporter(f"{base}/v1/traces", timeout=EXPORT_TIMEOUT_S)
        spans = BatchSpanProcessor(span_exporter, schedule_delay_millis=SEND_EVERY_MS)
        self._tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._batch_tracing = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        for provider in (self._tracing, self._batch_tracing):
            provider.add_span_processor(spans)
        log_exporter = OTLPLogExporter(f"{base}/v1/logs", timeout=EXPORT_TIMEOUT_S)
        self._logging = LoggerProvider(resource, shutdown_on_exit=False)
        self._logging.add_log_record_processor(
            BatchLogRecordProcessor(log_exporter, schedule_delay_millis=SEND_EVERY_MS)
        )
        self._handler = _LogHandler(self._logging)
        logging.getLogger().addHandler(self._handler)
        self.tracer = self._tracing.get_tracer(SERVICE_NAME, VERSION)
        self.batch_tracer = self._batch_tracing.get_tracer(SERVICE_NAME, VERSION)

    def shut_down(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        self._tracing.shutdown()
        self._logging.shutdown()


def _resource(process: str) -> Resource:
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are merged by the SDK, but lose against what it
    # is given here.
    attributes: dict[str, str | int] = {
        "service.version": VERSION,
        "service.instance.id": f"{socket.gethostname()}/{process}",
        "process.pid": os.getpid(),
    }
    if "OTEL_SERVICE_NAME" not in os.environ:
        attributes["service.name"] = SERVICE_NAME
    return Resource.create(attributes)


class _LogHandler(logging.Handler):
    """Exports the lines of the log, with their fields as attributes."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider
        self.addFilter(_is_no_exporters)
        self.addFilter(hide_library_text)

    def emit(self, record: logging.LogRecord) -> None:
        attributes = dict(fields_of(record))
        if record.exc_info and record.exc_info[0] is not None:
            attributes["exception.type"] = record.exc_info[0].__name__
            attributes["exception.stacktrace"] = stack_of(record)
        entry = LogRecord(
            timestamp=int(record.created * 1e9),
            context=_context_of(attributes),
            severity_text=record.levelname,
            severity_number=_SEVERITIES.get(record.levelno, SeverityNumber.UNSPECIFIED),
            body=record.getMessage(),
            attributes=attributes,
        )
        self._provider.get_logger(record.name).emit(entry)


def _is_no_exporters(record: logging.LogRecord) -> bool:
    # A line about an export that failed would be exported, and fail.
    return not record.name.startswith("opentelemetry")


def _context_of(fields: dict[str, object]) -> Context:
    """Return the context of the span that a line's fields name, so that both are shown together."""
    trace_id, span_id = fields.pop("trace_id", None), fields.pop("span_id", None)
    if not (isinstance(trace_id, str) and isinstance(span_id, str)):
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED)
    span = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span), Context())
