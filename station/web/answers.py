"""Answers in JSON."""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.responses import Response

JSON: Final = "application/json"
OCTETS: Final = "application/octet-stream"


def json_answer(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type=JSON)
