"""The embedded model as a bundle, with the calibration folded into its classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.compact import Compact
from model_store.bundle import (
    SCHEMA_VERSION,
    WEIGHTS_FILE,
    Bundle,
    Source,
    Weights,
    load_bundle,
    write_bundle_file,
)
from model_store.labels import Label
from model_store.weights_file import weight_shapes, write_weights
from training.embedded.data import Examples
from training.embedded.scores import Scores

LICENCE = (
    "MIT (weights); trained on PTB-XL 1.0.3, Wagner et al., CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/)"
)


def write_bundle(
    folder: Path, net: Compact, examples: Examples, scores: Scores, name: str, card: str | None
) -> Bundle:
    """Write a bundle with weights in half precision; return it as read back and checked.

    card  path of the model card in the repository, None without one
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_FILE
    sha256 = write_weights(weights, weight_shapes(net.config), calibrated(net, scores), "F16")
    bundle = Bundle(
        schema_version=SCHEMA_VERSION,
        name=name,
        kind="classifier",
        source=Source(repo=None, revision=None, files={}),
        architecture="compact",
        config=net.config,
        preprocessing=examples.preprocessing,
        labels=tuple(
            Label(target.name, target.joining, None, round(float(threshold), 4), target.description)
            for target, threshold in zip(examples.labels, scores.threshold, strict=True)
        ),
        weights=Weights(bytes=weights.stat().st_size, sha256=sha256),
        licence=LICENCE,
        card=card,
    )
    write_bundle_file(bundle, folder)
    return load_bundle(folder)


def calibrated(net: Compact, scores: Scores) -> dict[str, NDArray[Any]]:
    """Return the weights, with a classifier that gives calibrated logits."""
    weights: dict[str, NDArray[Any]] = {
        name: value.numpy().copy() for name, value in net.state_dict().items()
    }
    slope = scores.slope.astype(np.float32)
    offset = scores.offset.astype(np.float32)
    weights["classifier.weight"] = weights["classifier.weight"] * slope[:, None]
    weights["classifier.bias"] = weights["classifier.bias"] * slope + offset
    return weights
