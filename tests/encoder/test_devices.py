"""Processor flags, OpenMP's settings, and page faults with and without kept memory."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from encoder.devices import SHORT_SPIN_VARIABLES, cpu_multiplies_bfloat16, limit_openmp_spinning


@pytest.mark.parametrize(
    "flags, can",
    [
        ("fpu avx512f avx512_bf16 vaes", True),
        ("avx512f amx_bf16 amx_tile", True),
        ("avx2 avx512f avx512_bf16x", False),
        ("", False),
    ],
)
def test_bfloat16_is_told_by_the_processors_flags(flags: str, can: bool, tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text(
        f"processor\t: 0\nmodel name\t: X avx512_bf16\nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n"
    )
    assert cpu_multiplies_bfloat16(listing) is can


def test_a_system_that_does_not_say_has_none(tmp_path: Path) -> None:
    assert not cpu_multiplies_bfloat16(tmp_path / "cpuinfo")


@pytest.mark.parametrize(
    ("set_by_operator", "spins"),
    [
        ({}, SHORT_SPIN_VARIABLES["GOMP_SPINCOUNT"]),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, None),
    ],
    ids=str,
)
def test_waiting_threads_spin_shortly_unless_the_operator_says_otherwise(
    set_by_operator: dict[str, str], spins: str | None
) -> None:
    environment = dict(set_by_operator)
    limit_openmp_spinning(environment)
    assert environment.get("GOMP_SPINCOUNT") == spins


# Allocate and free two arrays as large as an encoder's, with glibc's defaults and with kept memory.
FAULTS = """
import resource
import numpy as np
from encoder.devices import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        arrays = [np.ones(30 << 20, np.uint8) for _ in range(2)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
as_it_is = faults()
keep_freed_memory()
faults()
print(as_it_is, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_memory_that_is_kept_is_not_faulted_in_again() -> None:
    as_it_is, kept = map(
        int, subprocess.check_output([sys.executable, "-c", FAULTS], text=True).split()
    )
    assert kept < 100 < as_it_is, "pages"
