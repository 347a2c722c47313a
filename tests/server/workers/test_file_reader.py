"""Runs the tests of file_reader_cases.py in a process of their own.

They fork it and close the descriptors of the fork. A library that other tests have loaded may
forbid that: pyarrow's fork handler ends a process whose pipe is closed. The server loads none.
"""

from __future__ import annotations

import subprocess
import sys

from tests.house.tree import ROOT

CASES = "tests/server/workers/file_reader_cases.py"


def test_all_cases_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    run = subprocess.run(
        [*command, CASES], cwd=ROOT, capture_output=True, text=True, timeout=250, check=False
    )
    assert run.returncode == 0, run.stdout[-8000:]
