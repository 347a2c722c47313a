"""Find this machine's devices and set how processes wait and free memory, without importing torch.

The main process chooses the devices and must stay small, so it does not load torch.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CUDA_SUCCESS = 0  # cuda.h
# How often a waiting OpenMP thread checks before it sleeps. 1000 is libgomp's default if there are
# more threads than cores; otherwise its default is 300,000 (libgomp manual, GOMP_SPINCOUNT).
SHORT_SPIN_VARIABLES = {"GOMP_SPINCOUNT": "1000"}
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from malloc.h
# Freed arrays up to this size are kept for reuse. It is glibc's maximum for M_MMAP_THRESHOLD.
LARGEST_KEPT_ARRAY_BYTES = 32 << 20
# Freed bytes that a process with encoders keeps: more than any batch on a CPU needs from input to
# output.
ENCODER_KEPT_BYTES = 256 << 20
# Freed bytes that a signal worker keeps: the arrays of several ten-second recordings. Those of a
# long recording are returned to the kernel.
SIGNAL_KEPT_BYTES = 32 << 20
# What an HTTP process keeps: the bodies and answers of 64 single recordings. Large bodies are
# returned to the kernel, or the memory of the largest burst would stay with the process.
HTTP_KEPT_BYTES, LARGEST_KEPT_BODY_BYTES = 48 << 20, 1 << 20
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})  # names in Linux's /proc/cpuinfo


def cuda_device_count() -> int:
    """Return the number of CUDA devices that the NVIDIA driver reports.

    It is 0 without a driver, or if the installed torch cannot use CUDA.
    """
    if not _torch_has_cuda():
        return 0
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != CUDA_SUCCESS:
        return 0
    if driver.cuDeviceGetCount(ctypes.byref(count)) != CUDA_SUCCESS:
        return 0
    return count.value


def resolve_devices(setting: str, available: int) -> list[str]:
    """Return the names of the devices to use, such as ["cpu"] or ["cuda:0", "cuda:1"].

    setting    auto, cpu, cuda, or a list such as cuda:0,cuda:1; cuda means every CUDA device, and
               auto the same, or the CPU if there is no CUDA device
    available  the number of CUDA devices
    Raises ValueError for a device that is not available.
    """
    if setting == "cpu" or (setting == "auto" and not available):
        return ["cpu"]
    if setting in ("auto", "cuda"):
        if not available:
            raise ValueError(
                "ECG_DEVICE is cuda; no CUDA device can be used on this machine (a driver and a "
                "CUDA build of torch are required)"
            )
        return [f"cuda:{number}" for number in range(available)]
    numbers = [int(part.removeprefix("cuda:")) for part in setting.split(",")]
    for number in numbers:
        if number >= available:
            raise ValueError(
                f"ECG_DEVICE names cuda:{number}; "
                f"{available} CUDA devices can be used on this machine"
            )
    return [f"cuda:{number}" for number in dict.fromkeys(numbers)]


def cpu_multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this processor has instructions for bfloat16 products.

    bfloat16 products are then at least twice as fast as float32 products. False if `cpuinfo` does
    not exist or lists no flags.
    """
    if not cpuinfo.is_file():
        return False
    for line in cpuinfo.read_text().splitlines():
        if line.startswith("flags"):
            return not BFLOAT16_FLAGS.isdisjoint(line.split())
    return False


def limit_openmp_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set environment variables that make OpenMP threads sleep soon when they wait.

    Without them, the encoder's threads keep their cores busy while they wait for each other.

    The processes that prepare the next recordings need these cores: two threads that spin on two
    cores with other work take several times as long as one thread.

    Call it before torch is loaded: OpenMP reads the environment when it is loaded. Variables that
    the operator has set are kept.
    """
    if "OMP_WAIT_POLICY" not in environment:
        for name, value in SHORT_SPIN_VARIABLES.items():
            environment.setdefault(name, value)


def keep_freed_memory(
    kept_bytes: int = ENCODER_KEPT_BYTES, largest_bytes: int = LARGEST_KEPT_ARRAY_BYTES
) -> None:
    """Let glibc keep up to `kept_bytes` freed bytes for the next batch or request.

    largest_bytes  larger blocks are returned to the kernel when they are freed

    Reusing memory avoids page faults. Without it, a batch of eight segments had 60,000 page faults,
    which took a tenth of its time.
    """
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):  # a function of glibc; not all C libraries have it
        allocator.mallopt(M_MMAP_THRESHOLD, largest_bytes)
        allocator.mallopt(M_TRIM_THRESHOLD, kept_bytes)


def _torch_has_cuda() -> bool:
    """Return whether the installed torch is a CUDA build; False if torch is not installed."""
    try:
        return "+cpu" not in version("torch")  # PyTorch's mark of builds without CUDA
    except PackageNotFoundError:
        return False
