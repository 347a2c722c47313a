"""The embedded model's fit: cross-entropy over all labels at once, cycles of AdamW, the weights' running average."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from encoder.compact import Compact, fold_norms
from encoder.config import CompactConfig, ConvLayer
from superclasses import SUPERCLASSES
from training.embedded.augment import augmented
from training.embedded.data import Examples

BATCH: Final = 64
WEIGHT_DECAY: Final = 0.02
DROPOUT: Final = 0.3
AVERAGE: Final = 0.998  # of the running average of the weights, a step
# Weights of the loss: the superclasses are what is asked for first, the helping statements are not asked for.
SUPERCLASS_LOSS: Final = 2.5
HELPING_LOSS: Final = 0.5
READ_AT_ONCE: Final = 128
WHOLE: Final = (
    0.3,
    0.8,
)  # share of whole recordings: cropped ones teach as much for half of the time, the last ones are as served


@dataclass(frozen=True)
class Cycle:
    """One cycle of the learning rate.

    peak_rate     the highest, reached after `rising` of the steps
    short_epochs  share of the epochs with the first of WHOLE; the others have the second
    delayed       share of recordings that another device's filter has gone over
    """

    epochs: int
    peak_rate: float
    rising: float
    short_epochs: float
    delayed: float


# What other devices' filters look like is learned last: from the start it costs more of what is asked for first.
FINISH: Final = Cycle(epochs=3, peak_rate=3e-4, rising=0.1, short_epochs=0.0, delayed=0.2)


def config_for(labels: int) -> CompactConfig:
    """The sizes of one member."""
    blocks = tuple(ConvLayer(channels, 7, 2) for channels in (48, 64, 96, 128, 160))
    return CompactConfig(ConvLayer(32, 15, 2), blocks, 8, 2, 256, labels)


def train(
    examples: Examples,
    rows: NDArray[np.intp],
    config: CompactConfig,
    epochs: int,
    seed: int,
    report: Callable[[str], None],
) -> Compact:
    """A network for inference, trained on these rows; classifier rows are the labels', then the helping ones (dropped at the end)."""
    torch.manual_seed(seed)
    learned = replace(config, labels=config.labels + examples.helping.shape[1])
    cycle = Cycle(epochs, peak_rate=3e-3, rising=0.2, short_epochs=0.5, delayed=0.0)
    average = _run(
        Compact(learned, normed=True, dropout=DROPOUT), examples, rows, cycle, seed, report
    )
    return _shipped(fold_norms(average), config)


def finish(
    net: Compact,
    examples: Examples,
    rows: NDArray[np.intp],
    seed: int,
    report: Callable[[str], None],
) -> Compact:
    """A trained network, used to the filters of other devices in a short cycle on the same rows. `net` is changed on the way."""
    return _run(net.requires_grad_(True), examples, rows, FINISH, seed, report).requires_grad_(
        False
    )


def _run(
    net: Compact,
    examples: Examples,
    rows: NDArray[np.intp],
    cycle: Cycle,
    seed: int,
    report: Callable[[str], None],
) -> Compact:
    """The running average of net's weights after the cycle, for inference."""
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    average = copy.deepcopy(net.train())
    steps = cycle.epochs * (len(rows) // BATCH)
    optimiser = torch.optim.AdamW(_groups(net), lr=cycle.peak_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, cycle.peak_rate, total_steps=steps, pct_start=cycle.rising
    )
    step, began = 0, time.process_time()
    for epoch in range(cycle.epochs):
        order = rng.permutation(rows)
        total = 0.0
        whole = WHOLE[epoch >= cycle.short_epochs * cycle.epochs]
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = np.sort(order[start : start + BATCH])
            loss = _loss(net, examples, chosen, whole, cycle.delayed, generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            step += 1
            _average(average, net, min(AVERAGE, (1 + step) / (10 + step)))
            total += loss.item()
        report(
            f"epoch {epoch + 1} of {cycle.epochs}: loss {total / (len(order) // BATCH):.4f}, {time.process_time() - began:.0f} s of CPU"
        )
    return average.eval()


def read(net: Compact, signals: NDArray[np.float16]) -> NDArray[np.float32]:
    """(records, 12, samples) in mV, wholly there -> logits (records, labels)."""
    pieces = (
        signals[start : start + READ_AT_ONCE].astype(np.float32)
        for start in range(0, len(signals), READ_AT_ONCE)
    )
    return np.concatenate(
        [
            answers(net, np.concatenate([piece, np.ones_like(piece[:, :1])], axis=1))
            for piece in pieces
        ]
    )


def answers(net: Compact, segments: NDArray[np.float32]) -> NDArray[np.float32]:
    """Segments (n, 13, samples) as the server makes them -> logits (n, labels)."""
    with torch.inference_mode():
        pieces = [
            torch.from_numpy(segments[start : start + READ_AT_ONCE])
            for start in range(0, len(segments), READ_AT_ONCE)
        ]
        return np.concatenate([net(piece).logits.numpy() for piece in pieces])


def _loss(
    net: Compact,
    examples: Examples,
    chosen: NDArray[np.intp],
    whole: float,
    delayed: float,
    generator: torch.Generator,
) -> Tensor:
    signals = torch.from_numpy(examples.signals[chosen].astype(np.float32))
    x = augmented(signals, torch.from_numpy(examples.usual[chosen]), whole, delayed, generator)
    # A network that is trained already has no rows for the helping statements any more.
    truth = torch.from_numpy(
        np.concatenate([examples.truth[chosen], examples.helping[chosen]], axis=1)
    )[:, : net.config.labels]
    weights = torch.ones(truth.shape[1])
    weights[: len(SUPERCLASSES)] = SUPERCLASS_LOSS
    weights[examples.truth.shape[1] :] = HELPING_LOSS
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = net(x).logits
    return (
        functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
        * weights
    ).sum(dim=1).mean() / len(weights)


def _groups(net: Compact) -> list[dict[str, object]]:
    """Norms and biases are not decayed."""
    matrices = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _average(average: Compact, net: Compact, kept: float) -> None:
    mine, theirs = average.state_dict(), net.state_dict()
    floats = [name for name in mine if mine[name].is_floating_point()]
    torch._foreach_lerp_(
        [mine[name] for name in floats], [theirs[name] for name in floats], 1 - kept
    )


def _shipped(net: Compact, config: CompactConfig) -> Compact:
    """Without the rows that only helped."""
    plain = Compact(config)
    state = net.state_dict()
    state["classifier.weight"] = state["classifier.weight"][: config.labels].clone()
    state["classifier.bias"] = state["classifier.bias"][: config.labels].clone()
    plain.load_state_dict(state)
    return plain.eval()
