"""Decision trees as arrays, evaluated for many rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees as one run of nodes in preorder: a node's left child follows it, `right` is the other; a leaf is its own right.

    feature, threshold, right, value  (nodes,): to the left where the feature <= threshold (-inf in leaves)
    roots                             (trees,)
    depth                             steps from a root to the deepest leaf
    """

    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    right: NDArray[np.intp]
    value: NDArray[np.float32]
    roots: NDArray[np.intp]
    depth: int

    def values(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(rows, features) -> (rows, trees): the value of the leaf that each tree ends in."""
        found = np.empty((len(rows), self.roots.size), np.float32)
        following = np.arange(1, self.feature.size + 1)
        for row, of_row in zip(rows, found, strict=True):
            # Every node is asked, though few are passed: that is one comparison, where a way down is one for each step.
            child = np.where(row.take(self.feature) <= self.threshold, following, self.right)
            node = self.roots
            for _ in range(self.depth):
                node = child.take(node)
            of_row[:] = self.value.take(node)
        return found
