"""How the heart of one person lies in the chest, and how strong its signal is."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

# Choices: how far a person is from the mean one. They move the axis of a beat within the range that
# its rhythm usually has.
MAX_FRONTAL_DEG: Final = 12.0
MAX_HORIZONTAL_DEG: Final = 8.0
STRENGTHS: Final = (0.9, 1.2)


def heart_position(random: Generator) -> NDArray[np.float64]:
    """Return the matrix that turns the mean person's heart vector into this one's, (3, 3)."""
    frontal = np.radians(random.uniform(-MAX_FRONTAL_DEG, MAX_FRONTAL_DEG))
    horizontal = np.radians(random.uniform(-MAX_HORIZONTAL_DEG, MAX_HORIZONTAL_DEG))
    strength = random.uniform(*STRENGTHS)
    # The axes are X to the left, Y to the feet, Z to the back.
    in_frontal_plane = np.array(
        [
            [np.cos(frontal), -np.sin(frontal), 0.0],
            [np.sin(frontal), np.cos(frontal), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )
    in_horizontal_plane = np.array(
        [
            [np.cos(horizontal), 0.0, -np.sin(horizontal)],
            [0.0, 1.0, 0.0],
            [np.sin(horizontal), 0.0, np.cos(horizontal)],
        ]
    )
    position: NDArray[np.float64] = strength * in_frontal_plane @ in_horizontal_plane
    return position
