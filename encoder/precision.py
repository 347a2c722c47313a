"""The numeric types that an encoder can run in, and how a module is converted to them."""

from __future__ import annotations

import torch
from torch import nn

# tf32: float32 values; a CUDA device's tensor cores round the factors of products to 10 bits.
DTYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def set_tf32(dtype: str) -> None:
    """Let this process multiply float32 with TF32's 10 bits if dtype is tf32, and not otherwise.

    PyTorch's default does so in convolutions only.
    """
    # The newer fp32_precision makes torch.compile fail: Inductor reads these older switches
    # (pytorch/pytorch#166387, PyTorch 2.9 on).
    torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    torch.backends.cudnn.allow_tf32 = dtype == "tf32"


def move_module(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Move the module to the device and return it, ready for inference.

    Its FLOAT32_PARTS become float32, the other parts `dtype`.
    """
    float32_parts = getattr(module, "FLOAT32_PARTS", ())
    for name, part in module.named_children():
        part_dtype = torch.float32 if name in float32_parts else dtype
        part.to(device=device, dtype=part_dtype)
    return module.requires_grad_(False).eval()
