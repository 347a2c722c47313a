"""The devices of this machine and settings of its processes, without importing torch.

The main process chooses the devices and must stay small.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CUDA_SUCCESS = 0  # cuda.h
# libgomp's own default if there are more threads than cores; otherwise it is 300,000 (libgomp
# manual, GOMP_SPINCOUNT).
SHORT_SPINS = {"GOMP_SPINCOUNT": "1000"}
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST_KEPT_BYTES = 32 << 20  # one array; glibc's maximum for M_MMAP_THRESHOLD
# In total: more than any batch on a CPU needs from input to output.
ENCODER_KEPT_BYTES = 256 << 20
# The arrays of several ten-second recordings; those of a long one are returned to the kernel.
SIGNAL_KEPT_BYTES = 32 << 20
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})  # names in Linux's /proc/cpuinfo


def cuda_device_count() -> int:
    """Return the number of devices that the NVIDIA driver reports.

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
    """Return device names for auto | cpu | cuda | cuda:N,...

    auto is every CUDA device, or the CPU if there is none.
    Raises ValueError for a device that is not available.
    """
    if setting == "cpu" or (setting == "auto" and not available):
        return ["cpu"]
    if setting in ("auto", "cuda"):
        if not available:
            raise ValueError(
                "ECG_DEVICE is cuda; no CUDA device can be used here (a driver and a CUDA build of "
                "torch are required)"
            )
        return [f"cuda:{number}" for number in range(available)]
    numbers = [int(part.removeprefix("cuda:")) for part in setting.split(",")]
    for number in numbers:
        if number >= available:
            raise ValueError(
                f"ECG_DEVICE names cuda:{number}; {available} CUDA devices can be used here"
            )
    return [f"cuda:{number}" for number in dict.fromkeys(numbers)]


def cpu_multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this processor has instructions for bfloat16 products.

    They are at least twice as fast as those for float32. False if Linux does not list the
    processor's flags.
    """
    if not cpuinfo.is_file():
        return False
    for line in cpuinfo.read_text().splitlines():
        if line.startswith("flags"):
            return not BFLOAT16_FLAGS.isdisjoint(line.split())
    return False


def limit_openmp_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let the encoder's threads stop spinning soon when they wait for each other.

    Their cores are then free for the processes that prepare the next recordings: two threads that
    spin on two cores with other work take several times as long as one.

    Call it before torch is loaded, whose OpenMP then reads the environment. Variables that the
    operator has set are kept.
    """
    if "OMP_WAIT_POLICY" not in environment:
        for name, value in SHORT_SPINS.items():
            environment.setdefault(name, value)


def keep_freed_memory(kept_bytes: int = ENCODER_KEPT_BYTES) -> None:
    """Let glibc keep up to this many freed bytes for the next batch or request.

    Reusing memory avoids page faults: otherwise a batch of eight segments had 60,000 of them, which
    took a tenth of its time.
    """
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):  # not all C libraries have it
        allocator.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        allocator.mallopt(M_TRIM_THRESHOLD, kept_bytes)


def _torch_has_cuda() -> bool:
    try:
        return "+cpu" not in version("torch")  # PyTorch's mark of builds without CUDA
    except PackageNotFoundError:
        return False
