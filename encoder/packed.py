"""EcgFm made faster on an x86-64 CPU: weights are laid out for oneDNN once, not in every call.

The operators are those that torch.compile's Inductor uses for a frozen module
(torch/_inductor/fx_passes/mkldnn_fusion.py); called by name they need no compiler and none of its
start-up time. They are not public: tests/encoder/test_packed.py fails if a new PyTorch moves them.
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

_GELU: Any = ("gelu", [], "none")  # "none": the exact GELU, by erf
_NO_ACTIVATION: Any = ("none", [], "")


def can_pack(dtype: torch.dtype) -> bool:
    """Return whether oneDNN supports this dtype here, on processors where packing was faster."""
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not has_onednn or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())


def pack(encoder: EcgFm) -> None:
    """Replace the encoder's products by packed ones, in place.

    Each weight is released as soon as its packed copy is made. The encoder must be on the CPU in
    its final dtype. Modules that are packed already are kept.
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
    """(..., in) -> (..., out), optionally with GELU.

    window  number of the input's rows that make one row of the product
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, gelu: bool, window: int = 1) -> None:
        super().__init__()
        self.dtype = weight.dtype
        self.window = window
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._bias = bias
        self._activation = _GELU if gelu else _NO_ACTIVATION

    def forward(self, x: Tensor) -> Tensor:
        if self.window > 1:
            x = split_windows(x, self.window)
        output = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, *self._activation)
        return cast(Tensor, output)


class PackedPositionalConv(nn.Module):
    """`PositionalConv` as a two-dimensional convolution of height 1.

    In this form its input and output (B, T, D) need no transposed copy.
    """

    def __init__(self, position: PositionalConv) -> None:
        super().__init__()
        padding = (0, position.kernel_size[0] // 2)
        stride = (1, 1)
        dilation = (1, 1)
        self._geometry: Any = (padding, stride, dilation, position.groups)
        weight = position.weight.unsqueeze(2).to_mkldnn()
        self._weight = torch._C._nn.mkldnn_reorder_conv2d_weight(weight, *self._geometry)  # type: ignore[arg-type]
        self._bias = position.bias

    def forward(self, x: Tensor) -> Tensor:
        image = x.transpose(1, 2).unsqueeze(2)
        positions = torch.ops.mkldnn._convolution_pointwise(
            image, self._weight, self._bias, *self._geometry, *_GELU
        )
        return cast(Tensor, positions[:, :, 0, : x.shape[1]].transpose(1, 2))


def attend_bfloat16(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute `Attention.attend` as plain products, with softmax in float32.

    A flash kernel is not faster on a CPU for as few as 156 tokens.
    """
    heads = query.shape[:2]
    query, key, value = (part.contiguous().flatten(0, 1) for part in (query, key, value))
    scale = query.shape[-1] ** -0.5
    unused = query.new_empty(())  # beta=0 ignores it
    scores = torch.baddbmm(unused, query, key.transpose(1, 2), beta=0, alpha=scale)
    weights = scores.float().softmax(dim=-1).to(value.dtype)
    return torch.bmm(weights, value).view(*heads, *value.shape[1:])


def _pack_children(module: nn.Module, *names: str) -> None:
    for name in names:
        child = getattr(module, name)
        if child is not None:
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
