"""A document's section that a command writes: what stands between two marks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ACCURACY_PAGE: Final = Path(__file__).parents[1] / "docs" / "accuracy.md"


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Puts `text` between the two marks in place of what is there; at the end, marks included, where the page has none."""
    before, _, rest = (
        page.read_text(encoding="utf-8") if page.is_file() else "# Accuracy\n\n"
    ).partition(begin)
    page.write_text(f"{before}{begin}{text}{end}{rest.partition(end)[2]}", encoding="utf-8")
