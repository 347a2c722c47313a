"""torch.compile for EcgFm on a CUDA device.

It needs Triton, and a C compiler for Triton's launchers.
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

C_COMPILERS = ("gcc", "clang")  # searched by Triton in this order (triton/runtime/build.py)


def why_not_compilable() -> str | None:
    """Return why torch.compile cannot work here, None if it can."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    cc = os.environ.get("CC")
    compilers = (cc,) if cc else C_COMPILERS
    if any(shutil.which(name) for name in compilers):
        return None
    searched = f"CC={cc}" if cc else ", ".join(C_COMPILERS)
    return f"no C compiler found ({searched})"


def use_compile_cache(folder: Path) -> None:
    """Let PyTorch and Triton keep compiled code in the folder, for the next start.

    Variables that are set in the environment are kept.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))


def compile_parts(encoder: EcgFm) -> Callable[[], None]:
    """Replace the encoder's parts by compiled ones, in place. Return a function that undoes it.

    A part is compiled when it is first called. Layers are equal, so that all use one compilation.
    It serves every batch size of 2 or more, and every encoder of the same sizes.
    """
    parts = [
        (encoder, "features"),
        (encoder, "embed"),
        *((layer, "forward") for layer in encoder.layers),
    ]
    for module, name in parts:
        setattr(module, name, _with_dynamic_batch(torch.compile(getattr(module, name))))

    def undo() -> None:
        for module, name in parts:
            delattr(module, name)

    return undo


def _with_dynamic_batch(compiled: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the function with the first axis of its input, and no other axis, of any size.

    torch.compile's dynamic=True would make the time axis dynamic too, and would assume that sizes
    which are equal in the first call are always equal.
    """
    # Importing Dynamo takes seconds, and only processes that compile need it.
    from torch._dynamo import maybe_mark_dynamic

    def run(x: Tensor) -> Tensor:
        maybe_mark_dynamic(x, 0)
        return compiled(x)

    return run


@contextmanager
def compile_allowed() -> Iterator[None]:
    """Compile new code within the block; afterwards run it uncompiled, in the whole process.

    No request then waits for the compiler. Not for two threads at the same time.
    """
    torch.compiler.set_stance("default")
    try:
        yield
    finally:
        torch.compiler.set_stance("eager_on_recompile")


def compile_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that a compiled function's first call may raise if compiling fails.

    Dynamo converts nearly every exception of the compilation to a RuntimeError
    (torch/_dynamo/convert_frame.py, `_compile`), a failed subprocess of Inductor's included, but
    neither AssertionError nor IndexError. A kernel may be completed at its first launch, where
    Triton's own errors, those of the C compiler that it calls and those of its files are not
    converted.
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
    except ImportError:  # Triton is installed but broken; Dynamo raises RuntimeError for that
        return errors
    return (*errors, TritonError)
