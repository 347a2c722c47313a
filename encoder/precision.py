"""The numbers an encoder may be run in, and how a module is brought to them."""

from __future__ import annotations

import torch
from torch import nn

# tf32: float32 kept, products of 10 bits on a CUDA device's tensor cores
DTYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def set_tf32(dtype: str) -> None:
    """Whether this process multiplies float32 with TF32's 10 bits; PyTorch's own default does so in convolutions alone."""
    # The newer fp32_precision makes torch.compile fail: Inductor reads these older switches (pytorch/pytorch#166387, PyTorch 2.9 on).
    torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    torch.backends.cudnn.allow_tf32 = dtype == "tf32"


def move_module(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """The module itself, moved: its FLOAT32_PARTS in float32, the rest in dtype, ready for inference."""
    kept = getattr(module, "FLOAT32_PARTS", ())
    for name, part in module.named_children():
        part.to(device=device, dtype=torch.float32 if name in kept else dtype)
    return module.requires_grad_(False).eval()
