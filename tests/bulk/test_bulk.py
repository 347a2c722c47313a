"""`python -m bulk` as a command: its embeddings equal the server's, and a killed run goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ecgfm_client import EcgClient
from ecgfm_client.tables import ROWS_A_SHARD

from tests.client.test_cli import write_recordings
from tests.server.ecgs import Ecg, twelve_seconds
from tests.server.harness import ROOT, TINY, RunningServer
from training.heads.embeddings_file import read_embeddings

SUMMARY = re.compile(r"recordings, (\d+) of them new")


def command(*arguments: object) -> list[str]:
    options = ["--dtype", "float32", "--processes", "1"]
    return [sys.executable, "-m", "bulk", *map(str, arguments), *options]


def environment() -> dict[str, str]:
    return {**os.environ, **TINY, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}", "OMP_NUM_THREADS": "1"}


def bulk(*arguments: object, models_dir: Path) -> subprocess.CompletedProcess[str]:
    run = command(*arguments, "--models-dir", models_dir)
    return subprocess.run(
        run, check=False, env=environment(), capture_output=True, text=True, timeout=200, cwd=ROOT
    )


def summary(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of stderr without the rate."""
    return re.sub(r"\(\d+\.\d a second\)", "(RATE)", done.stderr.splitlines()[-1])


def test_the_embeddings_are_the_servers(server: RunningServer, tmp_path: Path) -> None:
    folder, out = write_recordings(tmp_path / "in", 9), tmp_path / "embeddings.parquet"
    failed = "1 failed, see embeddings.parquet.failed.csv"
    done = bulk(folder, out, models_dir=tmp_path / "models")
    assert done.returncode == 1, done.stderr
    assert summary(done) == f"{out}: 9 recordings, 9 of them new (RATE); {failed}"
    (row,) = Path(f"{out}.failed.csv").read_text().splitlines()[1:]
    assert row.startswith("short.json,too_short,")
    rows = {row["record_id"]: row["embedding"] for row in pq.read_table(out).to_pylist()}
    assert sorted(rows) == [f"r{number:03d}.json" for number in range(9)]
    with EcgClient(server.url) as client:
        for name in ("r000.json", "r008.json"):
            single = client.extract_features(folder / name)
            np.testing.assert_allclose(rows[name], single.values, atol=1e-5)
    for_heads = read_embeddings(out)
    assert single.encoder is not None
    assert vars(single.encoder) == vars(for_heads.encoder)
    assert len(for_heads) == 9
    again = bulk(folder, out, models_dir=tmp_path / "models")
    assert summary(again) == f"{out}: 9 recordings, 0 of them new (RATE); {failed}"
    other = bulk(folder, out, "--encoder", "clinical", models_dir=tmp_path / "models")
    assert other.returncode == 2
    assert other.stderr.splitlines()[-1].startswith(
        "bulk: --out: embeddings.parquet has rows made with"
    )


def test_a_table_names_the_files(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", 2)
    listed = tmp_path / "list.parquet"
    pq.write_table(pa.table({"path": ["in/r001.json", "in/gone.json"]}), listed)
    done = bulk(listed, tmp_path / "e.parquet", models_dir=tmp_path / "models")
    assert done.returncode == 1, done.stderr
    assert pq.read_table(tmp_path / "e.parquet").column("record_id").to_pylist() == ["in/r001.json"]
    failures = (tmp_path / "e.parquet.failed.csv").read_text().splitlines()[1:]
    assert failures == ["in/gone.json,unusable_file,No such file or directory"]


def test_a_command_that_cannot_run_says_why(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name\na\n")
    out = tmp_path / "e.parquet"
    no_column = bulk(tmp_path / "list.csv", out, models_dir=tmp_path)
    assert no_column.returncode == 2
    assert no_column.stderr.splitlines()[-1] == (
        f"bulk: {tmp_path / 'list.csv'}: neither a folder nor a table with a column `path` "
        "(KeyError)"
    )
    unknown = bulk(write_recordings(tmp_path / "in", 1), out, "--encoder", "x", models_dir=tmp_path)
    assert unknown.returncode == 2
    assert unknown.stderr.splitlines()[-1].startswith("bulk: model")


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """The run has more recordings than a shard has rows, and its last recording blocks its reader.

    So a shard is written, and the run does not finish before it is killed, on a machine of any
    speed.
    """
    names = [f"r{number}.json" for number in range(ROWS_A_SHARD + 100)]
    first, last = tmp_path / names[0], tmp_path / "last.json"
    ecg = twelve_seconds()
    small = Ecg(np.round(ecg.signal[:, :2500:5], 3), ecg.fs / 5)
    first.write_text(json.dumps(small.json()))
    for name in names[1:]:
        os.link(first, tmp_path / name)
    os.mkfifo(last)
    listed, out = tmp_path / "list.parquet", tmp_path / "embeddings.parquet"
    pq.write_table(pa.table({"path": [*names, last.name]}), listed)
    run = command(listed, out, "--models-dir", tmp_path / "models")
    killed = subprocess.Popen(
        run, env=environment(), cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        # The test's timeout ends this loop if no shard ever comes.
        while not any(out.with_name("embeddings.parquet.parts").glob("part-*.parquet")):
            assert killed.poll() is None
            time.sleep(0.1)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    assert not out.exists()
    last.unlink()
    os.link(first, last)
    done = bulk(listed, out, models_dir=tmp_path / "models")
    match = SUMMARY.search(summary(done))
    assert match is not None and 0 < int(match[1]) <= len(names), done.stderr
    assert pq.read_metadata(out).num_rows == len(names) + 1
