"""A bundle with random weights, as a baseline for heads.

A linear head on an untrained network is often not far behind one on a trained network: a random
encoder keeps much of a signal. An AUROC says little without the AUROC of that baseline. Weights are
drawn by He's initialisation (He et al. 2015); norms start as the identity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from errors import ModelStoreError
from model_store.bundle import WEIGHTS_FILE, Bundle, Source, Weights, load_bundle, write_bundle_file
from model_store.weights_file import Shape, read_shapes, write_weights


class _RandomWeights(Mapping[str, NDArray[np.float32]]):
    """Tensors that are drawn on access, one at a time.

    The same seed and shapes give the same numbers.
    """

    def __init__(self, shapes: Mapping[str, Shape], seed: int) -> None:
        self._shapes = shapes
        self._numbers = {name: number for number, name in enumerate(shapes)}
        self._seed = seed

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        shape = self._shapes[name]
        if len(shape) == 1:
            return np.full(shape, 1.0 if name.endswith("weight") else 0.0, np.float32)
        random = np.random.default_rng((self._seed, self._numbers[name]))
        std = math.sqrt(2.0 / math.prod(shape[1:]))
        return (random.standard_normal(shape) * std).astype(np.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def write_random_bundle(like: Path, folder: Path, seed: int) -> Bundle:
    """Write a bundle of the architecture of the bundle `like`, with random weights, and return it.

    Raises ModelStoreError if `folder` exists, BadBundle if `like` is not a bundle.
    """
    bundle = load_bundle(like)
    if folder.exists():
        raise ModelStoreError(f"{folder}: exists already; name a new folder")
    folder.mkdir(parents=True)
    shapes = read_shapes(bundle.weights_path)
    weights = folder / WEIGHTS_FILE
    sha256 = write_weights(weights, shapes, _RandomWeights(shapes, seed))
    drawn = replace(
        bundle,
        name=f"{bundle.name}-random-{seed}",
        source=Source(None, None, {}),
        weights=Weights(weights.stat().st_size, sha256),
        card=None,
        folder=folder,
    )
    write_bundle_file(drawn, folder)
    return drawn
