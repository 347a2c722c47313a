"""A batch of segments, of any recordings and routes, through the encoders that somebody needs. The only room's file near a device."""

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
    """`encoder.runner.EncoderRunner`, named here without importing torch."""

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
    """One encoder's answer for some segments of one recording.

    pooled    (segments, width); logits (segments, labels) or None
    states    (segments, tokens, width) of the layer that was asked for, or None
    saliency  (segments, tokens): of each query token its largest attention, mean over heads, last layer; or None
    """

    pooled: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    states: NDArray[np.float32] | None
    saliency: NDArray[np.float32] | None


@dataclass(frozen=True)
class Piece:
    """Some segments of one recording, (segments, rows, samples), and what is needed of them.

    extra_segments  the segments of encoders that want others
    """

    segments: NDArray[np.float32]
    needs: Needs
    extra_segments: Mapping[Role, NDArray[np.float32]] = field(default_factory=dict)

    def for_role(self, role: Role) -> NDArray[np.float32]:
        return self.extra_segments.get(role, self.segments)


def forward(pieces: Sequence[Piece], runners: Mapping[Role, Runner]) -> list[dict[Role, Encoded]]:
    """Run each encoder once over all pieces that need it; one dict a piece, in order."""
    results: list[dict[Role, Encoded]] = [{} for _ in pieces]
    for role, runner in runners.items():
        wanting = [index for index, piece in enumerate(pieces) if role in piece.needs]
        if not wanting:
            continue
        needs = [pieces[index].needs[role] for index in wanting]
        batch = np.concatenate([pieces[index].for_role(role) for index in wanting])
        encoded = runner.run(
            batch,
            layers=_layers(needs),
            attention=any(need.attention for need in needs),
            final_tokens=any(need.layer == -1 for need in needs),
        )
        start = 0
        for index, need in zip(wanting, needs, strict=True):
            stop = start + len(pieces[index].for_role(role))
            results[index][role] = _cut(encoded, slice(start, stop), need)
            start = stop
    return results


def join(parts: Sequence[Encoded]) -> Encoded:
    """The answers for consecutive pieces of one recording as one."""
    if len(parts) == 1:
        return parts[0]
    return Encoded(
        np.concatenate([part.pooled for part in parts]),
        *(
            None if values[0] is None else np.concatenate(values)
            for values in zip(*((p.logits, p.states, p.saliency) for p in parts), strict=True)
        ),
    )


def mean_over_segments(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(segments, ...) -> (...): a recording's own."""
    return np.asarray(values.mean(axis=0, dtype=np.float64), np.float32)


def _layers(needs: Sequence[Need]) -> tuple[int, ...]:
    return tuple(
        sorted({need.layer for need in needs if need.layer is not None and need.layer >= 0})
    )


def _cut(encoded: EncodedBatch, piece: slice, need: Need) -> Encoded:
    states = (
        encoded.tokens
        if need.layer == -1
        else None
        if need.layer is None
        else encoded.hidden[need.layer]
    )
    return Encoded(
        pooled=encoded.pooled[piece],
        logits=None if encoded.logits is None else encoded.logits[piece],
        states=None if states is None else states[piece],
        # Reference: maximum over keys (axis 2) of the head-averaged attention, one number a query token.
        saliency=encoded.attention[piece].max(axis=2)
        if need.attention and encoded.attention is not None
        else None,
    )
