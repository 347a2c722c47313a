"""README's example prints the answer that README shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from encoder.devices import cuda_device_count
from tests.house.tree import ROOT, source
from tests.server.ecgs import PASSING
from tests.server.harness import RunningServer

SHOWN = re.compile(r"<!-- example-answer:begin -->.*?```json\n(.*?)```", re.DOTALL)


def same(shown: Any, found: Any) -> None:
    """Compare the answers. Numbers may differ by what processors differ in."""
    if isinstance(shown, dict):
        assert list(shown) == list(found)
        for key in shown:
            if key not in PASSING:
                same(shown[key], found[key])
    elif isinstance(shown, list):
        assert len(shown) == len(found)
        for one, other in zip(shown, found, strict=True):
            same(one, other)
    elif isinstance(shown, float):
        assert found == pytest.approx(shown, rel=1e-3, abs=1e-5)
    else:
        assert found == shown


@pytest.mark.skipif(
    cuda_device_count() > 0, reason="README shows the answer of a machine without a GPU"
)
def test_the_example_prints_the_answer_that_is_shown(embedded: RunningServer) -> None:
    match = SHOWN.search(source("README.md"))
    assert match is not None
    # As after `scripts/serve` without a model of one's own.
    example = [sys.executable, "scripts/readme_example.py", embedded.url]
    printed = subprocess.run(example, cwd=ROOT, check=True, capture_output=True, text=True)
    same(json.loads(match[1]), json.loads(printed.stdout))
