"""What cannot be had is said at the start, in one line, and nothing is left running."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from encoder.devices import cuda_device_count
from tests.house.tree import ROOT

NO_CUDA = pytest.mark.skipif(
    cuda_device_count() > 0, reason="a CUDA device is here, so that nothing is refused"
)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"ECG_DTYPE": "tf32", "ECG_DEVICE": "cpu"},
            "ECG_DTYPE is tf32, which needs a CUDA device; allowed on a CPU: auto, float32, "
            "bfloat16, float16",
        ),
        pytest.param(
            {"ECG_DEVICE": "cuda"},
            "ECG_DEVICE is cuda; no CUDA device can be used here",
            marks=NO_CUDA,
        ),
        ({"ECG_MODEL": "/no/such/folder"}, "/no/such/folder"),
        ({"ECG_DTYPE": "int4"}, "int4"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_what_cannot_be_had_is_said_before_anything_starts(
    settings: dict[str, str], said: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "server"],
        env=os.environ | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr and "Traceback" not in ended.stderr
