"""Which devices there are, found without importing torch: the main process chooses and must stay small."""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CUDA_SUCCESS = 0  # cuda.h
# libgomp's own number where it knows of more threads than cores; it takes 300 000 where it does not (its manual, GOMP_SPINCOUNT)
SHORT_SPINS = {"GOMP_SPINCOUNT": "1000"}
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST_KEPT_BYTES = 32 << 20  # one array; the most that glibc takes for M_MMAP_THRESHOLD
ENCODER_KEPT_BYTES = (
    256 << 20
)  # in all: more than any batch on a CPU needs between its input and its answer
SIGNAL_KEPT_BYTES = (
    32 << 20
)  # the arrays of some recordings of ten seconds; a long one's are given back
BFLOAT16_PRODUCTS = frozenset({"avx512_bf16", "amx_bf16"})  # as Linux spells them


def cuda_device_count() -> int:
    """Devices that the NVIDIA driver reports and the installed torch can use; 0 where either is missing."""
    if not _torch_has_cuda():
        return 0
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if (
        driver.cuInit(0) != CUDA_SUCCESS
        or driver.cuDeviceGetCount(ctypes.byref(count)) != CUDA_SUCCESS
    ):
        return 0
    return count.value


def resolve_devices(asked: str, available: int) -> list[str]:
    """Device names from auto | cpu | cuda | cuda:N,...; auto is every CUDA device, the CPU where there is none.

    Raises ValueError for a device that is not there.
    """
    if asked == "cpu" or (asked == "auto" and not available):
        return ["cpu"]
    if asked in ("auto", "cuda"):
        if not available:
            raise ValueError(
                "ECG_DEVICE is cuda; no CUDA device can be used here (driver and a CUDA build of torch are needed)"
            )
        return [f"cuda:{number}" for number in range(available)]
    numbers = [int(part.removeprefix("cuda:")) for part in asked.split(",")]
    if absent := [number for number in numbers if number >= available]:
        raise ValueError(
            f"ECG_DEVICE names cuda:{absent[0]}; {available} CUDA devices can be used here"
        )
    return [f"cuda:{number}" for number in dict.fromkeys(numbers)]


def cpu_multiplies_bfloat16(listing: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor has instructions for bfloat16 products, twice as fast as float32's and more; False where Linux can't say."""
    if not listing.is_file():
        return False
    flags = next(
        (line for line in listing.read_text().splitlines() if line.startswith("flags")), ""
    )
    return not BFLOAT16_PRODUCTS.isdisjoint(flags.split())


def limit_openmp_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have a thread of the encoder that waits for the others give its core away soon, to whoever prepares the next recordings.

    To be called before torch is loaded, whose OpenMP looks at the environment then. What an operator has set stands.
    Two threads that spin on two cores with other work take several times as long as one.
    """
    if "OMP_WAIT_POLICY" not in environment:
        for name, value in SHORT_SPINS.items():
            environment.setdefault(name, value)


def keep_freed_memory(kept_bytes: int = ENCODER_KEPT_BYTES) -> None:
    """Have glibc keep up to so much of what is freed for the next batch or request: each page that is had anew costs a fault.

    A batch of eight segments faulted 60 000 pages otherwise, a tenth of its time.
    """
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):  # other C libraries have none
        allocator.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        allocator.mallopt(M_TRIM_THRESHOLD, kept_bytes)


def _torch_has_cuda() -> bool:
    try:
        return "+cpu" not in version("torch")  # PyTorch marks its builds so
    except PackageNotFoundError:
        return False
