"""Drawing on a PDF page in mm: lines, areas and text in the report's font.

Coordinates start at the page's top left corner. Text that the font lacks, or that would run right
to left or out of its place, is replaced: it comes from files and requests.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from report.paper import TEXT, WHITE

Weight = Literal["regular", "medium", "semibold"]
Align = Literal["left", "right"]

POINTS: Final = 72 / 25.4  # a mm
DECIMALS: Final = 2  # of a point: 0.004 mm
ROUND: Final = 1  # PDF's code of round caps and joins
FILL, STROKE = 0, 1  # PDF's text rendering modes
HALO_WIDTH: Final = 1.2  # mm, of the line around a letter
FONTS: Final = Path(__file__).parent / "fonts"
ELLIPSIS: Final = "…"
REPLACEMENT: Final = "?"
MAX_TEXT_CHARS: Final = 400  # more never fits on a line


@cache
def _font(weight: Weight) -> TTFont:
    """Return the font, registered once for each process."""
    font = TTFont(f"report-{weight}", str(FONTS / f"ecg-report-sans-{weight}.ttf"))
    pdfmetrics.registerFont(font)
    return font


def printable(text: str) -> str:
    """Return text with what the font cannot show as `?`, and without invisible characters."""
    glyphs = _font("regular").face.charToGlyph
    shown = []
    for char in unicodedata.normalize("NFC", text[:MAX_TEXT_CHARS]):
        category = unicodedata.category(char)
        if category in ("Cc", "Zl", "Zp", "Zs"):
            shown.append(" ")
        elif category != "Cf":
            shown.append(char if ord(char) in glyphs else REPLACEMENT)
    return " ".join("".join(shown).split())


def text_width(text: str, size: float, weight: Weight = "regular") -> float:
    """Return the width of printable text in mm."""
    width: float = _font(weight).stringWidth(text, size)
    return width


def fitted(text: str, width: float, size: float, weight: Weight = "regular") -> str:
    """Return printable text of at most this width in mm, cut with an ellipsis if it is longer."""
    text = printable(text)
    if text_width(text, size, weight) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        cut = text[:middle].rstrip() + ELLIPSIS
        if text_width(cut, size, weight) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def wrapped(text: str, width: float, size: float, lines: int) -> list[str]:
    """Return printable text in lines of at most this width; the last one is cut if need be."""
    words = printable(text).split()
    found: list[str] = []
    while words and len(found) < lines - 1:
        count = 1
        while count < len(words) and text_width(" ".join(words[: count + 1]), size) <= width:
            count += 1
        found.append(fitted(" ".join(words[:count]), width, size))
        words = words[count:]
    if words:
        found.append(fitted(" ".join(words), width, size))
    return found


class Pen:
    """One page after the other. `pdf` ends the last one."""

    def __init__(self, width: float, height: float, title: str, lang: str) -> None:
        self._height = height
        self._bytes = io.BytesIO()
        # invariant: no time of creation and no random id, so that equal input gives equal bytes.
        self._canvas = Canvas(
            self._bytes,
            pagesize=(width * POINTS, height * POINTS),
            invariant=1,
            pageCompression=1,
            lang=lang,
            initialFontName=_font("regular").fontName,
        )
        self._canvas.setTitle(title)
        self._canvas.setAuthor("")
        self._canvas.setSubject("")
        self._canvas.setCreator("ECG-FM server")
        self._begin_page()

    def _begin_page(self) -> None:
        self._canvas.setLineCap(ROUND)
        self._canvas.setLineJoin(ROUND)

    def next_page(self) -> None:
        """End the page and begin another."""
        self._canvas.showPage()
        self._begin_page()

    def pdf(self) -> bytes:
        """End the page and return the document."""
        self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()

    def _y(self, y: float) -> float:
        return (self._height - y) * POINTS

    def _set_line(self, width: float, colour: int) -> None:
        self._canvas.setLineWidth(width * POINTS)
        self._canvas.setStrokeColor(HexColor(colour))

    def lines(
        self, ends: Iterable[tuple[float, float, float, float]], width: float, colour: int
    ) -> None:
        """Draw straight lines, each (x1, y1, x2, y2)."""
        self._set_line(width, colour)
        path = self._canvas.beginPath()
        for x1, y1, x2, y2 in ends:
            path.moveTo(x1 * POINTS, self._y(y1))
            path.lineTo(x2 * POINTS, self._y(y2))
        self._canvas.drawPath(path)

    def polyline(self, points: NDArray[np.float64], width: float, colour: int) -> None:
        """Draw one line through (n, 2) points; a single point becomes a dot."""
        self._set_line(width, colour)
        xs = np.round(points[:, 0] * POINTS, DECIMALS).tolist()
        ys = np.round((self._height - points[:, 1]) * POINTS, DECIMALS).tolist()
        path = self._canvas.beginPath()
        path.moveTo(xs[0], ys[0])
        for x, y in zip(xs[1:] or xs, ys[1:] or ys, strict=True):
            path.lineTo(x, y)
        self._canvas.drawPath(path)

    def area(self, x: float, y: float, width: float, height: float, colour: int) -> None:
        """Fill a rectangle whose top left corner is at (x, y)."""
        self._canvas.setFillColor(HexColor(colour))
        bottom = self._y(y + height)
        self._canvas.rect(x * POINTS, bottom, width * POINTS, height * POINTS, stroke=0, fill=1)

    def box(self, x: float, y: float, width: float, height: float, line_width: float) -> None:
        """Draw the outline of a rectangle with slightly round corners."""
        self._set_line(line_width, TEXT)
        bottom = self._y(y + height)
        radius = 0.6 * POINTS
        self._canvas.roundRect(x * POINTS, bottom, width * POINTS, height * POINTS, radius)

    def shape(self, corners: Sequence[tuple[float, float]], colour: int) -> None:
        """Fill a polygon."""
        self._canvas.setFillColor(HexColor(colour))
        path = self._canvas.beginPath()
        (x, y), *others = corners
        path.moveTo(x * POINTS, self._y(y))
        for x, y in others:
            path.lineTo(x * POINTS, self._y(y))
        path.close()
        self._canvas.drawPath(path, stroke=0, fill=1)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        weight: Weight = "regular",
        colour: int = TEXT,
        align: Align = "left",
    ) -> float:
        """Write printable text with its baseline at y, its left or right end at x.

        Return the x of the other end.
        """
        width = text_width(text, size, weight)
        left = x if align == "left" else x - width
        self._write(left, y, text, size, weight, colour)
        return x + width if align == "left" else left

    def text_with_halo(
        self, x: float, y: float, text: str, size: float, weight: Weight, colour: int = TEXT
    ) -> float:
        """Write text on a white outline of its letters, which keeps it legible on a trace."""
        line = self._canvas.beginText(x * POINTS, self._y(y))
        line.setFont(_font(weight).fontName, size * POINTS)
        line.setStrokeColor(HexColor(WHITE))
        self._canvas.setLineWidth(HALO_WIDTH * POINTS)
        # One object for both, as each assumes that it begins with the mode FILL.
        line.setTextRenderMode(STROKE)
        line.textOut(text)
        line.setTextOrigin(x * POINTS, self._y(y))
        line.setFillColor(HexColor(colour))
        line.setTextRenderMode(FILL)
        line.textOut(text)
        self._canvas.drawText(line)
        return x + text_width(text, size, weight)

    def _write(
        self, x: float, y: float, text: str, size: float, weight: Weight, colour: int
    ) -> None:
        line = self._canvas.beginText(x * POINTS, self._y(y))
        line.setFont(_font(weight).fontName, size * POINTS)
        line.setFillColor(HexColor(colour))
        line.textOut(text)
        self._canvas.drawText(line)

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """Draw only within this rectangle until `unclip`."""
        self._canvas.saveState()
        path = self._canvas.beginPath()
        path.rect(x * POINTS, self._y(y + height), width * POINTS, height * POINTS)
        self._canvas.clipPath(path, stroke=0, fill=0)

    def unclip(self) -> None:
        self._canvas.restoreState()
