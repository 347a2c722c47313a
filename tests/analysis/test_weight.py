"""The modules that read and judge recordings never load torch: signal workers stay small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIGHT = (
    "analysis.prepare",
    "analysis.answer",
    "analysis.forward",
    "analysis.labels",
    "analysis.deployment",
    "server.stages.request_body",
)


def loads_torch(module: str) -> bool:
    program = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


@pytest.mark.parametrize("module", [*LIGHT, "server.stages.signal"])
def test_reading_and_judging_load_no_torch(module: str) -> None:
    assert not loads_torch(module)


def test_the_encoders_do() -> None:
    assert loads_torch("analysis.encoders")
