"""`python -m bulk.ray` on a cluster of this machine: it writes the same file as `bulk`."""

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

from tests.bulk.test_bulk import SUMMARY, bulk, environment, summary
from tests.client.test_cli import write_recordings
from tests.server.harness import ROOT, RunningServer

pytestmark = pytest.mark.long
READ_APART = "TaskPoolMapOperator[MapBatches(_read)] -> ActorPoolMapOperator[MapBatches(_Encoder)]"


@pytest.fixture(autouse=True)
def ray() -> None:
    pytest.importorskip(
        "ray", reason="Ray is not installed (pip install -r bulk/ray/requirements.txt)"
    )


def command(folder: Path, out: Path, models_dir: Path) -> list[str]:
    paths = [str(folder), str(out), "--models-dir", str(models_dir)]
    return [sys.executable, "-m", "bulk.ray", *paths, "--dtype", "float32"]


def on_ray(folder: Path, out: Path, models_dir: Path) -> subprocess.CompletedProcess[str]:
    run = command(folder, out, models_dir)
    return subprocess.run(
        run, check=False, env=environment(), capture_output=True, text=True, timeout=280, cwd=ROOT
    )


def rows_of(out: Path) -> dict[str, tuple[int, list[str]]]:
    rows = pq.read_table(out).to_pylist()
    return {row["record_id"]: (row["segments"], row["warnings"]) for row in rows}


def test_the_embeddings_are_the_servers_and_the_file_is_that_of_bulk(
    server: RunningServer,
    tmp_path: Path,
) -> None:
    folder = write_recordings(tmp_path / "in", 9)
    on_cluster = tmp_path / "ray.parquet"
    on_machine = tmp_path / "bulk.parquet"
    done = on_ray(folder, on_cluster, tmp_path / "models")
    assert done.returncode == 1, done.stderr
    match = SUMMARY.search(summary(done))
    assert match is not None and match[1] == "9", done.stderr
    assert READ_APART in done.stderr, "Ray fused reading with encoding"
    assert bulk(folder, on_machine, models_dir=tmp_path / "models").returncode == 1
    schema = pq.read_schema(on_cluster)
    assert schema.equals(pq.read_schema(on_machine), check_metadata=True)
    failures = [Path(f"{out}.failed.csv").read_text() for out in (on_cluster, on_machine)]
    assert failures[0] == failures[1]
    assert rows_of(on_cluster) == rows_of(on_machine)
    rows = {row["record_id"]: row for row in pq.read_table(on_cluster).to_pylist()}
    with EcgClient(server.url) as client:
        for name in ("r000.json", "r008.json"):
            values = client.extract_features(folder / name).values
            np.testing.assert_allclose(rows[name]["embedding"], values, atol=1e-5)


@pytest.mark.timeout(600)
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    folder, out = write_recordings(tmp_path / "in", 400), tmp_path / "embeddings.parquet"
    killed = subprocess.Popen(
        command(folder, out, tmp_path / "models"),
        env=environment(),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        # The test's timeout ends this loop if no shard ever comes.
        while not any(out.with_name("embeddings.parquet.parts").glob("part-*.parquet")):
            assert killed.poll() is None
            time.sleep(0.05)
    finally:
        run = psutil.Process(killed.pid)
        for process in [*run.children(recursive=True), run]:
            process.kill()
        killed.wait()
    assert not out.exists()
    done = on_ray(folder, out, tmp_path / "models")
    match = SUMMARY.search(summary(done))
    assert match is not None and 0 < int(match[1]) < 400, done.stderr
    assert pq.read_metadata(out).num_rows == 400
