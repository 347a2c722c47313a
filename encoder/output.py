"""The outputs of an encoder as NumPy arrays, for processes that do not load torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Wanted:
    """The outputs requested in addition to `pooled` and `logits`.

    layers     numbers of the hidden states
    attention  whether the last layer's attention is requested
    tokens     whether the tokens that were pooled are requested
    """

    layers: tuple[int, ...] = ()
    attention: bool = False
    tokens: bool = False


@dataclass(frozen=True)
class EncodedBatch:
    """The outputs for B segments, float32; T tokens of D channels, `labels` rows of the classifier.

    pooled     (B, D)
    logits     (B, labels), None without a classifier
    tokens     (B, T, D) what was pooled, None unless requested
    hidden     layer -> (B, T, D), the requested layers
    attention  (B, T, T) [query, key], the last layer's mean over heads, None unless requested
    """

    pooled: Array
    logits: Array | None = None
    tokens: Array | None = None
    hidden: dict[int, Array] = field(default_factory=dict)
    attention: Array | None = None

    def __len__(self) -> int:
        return len(self.pooled)

    def rows(self, start: int, stop: int) -> EncodedBatch:
        """Return the outputs of segments start..stop-1, as views."""
        return EncodedBatch(
            pooled=self.pooled[start:stop],
            logits=None if self.logits is None else self.logits[start:stop],
            tokens=None if self.tokens is None else self.tokens[start:stop],
            hidden={layer: state[start:stop] for layer, state in self.hidden.items()},
            attention=None if self.attention is None else self.attention[start:stop],
        )

    @classmethod
    def concatenate(cls, batches: Sequence[EncodedBatch]) -> EncodedBatch:
        """Concatenate batches of the same encoder with the same requested outputs."""
        if len(batches) == 1:
            return batches[0]
        hidden: dict[int, Array] = {}
        for layer in batches[0].hidden:
            hidden[layer] = np.concatenate([batch.hidden[layer] for batch in batches])
        return cls(
            pooled=np.concatenate([batch.pooled for batch in batches]),
            logits=_concatenated([batch.logits for batch in batches]),
            tokens=_concatenated([batch.tokens for batch in batches]),
            hidden=hidden,
            attention=_concatenated([batch.attention for batch in batches]),
        )


def _concatenated(arrays: Sequence[Array | None]) -> Array | None:
    present = [array for array in arrays if array is not None]
    return np.concatenate(present) if present else None
