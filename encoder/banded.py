"""The positional convolution as a matrix product, for a device whose grouped convolutions are slow and whose products are not.

A run of CHUNK neighbouring tokens depends on CHUNK + kernel - 1 tokens: one window of the input times one banded matrix a group,
which multiplies 9 % zeros with a kernel of 128 and is exact.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.ecg_fm import PositionalConv

CHUNK = 13  # tokens: 12 chunks make the 156 of a 5 s segment


class BandedPositionalConv(nn.Module):
    """`PositionalConv`, (B, T, D) -> (B, T, D), with the same outputs; holds (groups, window * D / groups, CHUNK * D / groups)."""

    def __init__(self, position: PositionalConv) -> None:
        super().__init__()
        self.kernel, self.groups = position.kernel_size[0], position.groups
        self.register_buffer(
            "bands", bands(position.weight.detach(), self.groups), persistent=False
        )
        self.register_buffer("bias", cast(Tensor, position.bias).detach(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        chunks = -(-tokens // CHUNK)
        half = self.kernel // 2
        padded = F.pad(x, (0, 0, half, chunks * CHUNK - tokens + self.kernel - 1 - half))
        windows = padded.view(count, -1, self.groups, width // self.groups).unfold(
            1, CHUNK + self.kernel - 1, CHUNK
        )
        # (B, chunks, groups, channels, window) -> (groups, B * chunks, window * channels)
        rows = windows.permute(2, 0, 1, 4, 3).reshape(self.groups, count * chunks, -1)
        around = torch.bmm(rows, self.bands)  # type: ignore[arg-type]
        around = around.view(self.groups, count, chunks * CHUNK, width // self.groups)
        by_token = around.permute(1, 2, 0, 3).reshape(count, chunks * CHUNK, width)[:, :tokens]
        return F.gelu(by_token + self.bias)  # type: ignore[operator]


def bands(weight: Tensor, groups: int) -> Tensor:
    """weight (D, D / groups, kernel) -> (groups, (CHUNK + kernel - 1) * D / groups, CHUNK * D / groups)."""
    kernel = weight.shape[2]
    taps = weight.view(groups, -1, *weight.shape[1:]).permute(
        0, 3, 2, 1
    )  # (groups, kernel, in, out)
    banded = weight.new_zeros(groups, CHUNK + kernel - 1, taps.shape[2], CHUNK, taps.shape[3])
    for offset in range(CHUNK):
        banded[:, offset : offset + kernel, :, offset] = taps
    return banded.flatten(3, 4).flatten(1, 2)
