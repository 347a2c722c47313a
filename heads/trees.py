"""Decision trees as arrays, evaluated for many rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Forest:
    """The nodes of all trees, one tree after the other, each in preorder.

    A row of features goes from a node to its left child if the node's feature is at most the node's
    threshold, else to its right child. The left child is the next node. A leaf leads to itself: it
    is its own right child, and its threshold is -inf.

    feature    (nodes,) index of the feature that the node compares
    threshold  (nodes,)
    right      (nodes,) index of the right child
    value      (nodes,) the tree's result for the rows that end in this leaf
    roots      (trees,) index of each tree's root
    depth      steps from a root to the deepest leaf
    """

    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    right: NDArray[np.intp]
    value: NDArray[np.float32]
    roots: NDArray[np.intp]
    depth: int

    def values(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the value that each tree gives each row: (rows, features) -> (rows, trees)."""
        leaf_values = np.empty((len(rows), self.roots.size), np.float32)
        left = np.arange(1, self.feature.size + 1)
        for index, row in enumerate(rows):
            # The condition of every node is evaluated, although a row passes only a few of them:
            # one vectorised comparison costs less than one comparison for each level of the trees.
            child = np.where(row.take(self.feature) <= self.threshold, left, self.right)
            node = self.roots
            for _ in range(self.depth):
                node = child.take(node)
            leaf_values[index] = self.value.take(node)
        return leaf_values

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the trees as plain arrays; right children are stored relative to their parents."""
        steps_right = self.right - np.arange(self.right.size)
        return {
            "feature": self.feature.astype(np.uint16),
            "split": self.threshold.astype(np.float32),
            "value": self.value.astype(np.float32),
            "right": steps_right.astype(np.uint16),
            "roots": self.roots.astype(np.uint32),
            "depth": np.asarray(self.depth),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Forest:
        """Return the trees that `to_arrays` stored."""
        steps_right = arrays["right"].astype(np.intp)
        return cls(
            feature=arrays["feature"].astype(np.intp),
            threshold=arrays["split"],
            right=steps_right + np.arange(steps_right.size),
            value=arrays["value"],
            roots=arrays["roots"].astype(np.intp),
            depth=int(arrays["depth"]),
        )
