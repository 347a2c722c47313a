"""What charts and strips are drawn on: a page of the PDF, or an SVG. Coordinates are mm, y down."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from report.paper import TEXT
from report.pen import Align, Weight

_WEIGHTS = {"regular": 400, "medium": 500, "semibold": 600}


class Surface(Protocol):
    """The part of `Pen` that charts and strips use."""

    def lines(
        self, ends: Iterable[tuple[float, float, float, float]], width: float, colour: int
    ) -> None: ...

    def polyline(self, points: NDArray[np.float64], width: float, colour: int) -> None: ...

    def area(self, x: float, y: float, width: float, height: float, colour: int) -> None: ...

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        weight: Weight = "regular",
        colour: int = TEXT,
        align: Align = "left",
    ) -> float: ...

    def clip(self, x: float, y: float, width: float, height: float) -> None: ...

    def unclip(self) -> None: ...


class Svg:
    """An SVG element of some mm; text from files is escaped."""

    def __init__(self, width: float, height: float, label: str) -> None:
        """label: what a screen reader says."""
        self._parts = [
            f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        ]

    def markup(self) -> str:
        """End the element and return it."""
        return "".join([*self._parts, "</svg>"])

    def lines(
        self, ends: Iterable[tuple[float, float, float, float]], width: float, colour: int
    ) -> None:
        moves = [f"M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}" for x1, y1, x2, y2 in ends]
        self._stroke("".join(moves), width, colour)

    def polyline(self, points: NDArray[np.float64], width: float, colour: int) -> None:
        steps = [f"{x:.2f} {y:.2f}" for x, y in points.tolist()]
        # A single point becomes a dot, as a line to itself with round ends.
        self._stroke(f"M{'L'.join(steps if len(steps) > 1 else steps * 2)}", width, colour)

    def area(self, x: float, y: float, width: float, height: float, colour: int) -> None:
        self._parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" '
            f'fill="#{colour:06x}"/>'
        )

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
        anchor = "" if align == "left" else ' text-anchor="end"'
        self._parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:g}" fill="#{colour:06x}" '
            f'font-weight="{_WEIGHTS[weight]}"{anchor}>{escape(text)}</text>'
        )
        return x

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """Draw only within this rectangle until `unclip`: an inner element clips."""
        place = f"{x:.2f} {y:.2f} {width:.2f} {height:.2f}"
        self._parts.append(
            f'<svg x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" '
            f'viewBox="{place}">'
        )

    def unclip(self) -> None:
        self._parts.append("</svg>")

    def _stroke(self, path: str, width: float, colour: int) -> None:
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="#{colour:06x}" stroke-width="{width:g}" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        )
