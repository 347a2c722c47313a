"""The delineator as a PyTorch network: a small U-Net over time, its weights shared over leads.

`intervals/unet.py` computes the same in numpy; `export` gives it the weights with batch
normalisation folded in.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CHANNELS: Final = (16, 16, 24, 32)
INPUTS: Final = 4
CLASSES: Final = 4  # background, P, QRS, T
TIMES: Final = 5  # onset and offset of P and QRS, offset of T
TAPS: Final = 7
GLOBAL_HIDDEN: Final = 24
VARIANCE_FLOOR: Final = 1e-6
HEADS: Final = ("lead_head", "global_head", "p_head")


class _Convolution(nn.Module):
    """A convolution with seven taps over time, the same for each lead; batch norm and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (1, TAPS), padding=(0, TAPS // 2), bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, leads, samples) -> (batch, outputs, leads, samples)."""
        normalised = self.norm(self.conv(x))
        return torch.relu(normalised)


class DelineatorNet(nn.Module):
    """A U-Net with heads for classes, each lead's times, global times and the presence of P."""

    def __init__(self) -> None:
        super().__init__()
        c0, c1, c2, c3 = CHANNELS
        # One convolution at the full rate, where each costs most, two at the lower rates.
        self.down = nn.ModuleList(
            [
                nn.Sequential(_Convolution(INPUTS, c0)),
                _two_convolutions(c0, c1),
                _two_convolutions(c1, c2),
                _two_convolutions(c2, c3),
            ]
        )
        self.joined = _Convolution(2 * c3, c3)
        self.up = nn.ModuleList(
            [
                _two_convolutions(c3 + c2, c2),
                _two_convolutions(c2 + c1, c1),
                nn.Sequential(_Convolution(c1 + c0, c0)),
            ]
        )
        self.lead_head = nn.Conv2d(c0, CLASSES + TIMES, 1)
        self.global_hidden = _Convolution(2 * c0, GLOBAL_HIDDEN)
        self.global_head = nn.Conv2d(GLOBAL_HIDDEN, TIMES, 1)
        self.p_head = nn.Linear(2 * c3, 1)

    def forward(self, x: Tensor, has_signal: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the logits of classes, lead times, global times and P.

        x           (batch, 4, leads, 360)
        has_signal  (batch, leads): 1, or 0 for leads that the means over leads leave out

        The shapes are (batch, 4, leads, 360), (batch, 5, leads, 360), (batch, 5, 360), (batch,).
        """
        signal_count = has_signal.sum(dim=1, keepdim=True).clamp(min=1)
        lead_weights = (has_signal / signal_count)[:, None, :, None]

        skips = []
        for level, block in enumerate(self.down):
            if level:
                x = torch.maximum(x[..., ::2], x[..., 1::2])
            x = block(x)
            skips.append(x)

        mean = _mean_over_leads(x, lead_weights)
        pooled = torch.cat([mean.mean(dim=(2, 3)), mean.amax(dim=(2, 3))], dim=1)
        p_logits = self.p_head(pooled)[:, 0]

        x = self.joined(torch.cat([x, mean.expand_as(x)], dim=1))
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            upsampled = x.repeat_interleave(2, dim=3)
            x = block(torch.cat([upsampled, skip], dim=1))
        lead_logits = self.lead_head(x)

        mean = _mean_over_leads(x, lead_weights)
        variance = _mean_over_leads((x - mean) ** 2, lead_weights)
        deviation = (variance + VARIANCE_FLOOR).sqrt()
        hidden = self.global_hidden(torch.cat([mean, deviation], dim=1))
        global_logits = self.global_head(hidden)[:, :, 0]
        return lead_logits[:, :CLASSES], lead_logits[:, CLASSES:], global_logits, p_logits


def export(net: DelineatorNet) -> dict[str, NDArray[np.float32]]:
    """Return the weights as arrays, batch normalisation folded in.

    `name.weight` (outputs, inputs, taps) and `name.bias` for each convolution; `name.weight`
    (outputs, inputs) and `name.bias` for each head.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, module in net.named_modules():
        if isinstance(module, _Convolution):
            arrays |= _folded(name, module)
        elif name in HEADS and isinstance(module, nn.Conv2d | nn.Linear):
            assert module.bias is not None
            weight = module.weight.detach().numpy().astype(np.float32)
            arrays[f"{name}.weight"] = weight.reshape(*weight.shape[:2])
            arrays[f"{name}.bias"] = module.bias.detach().numpy().astype(np.float32)
    return arrays


def _mean_over_leads(x: Tensor, lead_weights: Tensor) -> Tensor:
    """(batch, channels, leads, samples) -> (batch, channels, 1, samples)."""
    return (x * lead_weights).sum(dim=2, keepdim=True)


def _two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    """Return two convolutions, of which the first changes the number of channels."""
    return nn.Sequential(_Convolution(inputs, outputs), _Convolution(outputs, outputs))


def _folded(name: str, module: _Convolution) -> dict[str, NDArray[np.float32]]:
    """Return a convolution's weight and bias with its batch normalisation folded in."""
    norm = module.norm
    assert norm.running_var is not None and norm.running_mean is not None
    deviation = torch.sqrt(norm.running_var + norm.eps)
    scale = (norm.weight / deviation).detach()
    kernel = module.conv.weight.detach()[:, :, 0]
    weight = kernel * scale[:, None, None]
    bias = norm.bias.detach() - norm.running_mean * scale
    return {
        f"{name}.weight": weight.numpy().astype(np.float32),
        f"{name}.bias": bias.numpy().astype(np.float32),
    }
