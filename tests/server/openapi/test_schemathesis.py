"""Requests that schemathesis makes from /openapi.json: the answers are those of the document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.key_file import add_key
from server.openapi.document import openapi_document
from server.settings import Settings
from tests.server.harness import ROOT, RunningServer

pytestmark = pytest.mark.long

CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = "tests.server.openapi.schemathesis_checks"
# Requests for each operation and phase. The phase `coverage` has a fixed number, about 2500 in all.
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "10")
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")
PHASES = "examples,coverage,fuzzing,stateful"
NEVER_S = "600"  # only keeps a server that hangs from hanging the test


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def key(key_file: Path) -> str:
    return add_key(key_file, "all", ["analyze", "features", "operator"])


@pytest.fixture(scope="module", params=["tiny encoders", "no encoder"])
def server(request: pytest.FixtureRequest, key_file: Path, key: str) -> Iterator[RunningServer]:
    model = {"ECG_MODEL": "none"} if request.param == "no encoder" else {}
    with RunningServer(ECG_KEY_FILE=str(key_file), ECG_SIGNAL_WORKERS="1", **model) as running:
        yield running


def report_of(server: RunningServer, key: str, folder: Path) -> dict[str, Any]:
    """Run schemathesis. Return its report, with its output as `output`."""
    path = folder / "report.json"
    options = {
        "--phases": PHASES,
        "--max-examples": EXAMPLES,
        "--seed": SEED,
        "--header": f"X-API-Key: {key}",
        "--request-timeout": NEVER_S,
        "--suppress-health-check": "all",  # they tell how fast this machine is
        "--generation-database": "none",
        "--report": "json",
        "--report-json-path": str(path),
    }
    arguments = [word for option in options.items() for word in option]
    program = [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(CONFIG)]
    ended = subprocess.run(
        [*program, "run", f"{server.url}/openapi.json", "--continue-on-failure", *arguments],
        cwd=ROOT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": CHECKS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    output = ended.stdout[-20_000:] + ended.stderr[-2000:]
    assert path.exists(), output
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {**report, "output": output}


@pytest.mark.timeout(3600)
def test_answers_are_those_of_the_document(server: RunningServer, key: str, tmp_path: Path) -> None:
    report = report_of(server, key, tmp_path)
    output = report["output"]
    assert not report["failures"], output
    assert not report["errors"], output
    operations = sum(len(path) for path in openapi_document(Settings())["paths"].values())
    assert report["operations"]["tested"] == operations, output
    assert {name: phase["status"] for name, phase in report["phases"].items()} == {
        "examples": "success",
        "coverage": "success",
        "fuzzing": "success",
        "stateful": "success",
    }, output
    assert report["complete"], output
    assert not report["warnings"]["missing_auth"], output
