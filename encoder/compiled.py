"""torch.compile for EcgFm on a CUDA device, where what it needs is there: Triton, and a C compiler for Triton's launchers."""

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

C_COMPILERS = ("gcc", "clang")  # those that Triton looks for (triton/runtime/build.py)


def why_not_compilable() -> str | None:
    """Why nothing can be compiled here; None where it can."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    named = os.environ.get("CC")
    if shutil.which(named) if named else any(shutil.which(name) for name in C_COMPILERS):
        return None
    return f"no C compiler found ({f'CC={named}' if named else ', '.join(C_COMPILERS)})"


def use_compile_cache(folder: Path) -> None:
    """Where PyTorch and Triton keep what they compile, for the next start, too; what the environment says already stands."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))


def compile_parts(encoder: EcgFm) -> Callable[[], None]:
    """Compile the encoder by part, in place and when first called: its layers are alike and are compiled once for all of them.

    One compilation serves every batch size of 2 or more, and every encoder of the same sizes. Returns what undoes it.
    """
    parts = [
        (encoder, "features"),
        (encoder, "embed"),
        *((layer, "forward") for layer in encoder.layers),
    ]
    for module, name in parts:
        setattr(module, name, _of_any_batch(torch.compile(getattr(module, name))))

    def undo() -> None:
        for module, name in parts:
            delattr(module, name)

    return undo


def _of_any_batch(compiled: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Its input's first axis may be of any size, the others are what they are.

    With torch.compile's dynamic=True the time would be unknown, too, and sizes that are equal at first held to be equal always.
    """
    from torch._dynamo import (
        maybe_mark_dynamic,  # seconds to import, and only what compiles needs it
    )

    def run(x: Tensor) -> Tensor:
        maybe_mark_dynamic(x, 0)
        return compiled(x)

    return run


@contextmanager
def compile_allowed() -> Iterator[None]:
    """Within, what is new is compiled; afterwards it is run as it is, in all of this process: nobody waits for a compiler in service.

    Not for two threads at once.
    """
    torch.compiler.set_stance("default")
    try:
        yield
    finally:
        torch.compiler.set_stance("eager_on_recompile")


def compile_errors() -> tuple[type[Exception], ...]:
    """What the first call of something compiled may raise where compile_allowed fails.

    Dynamo makes a RuntimeError of nearly all that is raised while it compiles (torch/_dynamo/convert_frame.py, `_compile`), a failed
    subprocess of Inductor's included, and lets an AssertionError and an IndexError be. A kernel may be finished when it is first
    launched, where nothing is made of Triton's own errors, those of the C compiler that Triton calls, and those of its files.
    """
    found: tuple[type[Exception], ...] = (
        RuntimeError,
        AssertionError,
        IndexError,
        SubprocessError,
        OSError,
    )
    try:
        from triton.errors import TritonError
    except ImportError:  # there, and broken: which Dynamo has said by a RuntimeError
        return found
    return (*found, TritonError)
