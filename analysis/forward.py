"""A batch of segments, of any recordings and routes, through the encoders that they need.

The only module of this package that runs encoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.plan import Need, Needs
from encoder.output import EncodedBatch
from model_store.manifest import Role


class Runner(Protocol):
    """The interface of `encoder.runner.EncoderRunner`, whose module imports torch."""

    def run(
        self,
        segments: NDArray[np.float32],
        *,
        layers: tuple[int, ...],
        attention: bool,
        final_tokens: bool,
    ) -> EncodedBatch: ...


@dataclass(frozen=True)
class Encoded:
    """One encoder's output for some segments of one recording.

    pooled    (segments, width)
    logits    (segments, labels), or None
    states    (segments, tokens, width) of the layer that was asked for, or None
    saliency  (segments, tokens): each query token's largest attention, mean over heads, last layer;
              or None
    """

    pooled: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    states: NDArray[np.float32] | None
    saliency: NDArray[np.float32] | None


@dataclass(frozen=True)
class Piece:
    """Some segments of one recording, (segments, rows, samples), and what is needed from them.

    extra_segments  the segments of encoders with another preprocessing
    """

    segments: NDArray[np.float32]
    needs: Needs
    extra_segments: Mapping[Role, NDArray[np.float32]] = field(default_factory=dict)

    def for_role(self, role: Role) -> NDArray[np.float32]:
        """Return the segments that an encoder reads."""
        return self.extra_segments.get(role, self.segments)


def forward(pieces: Sequence[Piece], runners: Mapping[Role, Runner]) -> list[dict[Role, Encoded]]:
    """Run each encoder once over all pieces that need it; return one dict a piece, in order."""
    outputs: list[dict[Role, Encoded]] = [{} for _ in pieces]
    for role, runner in runners.items():
        indices = [index for index, piece in enumerate(pieces) if role in piece.needs]
        if not indices:
            continue
        needs = [pieces[index].needs[role] for index in indices]
        segments = [pieces[index].for_role(role) for index in indices]
        encoded = runner.run(
            np.concatenate(segments),
            layers=_layers(needs),
            attention=any(need.attention for need in needs),
            final_tokens=any(need.layer == -1 for need in needs),
        )
        start = 0
        for index, need, own_segments in zip(indices, needs, segments, strict=True):
            stop = start + len(own_segments)
            outputs[index][role] = _cut(encoded, slice(start, stop), need)
            start = stop
    return outputs


def join(pieces: Sequence[Encoded]) -> Encoded:
    """Return the outputs for consecutive pieces of one recording as one."""
    if len(pieces) == 1:
        return pieces[0]
    return Encoded(
        pooled=np.concatenate([piece.pooled for piece in pieces]),
        logits=_concatenate([piece.logits for piece in pieces]),
        states=_concatenate([piece.states for piece in pieces]),
        saliency=_concatenate([piece.saliency for piece in pieces]),
    )


def mean_over_segments(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (...) from (segments, ...): the mean, summed in float64."""
    return np.asarray(values.mean(axis=0, dtype=np.float64), np.float32)


def _concatenate(pieces: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """Return the pieces joined, None if they are None.

    All pieces of one recording have an array, or none has.
    """
    arrays = [piece for piece in pieces if piece is not None]
    return np.concatenate(arrays) if arrays else None


def _layers(needs: Sequence[Need]) -> tuple[int, ...]:
    """Return the inner layers to keep, in order; the last one (-1) has its own flag."""
    return tuple(
        sorted({need.layer for need in needs if need.layer is not None and need.layer >= 0})
    )


def _cut(encoded: EncodedBatch, piece: slice, need: Need) -> Encoded:
    """Return one recording's rows of a batch."""
    saliency = None
    if need.attention and encoded.attention is not None:
        # As ECG-FM does: of the head-averaged attention the maximum over keys (axis 2), one number
        # for each query token.
        saliency = encoded.attention[piece].max(axis=2)
    return Encoded(
        pooled=encoded.pooled[piece],
        logits=None if encoded.logits is None else encoded.logits[piece],
        states=_states(encoded, piece, need.layer),
        saliency=saliency,
    )


def _states(encoded: EncodedBatch, piece: slice, layer: int | None) -> NDArray[np.float32] | None:
    if layer is None:
        return None
    states = encoded.tokens if layer == -1 else encoded.hidden[layer]
    return None if states is None else states[piece]
