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
        which = np.arange(len(rows))[:, np.newaxis]
        node = np.broadcast_to(self.roots, (len(rows), self.roots.size))
        for _ in range(self.depth):
            left = rows[which, self.feature[node]] <= self.threshold[node]
            node = np.where(left, node + 1, self.right[node])
        found: NDArray[np.float32] = self.value[node]
        return found
