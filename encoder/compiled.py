"""torch.compile for EcgFm on a CUDA device, where what it needs is there: Triton, and a C compiler for Triton's launchers."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import torch

from encoder.ecg_fm import EcgFm

C_COMPILERS = ("cc", "gcc", "clang")


def why_not() -> str | None:
    """Why nothing can be compiled here; None where it can."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    named = os.environ.get("CC")
    if shutil.which(named) if named else any(shutil.which(name) for name in C_COMPILERS):
        return None
    return f"no C compiler found ({f'CC={named}' if named else ', '.join(C_COMPILERS)})"


def keep_compiled_in(folder: Path) -> None:
    """Where PyTorch and Triton keep what they compile, for the next start, too; what the environment says already stands."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))


def compile_parts(encoder: EcgFm) -> None:
    """Compile the encoder by part, in place and when first called: its layers are alike and are compiled once for all of them.

    dynamic: one compilation serves every batch size of 2 or more.
    """
    encoder.features = torch.compile(encoder.features, dynamic=True)  # type: ignore[method-assign]
    encoder.embed = torch.compile(encoder.embed, dynamic=True)  # type: ignore[method-assign]
    for layer in encoder.layers:
        layer.compile(dynamic=True)
