"""Compile parts of EcgFm with torch.compile, for a CUDA device.

torch.compile needs Triton, and Triton needs a C compiler for the code that launches its kernels.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from subprocess import SubprocessError

import torch
from torch import Tensor

from encoder.ecg_fm import EcgFm

# Triton looks for them in this order (triton/runtime/build.py).
C_COMPILERS = ("gcc", "clang")


def why_not_compilable() -> str | None:
    """Return the reason why torch.compile cannot work in this process, or None if it can."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    cc = os.environ.get("CC")
    compilers = (cc,) if cc else C_COMPILERS
    if any(shutil.which(name) for name in compilers):
        return None
    searched = f"CC={cc}" if cc else ", ".join(C_COMPILERS)
    return f"no C compiler found ({searched})"


def use_compile_cache(folder: Path) -> None:
    """Set the folder in which PyTorch and Triton keep compiled code for the next start.

    Environment variables that are already set have precedence.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))


def compile_parts(encoder: EcgFm) -> Callable[[], None]:
    """Replace the encoder's parts by compiled ones, in place. Return a function that undoes it.

    A part is compiled when it is first called. All layers have the same code and shapes, so one
    compilation serves all of them. A compilation serves every batch size of 2 or more, and every
    encoder of the same sizes.
    """
    parts = [
        (encoder, "features"),
        (encoder, "embed"),
        *((layer, "forward") for layer in encoder.layers),
    ]
    # An instance attribute hides the method of its class until it is deleted.
    for module, name in parts:
        setattr(module, name, _with_dynamic_batch(torch.compile(getattr(module, name))))

    def undo() -> None:
        for module, name in parts:
            delattr(module, name)

    return undo


def _with_dynamic_batch(compiled: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the function so that one compilation serves inputs (B, ...) of every B of 2 or more.

    Only the first axis is dynamic. torch.compile(dynamic=True) would make the time axis dynamic
    too, and would assume that sizes which are equal in the first call are always equal.
    """
    # Importing Dynamo takes seconds, and only processes that compile need it.
    from torch._dynamo import maybe_mark_dynamic

    def run(x: Tensor) -> Tensor:
        maybe_mark_dynamic(x, 0)
        return compiled(x)

    return run


@contextmanager
def compile_allowed() -> Iterator[None]:
    """Allow torch.compile to compile within the block; afterwards, new shapes run uncompiled.

    After the block no request waits for the compiler. The switch is one for the whole process, so
    two threads must not be within such a block at the same time.
    """
    torch.compiler.set_stance("default")
    try:
        yield
    finally:
        torch.compiler.set_stance("eager_on_recompile")


def compile_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that a compiled function's first call may raise if compiling fails.

    Dynamo converts nearly every exception of the compilation to a RuntimeError
    (torch/_dynamo/convert_frame.py, `_compile`), also that of a failed subprocess of Inductor. It
    does not convert AssertionError and IndexError.

    Triton may finish a kernel only at its first launch, where no exception is converted:
    TritonError, SubprocessError from the C compiler, and OSError from files.
    """
    errors: tuple[type[Exception], ...] = (
        RuntimeError,
        AssertionError,
        IndexError,
        SubprocessError,
        OSError,
    )
    try:
        from triton.errors import TritonError
    except ImportError:
        # Triton is installed but cannot be imported. Dynamo raises RuntimeError for that.
        return errors
    return (*errors, TritonError)
