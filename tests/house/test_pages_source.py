"""The rules of web/src: colours are in one file, and no folder grows too large."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from tests.house.tree import ROOT

SOURCE: Final = ROOT / "web" / "src"
TOKENS: Final = SOURCE / "ui" / "tokens.css"
ICON: Final = SOURCE / "ui" / "icon.svg"  # a file of its own for the browser: it cannot use tokens
GENERATED: Final = SOURCE / "api" / "schema.ts"
MAX_MODULES: Final = 25
COLOUR: Final = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(")
SUFFIXES: Final = (".ts", ".tsx", ".css", ".svg")


def test_colours_are_in_the_tokens_only() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in SOURCE.rglob("*")
        if path.suffix in SUFFIXES and path not in (TOKENS, ICON, GENERATED)
        for match in COLOUR.finditer(path.read_text(encoding="utf-8"))
    ]
    assert COLOUR.search(TOKENS.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


def test_no_folder_holds_more_modules_than_one_sees_at_once() -> None:
    modules = Counter(
        path.parent.relative_to(ROOT)
        for path in SOURCE.rglob("*.ts*")
        if not path.name.endswith(".test.ts")
    )
    assert modules
    assert not {folder: count for folder, count in modules.items() if count > MAX_MODULES}
