"""Sizes of the page and its parts in mm, from the page's top left corner; x right, y down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from report.options import Paper

GRID_TOP: Final = 50.0
GRID_HEIGHT: Final = 145.0
SMALL_SQUARE: Final = 1.0
LARGE_SQUARE: Final = 5.0

# Widths of lines.
TRACE_WIDTH: Final = 0.28
SMALL_LINE_WIDTH: Final = 0.10
LARGE_LINE_WIDTH: Final = 0.20
RULE_WIDTH: Final = 0.20

# Colours. In grey the grid is lighter than the text and the trace.
BLACK: Final = 0x15181C
TEXT: Final = 0x14181D
QUIET_TEXT: Final = 0x47515C
SMALL_LINE: Final = 0xF3C9C0
LARGE_LINE: Final = 0xE39A8C
TECHNICAL: Final = 0x00617A
WASH: Final = 0xDDE9ED  # the technical colour at 13 % on white
WHITE: Final = 0xFFFFFF


@dataclass(frozen=True)
class PaperSize:
    """One paper in landscape. The grid is as wide as the margins leave."""

    width: float
    height: float
    margin: float
    grid_width: float

    @property
    def left(self) -> float:
        return self.margin

    @property
    def right(self) -> float:
        return self.margin + self.grid_width

    @property
    def grid_bottom(self) -> float:
        return GRID_TOP + GRID_HEIGHT


SIZES: Final[dict[Paper, PaperSize]] = {
    "a4": PaperSize(297.0, 210.0, 13.5, 270.0),
    "letter": PaperSize(279.4, 215.9, 9.7, 260.0),
}
