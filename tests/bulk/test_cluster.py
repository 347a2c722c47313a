"""The Ray recipe on a cluster of this machine alone: the server's embeddings, in the form of `bulk`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from ecgfm_client import EcgClient

from tests.bulk.test_bulk import bulk, environment
from tests.client.conftest import server  # noqa: F401 - a fixture
from tests.client.test_cli import recordings
from tests.server.harness import ROOT, RunningServer

pytestmark = pytest.mark.long
READ_APART = "TaskPoolMapOperator[MapBatches(_read)] -> ActorPoolMapOperator[MapBatches(_Encoder)]"


@pytest.fixture(autouse=True)
def ray() -> None:
    pytest.importorskip(
        "ray",
        reason="Ray is not installed (pip install -r bulk/ray/requirements.txt): its recipe is not tested here",
    )


def command(folder: Path, out: Path, models_dir: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "bulk.ray",
        *map(str, (folder, out, "--models-dir", models_dir)),
        "--dtype",
        "float32",
    ]


def on_ray(folder: Path, out: Path, models_dir: Path) -> subprocess.CompletedProcess[str]:
    run = command(folder, out, models_dir)
    return subprocess.run(
        run, check=False, env=environment(), capture_output=True, text=True, timeout=280, cwd=ROOT
    )


def test_the_embeddings_are_the_servers_and_the_file_is_that_of_bulk(
    server: RunningServer,  # noqa: F811
    tmp_path: Path,
) -> None:
    folder, out, beside = (
        recordings(tmp_path / "in", 9),
        tmp_path / "ray.parquet",
        tmp_path / "bulk.parquet",
    )
    done = on_ray(folder, out, tmp_path / "models")
    assert done.returncode == 1 and "9 recordings, 9 of them new" in done.stderr, done.stderr
    assert READ_APART in done.stderr, "reading is a step of its own"
    assert bulk(folder, beside, models_dir=tmp_path / "models").returncode == 1
    ours, theirs = pq.read_table(out), pq.read_table(beside)
    assert ours.schema.equals(theirs.schema, check_metadata=True)
    assert Path(f"{out}.failed.csv").read_text() == Path(f"{beside}.failed.csv").read_text()
    rows = {row["record_id"]: row for row in ours.to_pylist()}
    assert {name: (row["segments"], row["warnings"]) for name, row in rows.items()} == {
        row["record_id"]: (row["segments"], row["warnings"]) for row in theirs.to_pylist()
    }
    with EcgClient(server.url) as client:
        for name in ("r000.json", "r008.json"):
            assert np.allclose(
                rows[name]["embedding"], client.extract_features(folder / name).values, atol=1e-5
            )


@pytest.mark.timeout(600)
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    folder, out = recordings(tmp_path / "in", 400), tmp_path / "embeddings.parquet"
    killed = subprocess.Popen(
        command(folder, out, tmp_path / "models"),
        env=environment(),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 200
    while not any(out.with_name("embeddings.parquet.parts").glob("part-*.parquet")):
        assert time.monotonic() < until and killed.poll() is None
        time.sleep(0.05)
    for process in [*(run := psutil.Process(killed.pid)).children(recursive=True), run]:
        process.kill()
    killed.wait()
    assert not out.exists()
    done = on_ray(folder, out, tmp_path / "models")
    assert "400 recordings" in done.stderr and "400 of them new" not in done.stderr, done.stderr
    assert pq.read_metadata(out).num_rows == 400
