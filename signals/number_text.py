"""Numbers in messages: short, but never rounded to the limit that they break."""

from __future__ import annotations

from typing import Final

_FEWEST_DIGITS: Final = 6
_MOST_DIGITS: Final = 17  # distinguish all doubles
_WHOLE_BELOW: Final = 1e15  # whole numbers below have all their digits


def number_text(value: float, *limits: float) -> str:
    """Return a number with the fewest digits, at least six, that keep it on its side of each limit.

    600.002 beside the limit 600 is "600.002". A whole number has all its digits.
    """
    if abs(value) < _WHOLE_BELOW and value == round(value):
        return f"{value:.0f}"
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        text = f"{value:.{digits}g}"
        shown = float(text)
        if all(
            (shown < limit) == (value < limit) and (shown > limit) == (value > limit)
            for limit in limits
        ):
            return text
    return f"{value:.{_MOST_DIGITS}g}"
