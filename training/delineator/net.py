"""The delineator as a network to be trained: a small U-Net over time, its weights shared over leads.

`intervals/delineator.py` computes the same in numpy; `export` hands it the weights with batch normalisation folded in.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CHANNELS: Final = (16, 16, 24, 32)
INPUTS: Final = 4
CLASSES: Final = 4  # nothing, P, QRS, T
TIMES: Final = 5  # onset and offset of P and QRS, offset of T
TAPS: Final = 7
GLOBAL_HIDDEN: Final = 24


class Convolution(nn.Module):
    """Seven taps over time, the same for each lead; batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (1, TAPS), padding=(0, TAPS // 2), bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)))


class DelineatorNet(nn.Module):
    """(batch, 4, leads, 288) and which leads are alive (batch, leads) -> class, lead, global and P logits."""

    def __init__(self) -> None:
        super().__init__()
        c0, c1, c2, c3 = CHANNELS
        # One convolution at the full rate, where each costs most, two below it.
        self.down = nn.ModuleList(
            [
                nn.Sequential(Convolution(INPUTS, c0)),
                self._two(c0, c1),
                self._two(c1, c2),
                self._two(c2, c3),
            ]
        )
        self.joined = Convolution(2 * c3, c3)
        self.up = nn.ModuleList(
            [
                self._two(c3 + c2, c2),
                self._two(c2 + c1, c1),
                nn.Sequential(Convolution(c1 + c0, c0)),
            ]
        )
        self.lead_head = nn.Conv2d(c0, CLASSES + TIMES, 1)
        self.global_hidden = Convolution(2 * c0, GLOBAL_HIDDEN)
        self.global_head = nn.Conv2d(GLOBAL_HIDDEN, TIMES, 1)
        self.p_head = nn.Linear(2 * c3, 1)

    @staticmethod
    def _two(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(Convolution(inputs, outputs), Convolution(outputs, outputs))

    def forward(self, x: Tensor, alive: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> classes (batch, 4, leads, 288), lead times (batch, 5, leads, 288), global times (batch, 5, 288), P (batch,)."""
        weight = (alive / alive.sum(dim=1, keepdim=True).clamp(min=1))[:, None, :, None]
        kept = []
        for level, block in enumerate(self.down):
            x = block(torch.maximum(x[..., ::2], x[..., 1::2]) if level else x)
            kept.append(x)
        mean = (x * weight).sum(dim=2, keepdim=True)
        x = self.joined(torch.cat([x, mean.expand_as(x)], dim=1))
        present = self.p_head(torch.cat([mean.mean(dim=(2, 3)), mean.amax(dim=(2, 3))], dim=1))[
            :, 0
        ]
        for block, skip in zip(self.up, reversed(kept[:-1]), strict=True):
            x = block(torch.cat([x.repeat_interleave(2, dim=3), skip], dim=1))
        lead = self.lead_head(x)
        mean = (x * weight).sum(dim=2, keepdim=True)
        spread = (((x - mean) ** 2) * weight).sum(dim=2, keepdim=True)
        overall = self.global_head(
            self.global_hidden(torch.cat([mean, (spread + 1e-6).sqrt()], dim=1))
        )[:, :, 0]
        return lead[:, :CLASSES], lead[:, CLASSES:], overall, present


def export(net: DelineatorNet) -> dict[str, NDArray[np.float32]]:
    """Plain arrays: `name.weight` (outputs, inputs, taps) and `name.bias` for each convolution, normalisation folded in."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, module in net.named_modules():
        if isinstance(module, Convolution):
            arrays |= _folded(name, module)
        elif name in ("lead_head", "global_head", "p_head") and isinstance(
            module, nn.Conv2d | nn.Linear
        ):
            weight = module.weight.detach().numpy().astype(np.float32)
            arrays[f"{name}.weight"] = weight.reshape(*weight.shape[:2])
            assert module.bias is not None
            arrays[f"{name}.bias"] = module.bias.detach().numpy().astype(np.float32)
    return arrays


def _folded(name: str, module: Convolution) -> dict[str, NDArray[np.float32]]:
    norm = module.norm
    assert norm.running_var is not None and norm.running_mean is not None
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    weight = module.conv.weight.detach()[:, :, 0] * scale[:, None, None]
    bias = norm.bias.detach() - norm.running_mean * scale
    return {
        f"{name}.weight": weight.numpy().astype(np.float32),
        f"{name}.bias": bias.numpy().astype(np.float32),
    }
