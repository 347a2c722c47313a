"""Fit the embedded model: cross-entropy over all labels, cycles of AdamW, averaged weights."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
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
from training.embedded.progress import Training, read_progress, spent_cpu_s, write_progress

Rows = NDArray[np.intp]
Report = Callable[[str], None]

BATCH: Final = 64
WEIGHT_DECAY: Final = 0.02
DROPOUT: Final = 0.3
AVERAGE: Final = 0.998  # decay of the running average of the weights, a step
# Weights in the loss: superclasses matter most, helping targets do not ship.
SUPERCLASS_LOSS: Final = 2.5
HELPING_LOSS: Final = 0.5
READ_AT_ONCE: Final = 128
MAX_GRADIENT_NORM: Final = 2.0
# Probability of whole recordings in the first and in the later epochs of a cycle. Cropped
# recordings teach as much in half of the time; the last epochs see recordings as they are served.
WHOLE_FIRST: Final = 0.3
WHOLE_LATER: Final = 0.8


@dataclass(frozen=True)
class _Cycle:
    """One cycle of the learning rate.

    peak_rate     highest learning rate, reached after the share `rising` of the steps
    short_epochs  share of the epochs with WHOLE_FIRST; the others have WHOLE_LATER
    delayed       share of the recordings that are filtered as by another device
    """

    epochs: int
    peak_rate: float
    rising: float
    short_epochs: float
    delayed: float


# Other devices' filters are learned last: learned from the start, they cost more of the accuracy of
# the superclasses.
FINISH: Final = _Cycle(epochs=3, peak_rate=3e-4, rising=0.1, short_epochs=0.0, delayed=0.2)


def config_for(labels: int) -> CompactConfig:
    """Return the sizes of one member with this number of labels."""
    blocks = tuple(ConvLayer(channels, 7, 2) for channels in (48, 64, 96, 128, 160))
    return CompactConfig(ConvLayer(32, 15, 2), blocks, 8, 2, 256, labels)


def train(
    examples: Examples,
    rows: Rows,
    config: CompactConfig,
    epochs: int,
    seed: int,
    report: Report,
    progress: Path,
) -> Compact:
    """Return a network for inference, trained on these rows of the examples.

    report    receives a line for each epoch
    progress  a file that is written after each epoch; if it is there, the training goes on with it
    """
    torch.manual_seed(seed)
    # The classifier's last rows are the helping targets; they are removed after training.
    with_helping = replace(config, labels=config.labels + examples.helping.shape[1])
    cycle = _Cycle(epochs, peak_rate=3e-3, rising=0.2, short_epochs=0.5, delayed=0.0)
    net = Compact(with_helping, normed=True, dropout=DROPOUT)
    average = _run_cycle(net, examples, rows, cycle, seed, report, progress)
    return _without_helping(fold_norms(average), config)


def finish(
    net: Compact,
    examples: Examples,
    rows: Rows,
    seed: int,
    report: Report,
    progress: Path,
) -> Compact:
    """Return a trained network after a short cycle with filters of other devices, on the same rows.

    Changes `net`. For `report` and `progress` see `train`.
    """
    net.requires_grad_(True)
    average = _run_cycle(net, examples, rows, FINISH, seed, report, progress)
    return average.requires_grad_(False)


def _run_cycle(
    net: Compact,
    examples: Examples,
    rows: Rows,
    cycle: _Cycle,
    seed: int,
    report: Report,
    progress: Path,
) -> Compact:
    """Train `net` for one cycle; return the running average of its weights, for inference."""
    training = _training(net, len(rows), cycle, seed)
    done = read_progress(progress, training)
    spent_s = spent_cpu_s(progress)
    began = time.process_time()
    for epoch in range(done, cycle.epochs):
        loss = _run_epoch(training, examples, rows, cycle, epoch)
        cpu_s = spent_s + time.process_time() - began
        report(f"epoch {epoch + 1} of {cycle.epochs}: loss {loss:.4f}, {cpu_s:.0f} s of CPU")
        write_progress(progress, training, epoch + 1, cpu_s)
    return training.average.eval()


def _training(net: Compact, count: int, cycle: _Cycle, seed: int) -> Training:
    """Return the beginning of a cycle on this many recordings."""
    optimiser = torch.optim.AdamW(
        _parameter_groups(net.train()), lr=cycle.peak_rate, weight_decay=WEIGHT_DECAY
    )
    steps = cycle.epochs * (count // BATCH)
    return Training(
        settings={"epochs": cycle.epochs, "recordings": count, "seed": seed},
        net=net,
        average=copy.deepcopy(net),
        optimiser=optimiser,
        schedule=torch.optim.lr_scheduler.OneCycleLR(
            optimiser, cycle.peak_rate, total_steps=steps, pct_start=cycle.rising
        ),
        generator=torch.Generator().manual_seed(seed),
        rng=np.random.default_rng(seed),
    )


def _run_epoch(
    training: Training, examples: Examples, rows: Rows, cycle: _Cycle, epoch: int
) -> float:
    """Train for one epoch; return the mean loss."""
    net = training.net
    order = training.rng.permutation(rows)
    batches = len(order) // BATCH
    is_first = epoch < cycle.short_epochs * cycle.epochs
    whole = WHOLE_FIRST if is_first else WHOLE_LATER
    total = 0.0
    for batch in range(batches):
        chosen = np.sort(order[batch * BATCH : (batch + 1) * BATCH])
        loss = _loss(net, examples, chosen, whole, cycle.delayed, training.generator)
        training.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), MAX_GRADIENT_NORM)
        training.optimiser.step()
        training.schedule.step()
        step = epoch * batches + batch + 1
        # The average starts with little memory, so that the first weights are soon forgotten.
        _update_average(training.average, net, min(AVERAGE, (1 + step) / (10 + step)))
        total += loss.item()
    return total / batches


def read(net: Compact, signals: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return logits (records, labels) of complete recordings (records, 12, samples) in mV."""
    logits = []
    for start in range(0, len(signals), READ_AT_ONCE):
        piece = signals[start : start + READ_AT_ONCE].astype(np.float32)
        units_known = np.ones_like(piece[:, :1])
        logits.append(answers(net, np.concatenate([piece, units_known], axis=1)))
    return np.concatenate(logits)


def answers(net: Compact, segments: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logits (n, labels) of segments (n, 13, samples) as the server makes them."""
    with torch.inference_mode():
        pieces = torch.split(torch.from_numpy(segments), READ_AT_ONCE)
        return np.concatenate([net(piece).logits.numpy() for piece in pieces])


def _loss(
    net: Compact,
    examples: Examples,
    chosen: Rows,
    whole: float,
    delayed: float,
    generator: torch.Generator,
) -> Tensor:
    signals = torch.from_numpy(examples.signals[chosen].astype(np.float32))
    x = augmented(signals, torch.from_numpy(examples.usual[chosen]), whole, delayed, generator)
    targets = np.concatenate([examples.truth[chosen], examples.helping[chosen]], axis=1)
    # A network that is being finished has no rows for the helping targets.
    truth = torch.from_numpy(targets)[:, : net.config.labels]
    weights = torch.ones(truth.shape[1])
    weights[: len(SUPERCLASSES)] = SUPERCLASS_LOSS
    weights[examples.truth.shape[1] :] = HELPING_LOSS
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = net(x).logits
    losses = functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    return (losses * weights).sum(dim=1).mean() / len(weights)


def _parameter_groups(net: Compact) -> list[dict[str, object]]:
    """Return the optimiser's parameter groups: norms and biases have no weight decay."""
    matrices = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _update_average(average: Compact, net: Compact, kept: float) -> None:
    """Move the average towards the weights of `net`; `kept` is the weight of the old average."""
    averages = average.state_dict()
    weights = net.state_dict()
    floats = [name for name in averages if averages[name].is_floating_point()]
    torch._foreach_lerp_(
        [averages[name] for name in floats], [weights[name] for name in floats], 1 - kept
    )


def _without_helping(net: Compact, config: CompactConfig) -> Compact:
    """Return the network without the classifier's rows of helping targets."""
    plain = Compact(config)
    state = net.state_dict()
    state["classifier.weight"] = state["classifier.weight"][: config.labels].clone()
    state["classifier.bias"] = state["classifier.bias"][: config.labels].clone()
    plain.load_state_dict(state)
    return plain.eval()
