"""Fit the delineator: batches of augmented beats, the loss, AdamW, and averaged weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from intervals.beat_grid import BEAT_SAMPLES
from training.delineator.beats import NOT_ANNOTATED, BeatSource, Example, draw_example
from training.delineator.net import DelineatorNet, export

BATCH: Final = 16
DRAWS: Final = 2.0  # examples a record and epoch
PEAK_RATE: Final = 4e-3
WEIGHT_DECAY: Final = 0.01
MAX_GRADIENT_NORM: Final = 5.0
KEPT_SHARE: Final = 0.99  # of the weights' running average at each step of the second half
LEAD_SD_SAMPLES: Final = 2.0  # 8 ms
GLOBAL_SD_SAMPLES: Final = 1.5  # 6 ms
CLASS_LOSS: Final = 2.0
EXPECTATION_LOSS: Final = 0.1  # a sample of 4 ms
P_LOSS: Final = 0.5
# Leads of a batch: mostly all that are read, sometimes fewer, seldom one to three, so that the
# network knows incomplete recordings.
LEAD_COUNTS: Final = (8, 8, 8, 8, 8, 8, 6, 6, 3, 1)


def train(sources: list[BeatSource], epochs: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Train a network and return its weights in the format that `intervals/unet.py` reads.

    The same arguments give the same weights on the same machine.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = DelineatorNet()
    steps = max(1, round(epochs * len(sources) * DRAWS / BATCH))
    optimiser = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, total_steps=steps, pct_start=0.2
    )
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(KEPT_SHARE), use_buffers=True)  # type: ignore[no-untyped-call]
    probabilities = np.array([source.weight for source in sources])
    probabilities /= probabilities.sum()

    net.train()
    for step in range(steps):
        leads = int(rng.choice(LEAD_COUNTS))
        examples = _batch(sources, probabilities, leads, rng)
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=_has_bfloat16()):
            loss = _loss(net, examples)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), MAX_GRADIENT_NORM)
        optimiser.step()
        schedule.step()
        if step >= steps // 2:
            average.update_parameters(net)

    averaged = average.module.eval()
    assert isinstance(averaged, DelineatorNet)
    return export(averaged)


def _has_bfloat16() -> bool:
    """Return whether this processor convolves in bfloat16, which takes half of the time.

    The weights remain float32 in either case.
    """
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _batch(
    sources: list[BeatSource],
    probabilities: NDArray[np.float64],
    leads: int,
    rng: np.random.Generator,
) -> list[Example]:
    """Draw a batch of examples with the same number of leads.

    probabilities  (sources,)
    """
    drawn = rng.choice(len(sources), BATCH, p=probabilities)
    return [draw_example(sources[int(index)], leads, rng) for index in drawn]


def _loss(net: DelineatorNet, examples: list[Example]) -> Tensor:
    """Return the loss of a batch: classes, the leads' times, global times, the presence of P."""
    features = _stacked(example.features for example in examples)
    alive = _stacked(example.alive.astype(np.float32) for example in examples)
    class_logits, lead_logits, global_logits, p_logits = net(features, alive)

    # Leads without a signal count for nothing.
    classes = _stacked(example.classes for example in examples)
    not_annotated = torch.full_like(classes, NOT_ANNOTATED)
    classes = torch.where(alive[:, :, None] > 0, classes, not_annotated)
    lead_times = _stacked(
        np.where(example.alive, example.lead_times, np.nan) for example in examples
    )
    global_times = _stacked(example.global_times for example in examples)
    p_present = torch.tensor([example.p_present for example in examples])

    loss: Tensor = CLASS_LOSS * functional.cross_entropy(
        class_logits, classes, ignore_index=NOT_ANNOTATED
    )
    loss = loss + _time_loss(lead_logits, lead_times, LEAD_SD_SAMPLES)
    loss = loss + _time_loss(global_logits, global_times, GLOBAL_SD_SAMPLES)
    return loss + P_LOSS * functional.binary_cross_entropy_with_logits(p_logits, p_present)


def _stacked(arrays: Iterable[NDArray[np.generic]]) -> Tensor:
    """Return the examples' arrays as one tensor with a first axis for the batch."""
    return torch.from_numpy(np.stack(list(arrays)))


def _time_loss(logits: Tensor, target: Tensor, sd: float) -> Tensor:
    """Return the loss of time distributions against the times in `target`, in samples.

    It is the cross-entropy against a Gaussian about the time plus the distance of the expectation
    from it, over all times that are annotated and within the window.

    logits  (..., samples)
    target  (...), NaN for none
    """
    annotated = torch.isfinite(target) & (target > 0) & (target < BEAT_SAMPLES - 1)
    if not bool(annotated.any()):
        return logits.sum() * 0.0
    log_probability = functional.log_softmax(logits[annotated], dim=1)
    time = target[annotated].to(torch.float32)[:, None]
    samples = torch.arange(BEAT_SAMPLES, dtype=torch.float32)

    gaussian = torch.exp(-0.5 * ((samples - time) / sd) ** 2)
    gaussian = gaussian / gaussian.sum(dim=1, keepdim=True)
    cross_entropy = -(gaussian * log_probability).sum(dim=1).mean()
    expectation = (log_probability.exp() * samples).sum(dim=1)
    distance = (expectation - time[:, 0]).abs().mean()
    return cross_entropy + EXPECTATION_LOSS * distance
