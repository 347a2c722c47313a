"""scikit-learn's boosted trees as a `Forest`, which needs no scikit-learn to be evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heads.trees import Forest


def forest_of(trees: list[NDArray[Any]], share: float) -> Forest:
    """Return scikit-learn's trees, given by their nodes, as a `Forest`.

    share  factor of all leaf values: the forest is the mean of its members
    """
    ordered: list[NDArray[Any]] = []
    right_children: list[NDArray[np.intp]] = []
    roots = []
    root = 0
    for tree in trees:
        nodes, right = _preorder(tree)
        ordered.append(nodes)
        right_children.append(right + root)
        roots.append(root)
        root += len(nodes)
    nodes = np.concatenate(ordered)
    leaf = nodes["is_leaf"].astype(bool)
    right = np.where(leaf, np.arange(leaf.size), np.concatenate(right_children))
    return Forest(
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.intp),
        threshold=np.where(leaf, -np.inf, nodes["num_threshold"]).astype(np.float32),
        right=right.astype(np.intp),
        value=(share * nodes["value"]).astype(np.float32),
        roots=np.array(roots, np.intp),
        depth=int(nodes["depth"].max()),
    )


def _preorder(nodes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return a tree's nodes in preorder, and the index of each node's right child in that order."""
    order = []
    stack = [0]
    while stack:
        index = stack.pop()
        order.append(index)
        if not nodes["is_leaf"][index]:
            stack.append(int(nodes["right"][index]))
            stack.append(int(nodes["left"][index]))
    place = np.empty(len(nodes), np.intp)
    place[order] = np.arange(len(nodes))
    right = np.where(nodes["is_leaf"], 0, nodes["right"]).astype(np.intp)
    return nodes[order], place[right[order]]
