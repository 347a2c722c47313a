"""Train the delineator's network: batches of augmented beats, the loss, and averaged weights."""

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

BATCH_EXAMPLES: Final = 16
EXAMPLES_PER_RECORD: Final = 2.0  # in each epoch
PEAK_LEARNING_RATE: Final = 4e-3
WARM_UP_SHARE: Final = 0.2  # of the steps: the learning rate rises to its peak, then falls
WEIGHT_DECAY: Final = 0.01
MAX_GRADIENT_NORM: Final = 5.0
# The network that ships has an exponential moving average of the weights, over the second half of
# the steps; this is its decay at each step.
WEIGHT_MEAN_DECAY: Final = 0.99
# Standard deviations of the Gaussians around annotated times: 8 ms in a lead, 6 ms over all leads.
LEAD_SD_SAMPLES: Final = 2.0
GLOBAL_SD_SAMPLES: Final = 1.5
# The losses of the leads' times and of the global times have weight 1.
CLASS_LOSS_WEIGHT: Final = 2.0
DISTANCE_LOSS_WEIGHT: Final = 0.1  # for each sample of distance, which is 4 ms
P_LOSS_WEIGHT: Final = 0.5
# A batch's number of leads is drawn from these. It is mostly eight, as many as the delineator reads
# of a complete recording; fewer prepare the network for incomplete recordings.
LEAD_COUNTS: Final = (8, 8, 8, 8, 8, 8, 6, 3, 2, 2, 1)


def train(sources: list[BeatSource], epochs: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Train a network and return its weights by name, in the format that `intervals/unet.py` reads.

    sources  one for each record
    epochs   an epoch has EXAMPLES_PER_RECORD examples for each record

    The same arguments give the same weights on the same machine.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = DelineatorNet()
    steps = max(1, round(epochs * len(sources) * EXAMPLES_PER_RECORD / BATCH_EXAMPLES))
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_LEARNING_RATE, total_steps=steps, pct_start=WARM_UP_SHARE
    )
    average_weights = get_ema_multi_avg_fn(WEIGHT_MEAN_DECAY)  # type: ignore[no-untyped-call]
    average = AveragedModel(net, multi_avg_fn=average_weights, use_buffers=True)

    net.train()
    for step in range(steps):
        leads = int(rng.choice(LEAD_COUNTS))
        examples = _draw_batch(sources, leads, rng)
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
    """Return whether this processor convolves in bfloat16, which halves the time of a step.

    The weights remain float32 in either case.
    """
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _draw_batch(sources: list[BeatSource], leads: int, rng: np.random.Generator) -> list[Example]:
    """Draw a batch of examples with the same number of leads, from the sources that have them."""
    weights = np.array([source.weight * (source.rows.size >= leads) for source in sources])
    drawn = rng.choice(len(sources), BATCH_EXAMPLES, p=weights / weights.sum())
    return [draw_example(sources[int(index)], leads, rng) for index in drawn]


def _loss(net: DelineatorNet, examples: list[Example]) -> Tensor:
    """Return the loss of a batch, a scalar.

    It is a weighted sum of four losses: the classes of the samples, the times in each lead, the
    global times, and whether a P wave is present.
    """
    features = _stack(example.features for example in examples)
    has_signal = _stack(example.has_signal.astype(np.float32) for example in examples)
    class_logits, lead_logits, global_logits, p_logits = net(features, has_signal)

    # A lead without a signal contributes to no loss.
    classes = _stack(example.classes for example in examples)
    not_annotated = torch.full_like(classes, NOT_ANNOTATED)
    classes = torch.where(has_signal[:, :, None] > 0, classes, not_annotated)
    lead_times = _stack(
        np.where(example.has_signal, example.lead_times, np.nan) for example in examples
    )
    global_times = _stack(example.global_times for example in examples)
    p_present = torch.tensor([example.p_present for example in examples])

    loss: Tensor = CLASS_LOSS_WEIGHT * functional.cross_entropy(
        class_logits, classes, ignore_index=NOT_ANNOTATED
    )
    loss = loss + _time_loss(lead_logits, lead_times, LEAD_SD_SAMPLES)
    loss = loss + _time_loss(global_logits, global_times, GLOBAL_SD_SAMPLES)
    return loss + P_LOSS_WEIGHT * functional.binary_cross_entropy_with_logits(p_logits, p_present)


def _stack(arrays: Iterable[NDArray[np.generic]]) -> Tensor:
    """Return the examples' arrays as one tensor, (examples, ...)."""
    return torch.from_numpy(np.stack(list(arrays)))


def _time_loss(logits: Tensor, target: Tensor, sd: float) -> Tensor:
    """Return the mean loss of predicted times over all annotated times within the window.

    A time is predicted as a distribution over the window's samples. Its loss is the cross-entropy
    against a Gaussian around the annotated time, plus the weighted distance between the
    distribution's mean and the annotated time.

    logits  (..., samples) of the distributions
    target  (...) annotated times in samples, NaN where a time is not annotated
    sd      standard deviation of the Gaussian in samples
    """
    annotated = torch.isfinite(target) & (target > 0) & (target < BEAT_SAMPLES - 1)
    if not bool(annotated.any()):
        # The mean of no losses would be NaN.
        return logits.sum() * 0.0
    log_probability = functional.log_softmax(logits[annotated], dim=1)
    time = target[annotated].to(torch.float32)[:, None]
    samples = torch.arange(BEAT_SAMPLES, dtype=torch.float32)

    gaussian = torch.exp(-0.5 * ((samples - time) / sd) ** 2)
    gaussian = gaussian / gaussian.sum(dim=1, keepdim=True)
    cross_entropy = -(gaussian * log_probability).sum(dim=1).mean()
    predicted_time = (log_probability.exp() * samples).sum(dim=1)
    distance = (predicted_time - time[:, 0]).abs().mean()
    return cross_entropy + DISTANCE_LOSS_WEIGHT * distance
