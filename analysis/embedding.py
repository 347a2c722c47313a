"""The answer of /extract_features: embeddings joined as far as the options say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.answer_types import Model
from analysis.deployment import Deployment, Runtime
from analysis.forward import Encoded, mean_over_segments
from analysis.model_part import model_part
from analysis.options import FeatureOptions
from analysis.prepare import Prepared
from model_store.manifest import Role


@dataclass(frozen=True)
class Embedding:
    """An embedding: `values` is (width,), (segments, width) or (segments, tokens, width)."""

    record_id: str | None
    values: NDArray[np.floating[Any]]
    segments: int
    model: Model
    warnings: tuple[str, ...]


def embedding_answer(
    prepared: Prepared, encoded: Mapping[Role, Encoded], deployment: Deployment, runtime: Runtime
) -> Embedding:
    """Return the embedding of a recording that was prepared with feature options."""
    options = prepared.options
    assert isinstance(options, FeatureOptions), "embeddings need feature options. This is a bug."
    return Embedding(
        record_id=prepared.record_id,
        values=embed(encoded[options.role], options).astype(options.dtype, copy=False),
        segments=len(prepared.segment_times_s),
        model=model_part(deployment, runtime, options.role),
        warnings=prepared.warnings,
    )


def embed(encoded: Encoded, options: FeatureOptions) -> NDArray[np.float32]:
    """Pool over tokens and average over segments, as far as `options.level` says.

    Returns (width,), (segments, width) or (segments, tokens, width).
    """
    if encoded.states is None:
        per_segment = encoded.pooled
    elif options.level == "token":
        return encoded.states
    else:
        per_segment = _pool(encoded.states, options.pooling)
    return per_segment if options.level == "segment" else mean_over_segments(per_segment)


def _pool(states: NDArray[np.float32], pooling: str) -> NDArray[np.float32]:
    """Return (segments, width) from (segments, tokens, width)."""
    if pooling == "max":
        return np.asarray(states.max(axis=1))
    # ECG-FM's mean: each channel's sum over tokens, divided by the number of tokens whose value is
    # not exactly 0.
    counts = np.maximum((states != 0).sum(axis=1), 1)
    return np.asarray(states.sum(axis=1, dtype=np.float64) / counts, np.float32)
