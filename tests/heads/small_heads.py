"""Small heads with random weights, for tests of their storage and use."""

from __future__ import annotations

from typing import Any

import numpy as np

from heads.head import EncoderReference, Head, HeadLabel, patient_digests

WIDTH = 6
ENCODER = EncoderReference("tiny-features", "r1", "a" * 64)
OTHER_ENCODER = EncoderReference("tiny-features", "r1", "b" * 64)


def linear_head(
    name: str = "rhythm",
    labels: tuple[str, ...] = ("AF", "SR"),
    *,
    width: int = WIDTH,
    seed: int = 0,
    **more: Any,
) -> Head:
    random = np.random.default_rng(seed)
    layer = (
        random.standard_normal((len(labels), width)).astype(np.float32),
        random.standard_normal(len(labels)).astype(np.float32),
    )
    values: dict[str, Any] = {
        "encoder": ENCODER,
        "trained_on": patient_digests(["p1", "p2"]),
        **more,
    }
    return Head(
        name=name,
        labels=tuple(HeadLabel(label, 0.5, 1.5, -0.2) for label in labels),
        layers=(layer,),
        **values,
    )


def mlp_head(name: str = "rhythm", hidden: int = 4) -> Head:
    random = np.random.default_rng(1)
    first = (
        random.standard_normal((hidden, WIDTH)).astype(np.float32),
        random.standard_normal(hidden).astype(np.float32),
    )
    last = (random.standard_normal((2, hidden)).astype(np.float32), np.zeros(2, np.float32))
    return Head(name, ENCODER, (HeadLabel("AF"), HeadLabel("SR")), (first, last))
