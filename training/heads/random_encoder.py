"""A bundle like another with weights drawn at random: the encoder that a head is to be compared with, to see what training gave.

A linear head on an untrained network is often not far behind (a random encoder keeps much of a
signal); an AUROC without that one beside it says little. He's initialisation (He et al. 2015) for
whatever has an input, norms pass through.
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


class RandomWeights(Mapping[str, NDArray[np.float32]]):
    """Drawn when asked for, one tensor at a time; the same seed and name give the same numbers."""

    def __init__(self, shapes: Mapping[str, Shape], seed: int) -> None:
        self._shapes, self._numbers, self._seed = (
            shapes,
            {name: number for number, name in enumerate(shapes)},
            seed,
        )

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        shape = self._shapes[name]
        if len(shape) == 1:
            return np.full(shape, 1.0 if name.endswith("weight") else 0.0, np.float32)
        random = np.random.default_rng((self._seed, self._numbers[name]))
        return (random.standard_normal(shape) * math.sqrt(2.0 / math.prod(shape[1:]))).astype(
            np.float32
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def write_random_bundle(like: Path, folder: Path, seed: int) -> Bundle:
    """Raises ModelStoreError where `folder` is there already, BadBundle where `like` is none."""
    bundle = load_bundle(like)
    if folder.exists():
        raise ModelStoreError(f"{folder}: is there already; name a new folder")
    folder.mkdir(parents=True)
    shapes = read_shapes(bundle.weights_path)
    sha256 = write_weights(folder / WEIGHTS_FILE, shapes, RandomWeights(shapes, seed))
    size = (folder / WEIGHTS_FILE).stat().st_size
    drawn = replace(
        bundle,
        name=f"{bundle.name}-random-{seed}",
        source=Source(None, None, {}),
        weights=Weights(size, sha256),
        card=None,
        folder=folder,
    )
    write_bundle_file(drawn, folder)
    return drawn
