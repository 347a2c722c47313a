"""What clients and operators rely on, as a sorted list of names.

python -m tests.upgrades.surface     adds what is new to tests/data_files/surface.txt; for a release

Names may be added in every version. One that disappears breaks somebody: docs/upgrading.md says how
that is announced, and REMOVED names each that went, with the version that announced it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from errors import public_errors
from server.openapi.document import openapi_document
from server.settings import Settings
from tests.house.tree import ROOT, python_file_names, source

FILE = ROOT / "tests" / "data_files" / "surface.txt"
# `GET /` needs no credential and redirects nobody, so that it has fewer answers.
REMOVED: dict[str, str] = {
    "GET / 307": "0.1.0",
    "GET / 401": "0.1.0",
    "GET / 401 application/problem+json": "0.1.0",
    "GET / 429": "0.1.0",
    "GET / 429 application/problem+json": "0.1.0",
    "GET / 503": "0.1.0",
    "GET / 503 application/problem+json": "0.1.0",
}
_METRIC = re.compile(r'"(ecg_[a-z_]+)"')


def promised() -> set[str]:
    """Return the names that earlier versions had."""
    return set(FILE.read_text(encoding="utf-8").splitlines())


def present() -> set[str]:
    """Return the names that this version has."""
    document = openapi_document(Settings())
    return {
        *_operations(document),
        *_fields(document["components"]["schemas"]),
        *(f"error {kind.code} {kind.status}" for kind in public_errors()),
        *(f"setting ECG_{name.upper()}" for name in Settings.model_fields),
        *_metrics(),
    }


def _operations(document: dict[str, Any]) -> Iterator[str]:
    """Yield routes, their parameters, the media types of their bodies, and their statuses."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            yield route
            for parameter in operation.get("parameters", ()):
                if "name" in parameter:
                    yield f"{route} {parameter['in']} {parameter['name']}"
            for media_type in operation.get("requestBody", {}).get("content", ()):
                yield f"{route} body {media_type}"
            for status, answer in operation["responses"].items():
                yield f"{route} {status}"
                for media_type in answer.get("content", ()):
                    yield f"{route} {status} {media_type}"


def _fields(schemas: dict[str, Any]) -> Iterator[str]:
    """Yield the fields of bodies and answers."""
    for name, schema in schemas.items():
        for field in schema.get("properties", ()):
            yield f"{name}.{field}"


def _metrics() -> Iterator[str]:
    for path in python_file_names():
        if path.startswith("server/"):
            yield from (f"metric {name}" for name in _METRIC.findall(source(path)))


if __name__ == "__main__":
    known = promised() if FILE.exists() else set()
    FILE.write_text("\n".join(sorted(known | present())) + "\n", encoding="utf-8")
