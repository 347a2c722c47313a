"""OpenTelemetry in one process: traces and logs go to the collector of ECG_OTLP_ENDPOINT.

Without that setting nothing of OpenTelemetry's SDK is imported, and a request costs one comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.settings import Settings

if TYPE_CHECKING:
    from server.telemetry.otlp import Exporters
    from server.telemetry.spans import Spans


class _Process:
    exporters: Exporters | None = None
    spans: Spans | None = None


def start_telemetry(settings: Settings, process: str) -> None:
    """Start to export the spans and the log of this process.

    To be called once in each process, after it was forked and after `configure_logging`.

    process  its place: api-0, signal-1, model-0
    """
    if settings.otlp_endpoint is None:
        return
    # 16 MB and 0.3 s, only where they are of use.
    from server.telemetry.otlp import Exporters
    from server.telemetry.spans import Spans

    _Process.exporters = Exporters(settings.otlp_endpoint, process)
    _Process.spans = Spans(_Process.exporters.tracer, _Process.exporters.batch_tracer)


def stop_telemetry() -> None:
    """Send what is not sent yet, for at most the exporters' timeout."""
    if _Process.exporters is not None:
        _Process.exporters.shut_down()
    _Process.exporters = None
    _Process.spans = None


def spans() -> Spans | None:
    """Return what makes this process's spans, None where there is no collector."""
    return _Process.spans
