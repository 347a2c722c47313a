"""Nothing that clients or operators rely on disappears without having been announced."""

from __future__ import annotations

import re
from typing import Any

from server.openapi.document import openapi_document
from server.settings import Settings
from tests.house.tree import source
from tests.upgrades.surface import REMOVED, present, promised


def deprecated_operations() -> list[str]:
    document: dict[str, Any] = openapi_document(Settings())
    return [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("deprecated")
    ]


def test_every_promised_name_is_still_there() -> None:
    gone = promised() - present() - REMOVED.keys()
    assert not gone, "announce it first (docs/upgrading.md, Deprecation)"


def test_the_promise_covers_what_people_use() -> None:
    assert {
        "POST /analyze",
        "POST /analyze query include",
        "POST /analyze 200",
        "Analysis.labels",
        "error overloaded 429",
        "setting ECG_MODEL",
        "metric ecg_requests",
    } <= promised()


def test_what_was_removed_is_in_the_changelog() -> None:
    changelog = source("CHANGELOG.md")
    assert not [name for name in REMOVED if name.split()[-1] not in changelog]


def test_what_is_deprecated_is_listed_with_its_replacement() -> None:
    table = re.findall(r"^\| `([A-Z]+ /\w+)` \|", source("docs/upgrading.md"), re.MULTILINE)
    assert sorted(table) == sorted(deprecated_operations())
