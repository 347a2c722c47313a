"""Only a superclass that reaches its threshold is named, however the probabilities compare."""

from __future__ import annotations

import pytest

from analysis.superclass import superclass_part
from superclasses import SUPERCLASSES


def probabilities(*values: float) -> dict[str, float]:
    return dict(zip(SUPERCLASSES, values, strict=True))


@pytest.mark.parametrize(
    ("values", "positive", "top"),
    [
        ((0.01, 0.0458, 0.02, 0.03, 0.01), [], None),
        ((0.44, 0.1, 0.1, 0.2, 0.4), [], None),
        ((0.45, 0.1, 0.1, 0.1, 0.25), ["HYP"], "HYP"),  # NORM is more probable and rejected
        ((0.1, 0.6, 0.7, 0.1, 0.65), ["MI", "HYP"], "HYP"),
        ((0.1, 0.6, 0.7, 0.1, 0.65), ["MI", "STTC", "HYP"], "STTC"),
        ((0.2, 0.7, 0.1, 0.7, 0.1), ["CD", "MI"], "MI"),  # equal: PTB-XL's order
    ],
)
def test_top_is_the_most_probable_positive_superclass(
    values: tuple[float, ...], positive: list[str], top: str | None
) -> None:
    part = superclass_part(probabilities(*values), positive)
    assert part["top"] == top
    assert part["probabilities"] == probabilities(*values)
    assert part["positive"] == [name for name in SUPERCLASSES if name in positive]
