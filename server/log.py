"""The log: one structured line for each request, and events of the processes.

It never contains samples, names of patients or names of files.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from errors import InternalError
from server.settings import Settings

# Their records below WARNING are of no use to an operator.
NOISY_LOGGERS: Final = ("litserve", "uvicorn", "uvicorn.error", "httpx", "asyncio")

access = logging.getLogger("ecg.access")


class TextFormatter(logging.Formatter):
    """Time, level, logger, message, then fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        line = f"{_timestamp(record)} {level:7} {record.name} {record.getMessage()}"
        for name, value in _fields(record).items():
            line += f" {name}={value}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per line (ECG_LOG_JSON)."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _fields(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", None) or {}


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def configure_logging(settings: Settings) -> None:
    """Log to standard error in one format. Every process calls this."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # LitServe and uvicorn install handlers; with them their records would appear twice.
    for name in NOISY_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, root.level))


def log_request(
    route: str, status: int, code: str, milliseconds: float, request_id: str, holder: str
) -> None:
    """Log one answered request. `holder` is the name of the key or token, never the key."""
    fields = {
        "route": route,
        "status": status,
        "code": code or "-",
        "ms": round(milliseconds, 1),
        "request_id": request_id,
        "key": holder or "-",
    }
    access.info("request", extra={"fields": fields})


def log_bug(logger: logging.Logger, request_id: str, error: Exception) -> InternalError:
    """Log an unexpected exception with its traceback. Return the error for the client."""
    logger.error("request %s failed", request_id, exc_info=error)
    return InternalError("internal error; the log of the server has it under the request id")
