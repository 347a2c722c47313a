"""A convolution without overlapping windows as a matrix product, with its weight laid out once."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.ecg_fm import Frames, FramesGelu, split_windows


class FrameProduct(nn.Module):
    """`Frames` or `FramesGelu`, (B, L, C) -> (B, T, C'), with the same outputs.

    Holds the weight as (C', kernel * C), which those modules compute in every call.
    """

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.window = frames.kernel_size[0]
        self.gelu = isinstance(frames, FramesGelu)
        bias = None if frames.bias is None else frames.bias.detach()
        self.register_buffer("matrix", frames.matrix().detach(), persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        windows = split_windows(x, self.window)
        x = F.linear(windows, self.matrix, self.bias)  # type: ignore[arg-type]
        return F.gelu(x) if self.gelu else x


def with_matrix_products(convs: nn.ModuleList) -> nn.ModuleList:
    """Return the convolutions in their order, as matrix products if windows do not overlap.

    Other modules, products included, are kept.
    """
    modules: list[nn.Module] = []
    for conv in convs:
        if isinstance(conv, Frames) and conv.kernel_size == conv.stride:
            modules.append(FrameProduct(conv))
        else:
            modules.append(conv)
    return nn.ModuleList(modules)
