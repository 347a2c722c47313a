"""Atrial fibrillation in a long recording: its episodes and its burden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.holter.rhythm import Episode, Rhythm

# Shorter episodes are not counted (ESC guidelines 2020: an episode of at least 30 s).
MIN_EPISODE_S: Final = 30.0


@dataclass(frozen=True)
class Fibrillation:
    """Episodes of MIN_EPISODE_S and more. `burden` is their share of the analysed time, 0 to 1."""

    episodes: tuple[Episode, ...]
    total_s: float
    burden: float | None

    @property
    def longest(self) -> Episode | None:
        return max(self.episodes, key=lambda each: each.duration_s, default=None)


def fibrillation_of(rhythm: Rhythm, analysed_s: float) -> Fibrillation:
    """Return the fibrillation; without analysed time there is no burden."""
    found = rhythm.of("atrial_fibrillation")
    episodes = tuple(each for each in found if each.duration_s >= MIN_EPISODE_S)
    total = sum(each.duration_s for each in episodes)
    return Fibrillation(episodes, total, min(total / analysed_s, 1.0) if analysed_s > 0 else None)
