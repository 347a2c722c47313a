"""What an encoder gives back, as NumPy arrays: it travels between processes that know no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Wanted:
    """What is asked for beside pooled and logits: hidden states of these layers, the last attention, the tokens that were pooled."""

    layers: tuple[int, ...] = ()
    attention: bool = False
    tokens: bool = False


@dataclass(frozen=True)
class EncodedBatch:
    """One row for each segment (B), float32 throughout; T tokens of D channels, `labels` rows of the classifier.

    pooled     (B, D)
    logits     (B, labels), None without a classifier
    tokens     (B, T, D) what was pooled, None unless asked for
    hidden     layer -> (B, T, D), the layers asked for
    attention  (B, T, T) [query, key], the last layer's mean over heads, None unless asked for
    """

    pooled: Array
    logits: Array | None = None
    tokens: Array | None = None
    hidden: dict[int, Array] = field(default_factory=dict)
    attention: Array | None = None

    def __len__(self) -> int:
        return len(self.pooled)

    def rows(self, start: int, stop: int) -> EncodedBatch:
        """The segments start..stop-1 (views, no copies): how a batch is handed back to the recordings in it."""
        return EncodedBatch(
            pooled=self.pooled[start:stop],
            logits=None if self.logits is None else self.logits[start:stop],
            tokens=None if self.tokens is None else self.tokens[start:stop],
            hidden={layer: state[start:stop] for layer, state in self.hidden.items()},
            attention=None if self.attention is None else self.attention[start:stop],
        )

    @classmethod
    def concatenate(cls, pieces: Sequence[EncodedBatch]) -> EncodedBatch:
        """Several batches of the same encoder and the same wishes, one after the other."""
        if len(pieces) == 1:
            return pieces[0]
        first = pieces[0]
        return cls(
            pooled=np.concatenate([piece.pooled for piece in pieces]),
            logits=_concatenated([piece.logits for piece in pieces]),
            tokens=_concatenated([piece.tokens for piece in pieces]),
            hidden={
                layer: np.concatenate([piece.hidden[layer] for piece in pieces])
                for layer in first.hidden
            },
            attention=_concatenated([piece.attention for piece in pieces]),
        )


def _concatenated(arrays: Sequence[Array | None]) -> Array | None:
    present = [array for array in arrays if array is not None]
    return np.concatenate(present) if present else None
