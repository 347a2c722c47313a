"""Text on the page: its width in mm, and lines that fit."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

MM_PER_POINT = 25.4 / 72


def width_mm(text: str, size_points: float, *, bold: bool = False) -> float:
    """Return how wide a line of text is in the default font."""
    font = FontProperties(size=size_points, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * MM_PER_POINT


def lines_that_fit(texts: Iterable[str], limit_mm: float, size_points: float) -> list[str]:
    """Return the texts as lines of at most `limit_mm`, broken between words.

    Further lines of a text are indented. A word that is wider than a line is broken.
    """
    lines = []
    for text in texts:
        line = ""
        for word in _pieces(text, limit_mm, size_points):
            longer = f"{line} {word}" if line.strip() else line + word
            if line.strip() and width_mm(longer, size_points) > limit_mm:
                lines.append(line)
                longer = f"   {word}"
            line = longer
        lines.append(line)
    return lines


def shortened(text: str, limit_mm: float, size_points: float, *, bold: bool = False) -> str:
    """Return the text, with an ellipsis in place of its middle if it is wider than the limit."""
    kept = len(text)
    short = text
    while width_mm(short, size_points, bold=bold) > limit_mm and kept > 2:
        kept -= 1
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return short


def _pieces(text: str, limit_mm: float, size_points: float) -> list[str]:
    """Return the words of a text; those that are too wide in pieces."""
    pieces = []
    for word in text.split():
        longest = len(word)
        while width_mm(word[:longest], size_points) > 0.9 * limit_mm:
            longest //= 2
        pieces += [word[start : start + longest] for start in range(0, len(word), longest)]
    return pieces
