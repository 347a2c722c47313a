"""EcgFm made faster on an x86-64 CPU: weights laid out once for oneDNN, which otherwise does it again at every call.

The operators are those to which torch.compile's Inductor lowers a frozen module (torch/_inductor/fx_passes/mkldnn_fusion.py); called
by name they need neither a compiler nor its seconds at start. They are not public: tests/encoder/test_packed.py fails where a new
PyTorch moves them.
"""

from __future__ import annotations

import platform
from typing import Any, cast

import torch
from torch import Tensor, nn

from encoder.ecg_fm import (
    Attention,
    EcgFm,
    Frames,
    FramesGelu,
    LinearGelu,
    PositionalConv,
    split_windows,
)

GELU: Any = ("gelu", [], "none")  # "none": exact, by erf
NO_ACTIVATION: Any = ("none", [], "")


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this PyTorch has oneDNN and oneDNN has this dtype here, on the processors where packing was found to win."""
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not has_onednn or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())


def pack(encoder: EcgFm) -> None:
    """Replace the encoder's products by packed ones, in place; each weight is let go as soon as its packed copy is made.

    The encoder stands in its final dtype on the CPU. What is packed already is left.
    """
    encoder.convs = nn.ModuleList(_packed(conv) for conv in encoder.convs)
    _pack_children(encoder, "projection", "position")
    for layer in encoder.layers:
        _pack_children(layer, "fc1", "fc2")
        attention = cast(Attention, layer.attention)
        _pack_children(attention, "qkv", "out")
        if cast(PackedLinear, attention.out).dtype == torch.bfloat16:
            attention.attend = attend_bfloat16  # type: ignore[method-assign]


class PackedLinear(nn.Module):
    """(..., in) -> (..., out), with GELU or without; `window` rows of the input are one of the product's."""

    def __init__(self, weight: Tensor, bias: Tensor | None, *, gelu: bool, window: int = 1) -> None:
        super().__init__()
        self.dtype = weight.dtype
        self.window = window
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._bias = bias
        self._activation = GELU if gelu else NO_ACTIVATION

    def forward(self, x: Tensor) -> Tensor:
        if self.window > 1:
            x = split_windows(x, self.window)
        return cast(
            Tensor,
            torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, *self._activation),
        )


class PackedPositionalConv(nn.Module):
    """`PositionalConv` as a two-dimensional convolution of height 1: its input and output then are (B, T, D) in memory as they come."""

    def __init__(self, position: PositionalConv) -> None:
        super().__init__()
        self._shape: Any = (
            (0, position.kernel_size[0] // 2),
            (1, 1),
            (1, 1),
            position.groups,
        )  # padding, stride, dilation
        weight = position.weight.unsqueeze(2).to_mkldnn()
        self._weight = torch._C._nn.mkldnn_reorder_conv2d_weight(weight, *self._shape)  # type: ignore[arg-type]
        self._bias = position.bias

    def forward(self, x: Tensor) -> Tensor:
        image = x.transpose(1, 2).unsqueeze(2)
        around = torch.ops.mkldnn._convolution_pointwise(
            image, self._weight, self._bias, *self._shape, *GELU
        )
        return cast(Tensor, around[:, :, 0, : x.shape[1]].transpose(1, 2))


def attend_bfloat16(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`Attention.attend` in plain products with softmax in float32: 156 tokens are too few for a flash kernel to win on a CPU."""
    heads = query.shape[:2]
    query, key, value = (part.contiguous().flatten(0, 1) for part in (query, key, value))
    scores = torch.baddbmm(
        query.new_empty(()), query, key.transpose(1, 2), beta=0, alpha=query.shape[-1] ** -0.5
    )
    return torch.bmm(scores.float().softmax(dim=-1).to(value.dtype), value).view(
        *heads, *value.shape[1:]
    )


def _pack_children(module: nn.Module, *names: str) -> None:
    for name in names:
        if (child := getattr(module, name)) is not None:
            setattr(module, name, _packed(child))


def _packed(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.Linear):
        return PackedLinear(module.weight, module.bias, gelu=isinstance(module, LinearGelu))
    if isinstance(module, Frames) and module.kernel_size == module.stride:
        return PackedLinear(
            module.matrix(),
            module.bias,
            gelu=isinstance(module, FramesGelu),
            window=module.kernel_size[0],
        )
    return PackedPositionalConv(module) if isinstance(module, PositionalConv) else module
