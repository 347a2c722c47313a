"""Bulk embeddings: the server's own, written by the machine's own devices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ecgfm_client import EcgClient

from tests.client.conftest import server  # noqa: F401 - a fixture
from tests.client.test_cli import recordings
from tests.server.harness import ROOT, TINY, RunningServer
from training.heads.embeddings_file import read_embeddings


def command(*arguments: object) -> list[str]:
    return [
        sys.executable,
        "-m",
        "bulk",
        *map(str, arguments),
        "--dtype",
        "float32",
        "--processes",
        "1",
    ]


def environment() -> dict[str, str]:
    return {**os.environ, **TINY, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}", "OMP_NUM_THREADS": "1"}


def bulk(*arguments: object, models_dir: Path) -> subprocess.CompletedProcess[str]:
    run = command(*arguments, "--models-dir", models_dir)
    return subprocess.run(
        run, check=False, env=environment(), capture_output=True, text=True, timeout=200, cwd=ROOT
    )


def test_the_embeddings_are_the_servers(server: RunningServer, tmp_path: Path) -> None:  # noqa: F811
    folder, out = recordings(tmp_path / "in", 9), tmp_path / "embeddings.parquet"
    done = bulk(folder, out, models_dir=tmp_path / "models")
    assert done.returncode == 1 and "9 recordings, 9 of them new" in done.stderr, done.stderr
    assert "too_short" in Path(f"{out}.failed.csv").read_text()
    rows = {row["record_id"]: row["embedding"] for row in pq.read_table(out).to_pylist()}
    with EcgClient(server.url) as client:
        for name in ("r000.json", "r008.json"):
            single = client.extract_features(folder / name)
            assert np.allclose(rows[name], single.values, atol=1e-5)
    for_heads = read_embeddings(out)
    assert (
        single.encoder is not None
        and vars(single.encoder) == vars(for_heads.encoder)
        and len(for_heads) == 9
    )
    again = bulk(folder, out, models_dir=tmp_path / "models")
    assert "0 of them new" in again.stderr
    other = bulk(folder, out, "--encoder", "clinical", models_dir=tmp_path / "models")
    assert other.returncode == 2 and "another --out" in other.stderr


def test_a_table_names_the_files(tmp_path: Path) -> None:
    recordings(tmp_path / "in", 2)
    listed = tmp_path / "list.parquet"
    pq.write_table(pa.table({"path": ["in/r001.json", "in/gone.json"]}), listed)
    done = bulk(listed, tmp_path / "e.parquet", models_dir=tmp_path / "models")
    assert done.returncode == 1, done.stderr
    assert pq.read_table(tmp_path / "e.parquet").column("record_id").to_pylist() == ["in/r001.json"]
    assert "unusable_file" in (tmp_path / "e.parquet.failed.csv").read_text()


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name\na\n")
    assert (
        "column `path`"
        in bulk(tmp_path / "list.csv", tmp_path / "e.parquet", models_dir=tmp_path).stderr
    )
    assert (
        "model is"
        in bulk(
            recordings(tmp_path / "in", 1),
            tmp_path / "e.parquet",
            "--encoder",
            "x",
            models_dir=tmp_path,
        ).stderr
    )


@pytest.mark.long
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    folder, out = recordings(tmp_path / "in", 400), tmp_path / "embeddings.parquet"
    run = command(folder, out, "--models-dir", tmp_path / "models")
    killed = subprocess.Popen(
        run, env=environment(), cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 120
    while not any(out.with_name("embeddings.parquet.parts").glob("part-*.parquet")):
        assert time.monotonic() < until
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not out.exists()
    done = bulk(folder, out, models_dir=tmp_path / "models")
    assert "400 recordings" in done.stderr and "400 of them new" not in done.stderr, done.stderr
    assert pq.read_metadata(out).num_rows == 400
