"""How a long recording is cut: pieces that are watched side by side, each with a lead-in.

What the watch finds depends on the minutes before: the shapes and intervals of a stream's last
beats. Therefore a piece begins earlier than its own time, and what is found in this lead-in is left
to the piece before. It ends later, too, because a condition is found after it has begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# The watch remembers a share of 1/e of a group of beats after 150 beats (heads/beats/describe.py):
# two minutes. docs/holter.md has what differs from a single pass after such a lead-in.
PIECE_S: Final = 1800
LEAD_IN_S: Final = 300
# What holds at a piece's end ends there, less its hold: 15 s at most (ENDS_AFTER_S). This has to be
# behind the seam, which is within 10 s (SEAM_S); beats are final 1.3 s late.
TAIL_S: Final = 30


@dataclass(frozen=True, slots=True)
class Piece:
    """Seconds from the recording's start.

    from_s, to_s    what is watched
    start_s, end_s  what it is asked for; the pieces' own times follow each other without a gap
    """

    number: int
    from_s: int
    to_s: float
    start_s: int
    end_s: float


def cut(duration_s: float, piece_s: int = PIECE_S, lead_in_s: int = LEAD_IN_S) -> tuple[Piece, ...]:
    """Return the pieces of a recording; a last one of less than half of the others joins them."""
    count = max(1, round(duration_s / piece_s))
    pieces = []
    for number in range(count):
        start_s = number * piece_s
        is_last = number == count - 1
        end_s = duration_s if is_last else float(start_s + piece_s)
        pieces.append(
            Piece(
                number,
                max(0, start_s - lead_in_s),
                min(duration_s, end_s + TAIL_S),
                start_s,
                end_s,
            )
        )
    return tuple(pieces)
