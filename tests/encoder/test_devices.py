"""What a processor can do is read from what Linux says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoder.devices import SHORT_SPINS, cpu_multiplies_bfloat16, share_cores


@pytest.mark.parametrize(
    "flags, can",
    [("fpu avx512f avx512_bf16 vaes", True), ("avx512f amx_bf16 amx_tile", True), ("avx2 avx512f avx512_bf16x", False), ("", False)],
)
def test_bfloat16_is_told_by_the_processors_flags(flags: str, can: bool, tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text(f"processor\t: 0\nmodel name\t: X avx512_bf16\nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n")
    assert cpu_multiplies_bfloat16(listing) is can


def test_a_system_that_does_not_say_has_none(tmp_path: Path) -> None:
    assert not cpu_multiplies_bfloat16(tmp_path / "cpuinfo")


@pytest.mark.parametrize(
    ("set_by_operator", "spins"),
    [({}, SHORT_SPINS["GOMP_SPINCOUNT"]), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
    ids=str,
)
def test_waiting_threads_spin_shortly_unless_the_operator_says_otherwise(set_by_operator: dict[str, str], spins: str | None) -> None:
    environment = dict(set_by_operator)
    share_cores(environment)
    assert environment.get("GOMP_SPINCOUNT") == spins
