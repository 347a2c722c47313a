"""A convolution whose windows touch as the matrix product that it is, its weight in that order from the start."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.ecg_fm import Frames, FramesGelu, split_windows


class FrameProduct(nn.Module):
    """`Frames` or `FramesGelu`, (B, L, C) -> (B, T, C'), with the same outputs; holds (C', kernel * C), which they make at every call."""

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.window, self.gelu = frames.kernel_size[0], isinstance(frames, FramesGelu)
        self.register_buffer("matrix", frames.matrix().detach(), persistent=False)
        self.register_buffer(
            "bias", None if frames.bias is None else frames.bias.detach(), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(split_windows(x, self.window), self.matrix, self.bias)  # type: ignore[arg-type]
        return F.gelu(x) if self.gelu else x


def with_matrix_products(convs: nn.ModuleList) -> nn.ModuleList:
    """The same convolutions in their order; one whose windows overlap stays what it is, and what is a product already, too."""
    return nn.ModuleList(
        FrameProduct(conv) if isinstance(conv, Frames) and conv.kernel_size == conv.stride else conv
        for conv in convs
    )
