"""The delineator's fit: batches of disturbed beats, the loss, one cycle of AdamW, the weights' running average."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from intervals.beat_grid import BEAT_SAMPLES
from training.delineator.beats import BeatSource, Example, draw
from training.delineator.net import DelineatorNet, export

BATCH: Final = 16
DRAWS: Final = 2.0  # examples a record and epoch
PEAK_RATE: Final = 4e-3
WEIGHT_DECAY: Final = 0.01
KEPT_SHARE: Final = 0.99  # of the weights' running average at each step of the second half
LEAD_SD_SAMPLES: Final = 2.0  # 8 ms
GLOBAL_SD_SAMPLES: Final = 1.5  # 6 ms
CLASS_LOSS, EXPECTATION_LOSS, P_LOSS = 2.0, 0.1, 0.5  # the middle one a sample of 4 ms
# Leads a batch: mostly all that are read, else some, seldom one to three, so that an incomplete recording is nothing new.
LEAD_COUNTS: Final = (8, 8, 8, 8, 8, 8, 6, 6, 3, 1)


def train(sources: list[BeatSource], epochs: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """The weights, ready for `intervals/delineator.py`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = DelineatorNet()
    steps = max(1, round(epochs * len(sources) * DRAWS / BATCH))
    optimiser = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, total_steps=steps, pct_start=0.2
    )
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(KEPT_SHARE), use_buffers=True)  # type: ignore[no-untyped-call]
    share = np.array([source.weight for source in sources])
    share /= share.sum()
    net.train()
    for step in range(steps):
        examples = _batch(sources, share, int(rng.choice(LEAD_COUNTS)), rng)
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=_has_bfloat16()):
            loss = _loss(net, examples)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step >= steps // 2:
            average.update_parameters(net)
    averaged = average.module.eval()
    assert isinstance(averaged, DelineatorNet)
    return export(averaged)


def _has_bfloat16() -> bool:
    """Whether this processor convolves in bfloat16, in half of the time; the weights themselves stay float32 in any case."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _batch(
    sources: list[BeatSource], share: NDArray[np.float64], leads: int, rng: np.random.Generator
) -> list[Example]:
    return [
        draw(sources[int(index)], leads, rng) for index in rng.choice(len(sources), BATCH, p=share)
    ]


def _loss(net: DelineatorNet, examples: list[Example]) -> Tensor:
    features = torch.from_numpy(np.stack([each.features for each in examples]))
    alive = torch.from_numpy(np.stack([each.alive for each in examples]).astype(np.float32))
    classes, lead, overall, present = net(features, alive)
    class_target = torch.from_numpy(np.stack([each.classes for each in examples]))
    class_target = torch.where(
        alive[:, :, None] > 0, class_target, torch.full_like(class_target, -1)
    )
    lead_target = torch.from_numpy(
        np.stack([np.where(each.alive, each.leads, np.nan) for each in examples])
    )
    overall_target = torch.from_numpy(np.stack([each.overall for each in examples]))
    p_target = torch.tensor([each.p_present for each in examples])
    loss: Tensor = CLASS_LOSS * functional.cross_entropy(classes, class_target, ignore_index=-1)
    loss = loss + _time_loss(lead, lead_target, LEAD_SD_SAMPLES)
    loss = loss + _time_loss(overall, overall_target, GLOBAL_SD_SAMPLES)
    return loss + P_LOSS * functional.binary_cross_entropy_with_logits(present, p_target)


def _time_loss(logits: Tensor, target: Tensor, sd: float) -> Tensor:
    """Cross-entropy against a Gaussian about the time, and the expectation's distance from it; where there is a time."""
    known = torch.isfinite(target) & (target > 0) & (target < BEAT_SAMPLES - 1)
    if not bool(known.any()):
        return logits.sum() * 0.0
    chosen, at = logits[known], target[known].to(torch.float32)[:, None]
    places = torch.arange(BEAT_SAMPLES, dtype=torch.float32)
    gaussian = torch.exp(-0.5 * ((places - at) / sd) ** 2)
    gaussian = gaussian / gaussian.sum(dim=1, keepdim=True)
    log_probability = functional.log_softmax(chosen, dim=1)
    expectation = (log_probability.exp() * places).sum(dim=1)
    return (
        -(gaussian * log_probability).sum(dim=1).mean()
        + EXPECTATION_LOSS * (expectation - at[:, 0]).abs().mean()
    )
