"""The benchmark of the station measures on a database that is given, once."""

from __future__ import annotations

import subprocess
import sys

from tests.house.tree import ROOT


def run(database_url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.station", "--database", database_url, *flags]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_database_takes_one_measurement(database_url: str) -> None:
    small = ("--records", "200", "--per-post", "20")
    several = run(database_url, *small)
    assert several.returncode == 2 and "give one number to --connections" in several.stderr
    one = run(database_url, *small, "--connections", "2")
    assert one.returncode == 0, one.stderr
    assert one.stdout.splitlines()[-1].startswith("| 2 | ")
