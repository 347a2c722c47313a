"""An example of each error, as a real server answered it.

error_examples.json is written by `python -m tests.server.openapi.provoked`, which provokes every
error.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from errors import EcgError

FILE: Final = Path(__file__).with_name("error_examples.json")
REQUEST_ID: Final = "f3a1c09b7e5d4d0f8a6b2c4e6f8091a3"


def problem_example(kind: type[EcgError]) -> dict[str, Any]:
    """Return the problem that a client gets with this error."""
    return {**_examples()[kind.code], "request_id": REQUEST_ID}


@cache
def _examples() -> dict[str, dict[str, Any]]:
    examples: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return examples
