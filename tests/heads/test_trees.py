"""A forest gives each row the value of the leaf that it reaches in each tree."""

from __future__ import annotations

import numpy as np

from heads.trees import Forest

INF = np.inf

# Tree 1: (10 if feature 1 <= 5 else 20) if feature 0 <= 1 else 30. Tree 2: -1 if feature 1 <= 0
# else -2.
FOREST = Forest(
    feature=np.array([0, 1, 0, 0, 0, 1, 0, 0], np.intp),
    threshold=np.array([1, 5, -INF, -INF, -INF, 0, -INF, -INF], np.float32),
    right=np.array([4, 3, 2, 3, 4, 7, 6, 7], np.intp),
    value=np.array([0, 0, 10, 20, 30, 0, -1, -2], np.float32),
    roots=np.array([0, 5], np.intp),
    depth=2,
)


def test_rows_go_left_below_and_at_the_threshold() -> None:
    rows = np.array([[1, 5], [1, 5.1], [1.1, 0], [-3, -3]], np.float32)
    values = FOREST.values(rows)
    assert values.dtype == np.float32
    assert values.tolist() == [[10, -2], [20, -2], [30, -1], [10, -1]]


def test_no_rows_give_no_values() -> None:
    assert FOREST.values(np.zeros((0, 2), np.float32)).shape == (0, 2)
