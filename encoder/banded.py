"""The positional convolution as a matrix product.

For a device whose grouped convolutions are slow and whose matrix products are fast. A chunk of
CHUNK consecutive tokens depends on CHUNK + kernel - 1 tokens: one window of the input times one
banded matrix for each group. The result is exact; 9 % of the products are with zeros at a kernel of
128.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.ecg_fm import PositionalConv

CHUNK = 13  # tokens; 12 chunks make the 156 tokens of a 5 s segment


class BandedPositionalConv(nn.Module):
    """`PositionalConv`, (B, T, D) -> (B, T, D), with the same outputs.

    Holds the bands: (groups, window * D / groups, CHUNK * D / groups), where window is
    CHUNK + kernel - 1.
    """

    def __init__(self, position: PositionalConv) -> None:
        super().__init__()
        self.kernel, self.groups = position.kernel_size[0], position.groups
        bands = _bands(position.weight.detach(), self.groups)
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("bias", cast(Tensor, position.bias).detach(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        chunks = -(-tokens // CHUNK)
        window = CHUNK + self.kernel - 1
        half = self.kernel // 2
        padded = F.pad(x, (0, 0, half, chunks * CHUNK - tokens + self.kernel - 1 - half))
        grouped = padded.view(count, -1, self.groups, width // self.groups)
        windows = grouped.unfold(1, window, CHUNK)
        # (B, chunks, groups, channels, window) -> (groups, B * chunks, window * channels)
        rows = windows.permute(2, 0, 1, 4, 3).reshape(self.groups, count * chunks, -1)
        products = torch.bmm(rows, self.bands)  # type: ignore[arg-type]
        products = products.view(self.groups, count, chunks * CHUNK, width // self.groups)
        by_token = products.permute(1, 2, 0, 3).reshape(count, chunks * CHUNK, width)[:, :tokens]
        return F.gelu(by_token + self.bias)  # type: ignore[operator]


def _bands(weight: Tensor, groups: int) -> Tensor:
    """weight (D, D / groups, kernel) -> (groups, window * D / groups, CHUNK * D / groups)."""
    kernel = weight.shape[2]
    by_group = weight.view(groups, -1, *weight.shape[1:])
    taps = by_group.permute(0, 3, 2, 1)  # (groups, kernel, in, out)
    window = CHUNK + kernel - 1
    banded = weight.new_zeros(groups, window, taps.shape[2], CHUNK, taps.shape[3])
    for offset in range(CHUNK):
        banded[:, offset : offset + kernel, :, offset] = taps
    return banded.flatten(3, 4).flatten(1, 2)
