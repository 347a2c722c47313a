"""The section of a document that a command writes, between two marks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ACCURACY_PAGE: Final = Path(__file__).parents[1] / "docs" / "accuracy.md"
NEW_PAGE: Final = "# Accuracy\n\n"


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Replace what is between the marks `begin` and `end` by `text`.

    A page without the marks gets them at its end; a missing page is created.
    """
    content = page.read_text(encoding="utf-8") if page.is_file() else NEW_PAGE
    before, _, rest = content.partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
