"""A figure with its interval, as the cards of models state it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval over resampled patients or recordings.

    digits, interval_digits  that are printed of the figure and of the ends of its interval
    """

    value: float
    low: float
    high: float
    digits: int
    interval_digits: int

    def __str__(self) -> str:
        low, high = (f"{end:.{self.interval_digits}f}" for end in (self.low, self.high))
        return f"{self.value:.{self.digits}f} ({low}-{high})"
