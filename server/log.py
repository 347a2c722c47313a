"""The log: one structured line for each request, and events of the processes. See log_lines.py."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from errors import InternalError
from log_lines import log_to_stderr
from server.settings import Settings

access = logging.getLogger("ecg.access")


def configure_logging(settings: Settings) -> None:
    """Log to standard error in one format. Every process calls this."""
    log_to_stderr(settings.log_level, as_json=settings.log_json)


def log_request(fields: Mapping[str, object]) -> None:
    """Log one answer: route, status, code, ms, request_id, key, trace_id."""
    access.info("request", extra={"fields": fields})


def log_bug(logger: logging.Logger, request_id: str, error: Exception) -> InternalError:
    """Log an unexpected exception with its stack. Return the error for the client."""
    fields = {"request_id": request_id}
    logger.error("a request failed", exc_info=error, extra={"fields": fields})
    return InternalError("internal error; the log of the server has it under the request id")
