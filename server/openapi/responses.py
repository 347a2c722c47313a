"""Parts of the document that several routes share: references, headers, and errors by status."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from errors import EcgError
from server.media_types import PROBLEM_JSON
from server.openapi.error_examples import problem_example
from server.openapi.parameters import ANSWER_HEADERS

Schema = dict[str, Any]

# Headers of the errors with a status.
ERROR_HEADERS = {
    401: ["WWW-Authenticate"],
    403: ["WWW-Authenticate"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def header_refs(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def many(field: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {field: {"type": "array", "items": schema}},
        "required": [field],
    }


def error_responses(kinds: Iterable[type[EcgError]]) -> Schema:
    """Return a response for each status, with an example for each of its codes."""
    return {
        str(status): _error(status, list(same))
        for status, same in groupby(kinds, key=lambda kind: kind.status)
    }


def _error(status: int, kinds: list[type[EcgError]]) -> Schema:
    codes = [kind.code for kind in kinds]
    schema = {
        "allOf": [
            ref("Problem"),
            {"properties": {"status": {"const": status}, "code": {"enum": codes}}},
        ]
    }
    examples = {
        kind.code: {"summary": kind.title, "value": problem_example(kind)} for kind in kinds
    }
    return {
        "description": "; ".join(
            f"[{kind.code}](/docs/errors#{kind.code}): {kind.title.lower()}" for kind in kinds
        ),
        "headers": header_refs([*ANSWER_HEADERS, *ERROR_HEADERS.get(status, [])]),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }
