"""The command line in its own process, against the real server."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ecgfm_client import EcgClient

from tests.data import SHARED, requires_shared
from tests.server.ecgs import Ecg, twelve_seconds
from tests.server.harness import ROOT, RunningServer, free_port
from tests.station.running import running_station
from training.heads.embeddings_file import read_embeddings


def run_ecgfm(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        check=False,
        env=environment(url),
        capture_output=True,
        text=True,
        timeout=120,
    )


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "ecgfm_client.cli", *map(str, arguments)]


def environment(url: str) -> dict[str, str]:
    return {**os.environ, "ECGFM_URL": url, "PYTHONPATH": str(ROOT / "client")}


def write_recordings(folder: Path, count: int) -> Path:
    """Write `count` JSON files of different amplitudes, and one that is too short."""
    folder.mkdir(parents=True)
    ecg = twelve_seconds()
    for number in range(count):
        scaled = Ecg(np.round(ecg.signal[:, :5000] * (1 + number / 100), 3), ecg.fs)
        (folder / f"r{number:03d}.json").write_text(json.dumps(scaled.json()))
    (folder / "short.json").write_text(json.dumps(ecg.seconds(0, 1).json()))
    return folder


def test_the_report_is_text_and_json_on_request(server: RunningServer, tmp_path: Path) -> None:
    folder = write_recordings(tmp_path / "in", 1)
    done = run_ecgfm(server.url, "analyze", folder / "r000.json")
    assert done.returncode == 0, done.stderr
    assert (
        "Heart rate" in done.stdout
        and "Quality:" in done.stdout
        and "not a medical device" in done.stdout
    )
    answer = run_ecgfm(server.url, "analyze", "--json", folder / "r000.json")
    assert json.loads(answer.stdout)["signal_quality"] in (
        "Excellent",
        "Good",
        "Acceptable",
        "Poor",
        "Unreadable",
    )


def test_a_refused_file_does_not_keep_the_others_from_being_read(
    server: RunningServer, tmp_path: Path
) -> None:
    folder = write_recordings(tmp_path / "in", 1)
    done = run_ecgfm(server.url, "quality", folder / "short.json", folder / "r000.json")
    assert done.returncode == 1
    assert "short.json: too_short (422)" in done.stderr
    assert "Quality:" in done.stdout


def test_embeddings_of_a_folder_are_those_of_single_calls(
    server: RunningServer, tmp_path: Path
) -> None:
    folder, out = write_recordings(tmp_path / "in", 12), tmp_path / "embeddings.parquet"
    done = run_ecgfm(server.url, "features", folder, "--out", out)
    assert done.returncode == 1, "one was refused"
    assert "12 recordings, 12 of them new" in done.stderr
    table = pq.read_table(out)
    rows = dict(
        zip(
            table.column("record_id").to_pylist(),
            table.column("embedding").to_pylist(),
            strict=True,
        )
    )
    with EcgClient(server.url) as client:
        for number in (0, 7):
            single = client.extract_features(folder / f"r{number:03d}.json")
            assert np.allclose(rows[f"r{number:03d}.json"], single.values, atol=1e-5)
    assert single.encoder is not None and vars(read_embeddings(out).encoder) == vars(
        single.encoder
    ), "heads can be trained on the file without changes"
    with Path(f"{out}.failed.csv").open() as file:
        assert [(row["record_id"], row["code"]) for row in csv.DictReader(file)] == [
            ("short.json", "too_short")
        ]
    again = run_ecgfm(server.url, "features", folder, "--out", out)
    assert "0 of them new" in again.stderr
    other = run_ecgfm(
        server.url,
        "features",
        write_recordings(tmp_path / "more", 14),
        "--out",
        out,
        "--model",
        "clinical",
    )
    assert other.returncode == 2 and other.stderr.endswith("; choose another file\n")
    assert pq.read_metadata(out).num_rows == 12
    for options, named in (
        (["--layer", "1"], "layer -1; these are made with layer 1;"),
        (["--pooling", "max"], "pooling mean; these are made with pooling max;"),
        (["--fs", "250"], "no fs; these are made with fs 250.0;"),
        (["--layer", "99"], "layer_out_of_range (422): layer is 99;"),
        (["--model", "none"], "bad_option (422): model is 'none';"),
    ):
        refused = run_ecgfm(server.url, "features", folder, "--out", out, *options)
        assert refused.returncode in (1, 2) and named in refused.stderr, refused.stderr
        assert "of them new" not in refused.stderr
    assert pq.read_metadata(out).num_rows == 12


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_becomes_a_table(server: RunningServer, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"report.{ending}"
    done = run_ecgfm(server.url, "analyze", write_recordings(tmp_path / "in", 3), "--out", out)
    assert done.returncode == 1, done.stderr
    rows = (
        list(csv.DictReader(out.read_text().splitlines()))
        if ending == "csv"
        else pq.read_table(out).to_pylist()
    )
    assert {row["record_id"] for row in rows} == {"r000.json", "r001.json", "r002.json"}
    assert all(
        50 < float(row["heart_rate_bpm"]) < 100 and row["label: Sinus rhythm"] for row in rows
    )


def test_a_folder_is_analyzed_with_the_values_that_the_files_lack(
    server: RunningServer, tmp_path: Path
) -> None:
    """A table without a sampling rate, in microvolts."""
    folder = tmp_path / "in"
    folder.mkdir()
    ecg = twelve_seconds()
    microvolts = np.round(ecg.signal.T * 1000)
    rows = [",".join(f"{value:.0f}" for value in row) for row in microvolts]
    (folder / "a.csv").write_text("\n".join([",".join(ecg.lead_names), *rows]) + "\n")
    given = ["--fs", "500", "--units", "uV", "--age", "50", "--sex", "male"]
    done = run_ecgfm(server.url, "analyze", folder, "--out", tmp_path / "with.parquet", *given)
    assert done.returncode == 0, done.stderr
    (row,) = pq.read_table(tmp_path / "with.parquet").to_pylist()
    single = run_ecgfm(server.url, "analyze", folder / "a.csv", "--json", *given)
    assert row["qrs_ms"] == json.loads(single.stdout)["measurements"]["qrs_ms"]
    assert row["heart_rate_bpm"] == json.loads(single.stdout)["measurements"]["heart_rate_bpm"]
    without = run_ecgfm(server.url, "analyze", folder, "--out", tmp_path / "without.parquet")
    assert without.returncode == 1
    failed = Path(f"{tmp_path / 'without.parquet'}.failed.csv").read_text()
    assert "a.csv,missing_field" in failed
    other = run_ecgfm(
        server.url, "analyze", folder, "--out", tmp_path / "with.parquet", *given[:-2]
    )
    assert other.returncode == 2
    assert "made with sex male; these are made with no sex; choose" in other.stderr
    features = run_ecgfm(
        server.url, "features", folder, "--out", tmp_path / "e.parquet", *given[:4]
    )
    assert features.returncode == 0, features.stderr


@requires_shared
def test_a_plot_of_a_real_recording(server: RunningServer, tmp_path: Path) -> None:
    header = min((SHARED / "ptbxl" / "raw500").glob("*.hea"))
    done = run_ecgfm(
        server.url, "plot", header.with_suffix(".dat"), header, "--out", tmp_path / "ecg.png"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ecg.png").stat().st_size > 50_000


def test_a_file_that_the_server_reads_is_streamed_to_a_station(
    server: RunningServer, tmp_path: Path
) -> None:
    """Its samples, leads and rate are those of the file; the short one does not stop the other."""
    folder = write_recordings(tmp_path / "in", 1)
    with running_station(tmp_path, f"sqlite:///{tmp_path}/station.db") as station:
        flags = ("--patient", "{file}", "--speed", "0", "--register", "--to", station.url)
        files = (folder / "short.json", folder / "r000.json")
        key = ("--station-key", station.key)
        done = run_ecgfm(server.url, "stream", *files, *flags, *key)
        assert done.returncode == 1, done.stderr
        assert "ecgfm: short.json: too_short (422)" in done.stderr
        assert done.stderr.endswith("ecgfm: 1 of 2 recordings; records: 10 stored\n")
        when = {"from_ms": 0, "to_ms": 2 * time.time_ns() // 1_000_000}
        with station.client() as client:
            answer = client.get("/station/v1/patients/r000/waveform", params=when).json()
    (part,) = answer["waveforms"]
    sent = json.loads((folder / "r000.json").read_text())
    assert (part["fs"], part["leads"]) == (sent["fs"], sent["lead_names"])
    assert np.array_equal(np.float32(part["signal"]), np.float32(sent["signal"]))


def test_health(server: RunningServer) -> None:
    done = run_ecgfm(server.url, "health")
    assert done.returncode == 0 and ": ok, version" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "absent.dcm"], "no such file"),
        (["analyze", "."], "--out"),
        (["features", ".", "--out", "e.csv"], "parquet"),
        (["features", "absent", "--out", "e.parquet"], "no such folder"),
        (["features", ".", "--out", "e.parquet", "--in-flight", "0"], "at least 1"),
        (["stream", "absent.csv", "--patient", "p-1"], "no such file"),
        (["stream", "absent.csv"], "--patient"),
        (["stream", "absent.csv", "--patient", "p-1", "--speed", "nan"], "at least 0"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str) -> None:
    done = run_ecgfm("http://127.0.0.1:9", *arguments)
    assert done.returncode == 2 and message in done.stderr


def test_a_misspelt_variable_is_named(server: RunningServer) -> None:
    with_typo = {**environment(server.url), "ECGFM_APIKEY": "x"}
    done = subprocess.run(
        command("health"), check=False, env=with_typo, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert done.stderr == "ecgfm: ECGFM_APIKEY is ignored; ECGFM_API_KEY is similar\n"


def test_a_reader_that_ends_early_is_no_fault(server: RunningServer, tmp_path: Path) -> None:
    folder = write_recordings(tmp_path / "in", 1)
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        command("analyze", folder / "r000.json"),
        check=False,
        env=environment(server.url),
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


def test_without_a_server_the_exit_status_is_3() -> None:
    done = run_ecgfm(f"http://127.0.0.1:{free_port()}", "health")
    assert done.returncode == 3 and "no answer" in done.stderr


@pytest.mark.long
def test_a_restarted_server_and_a_killed_run_lose_nothing(tmp_path: Path) -> None:
    folder, out = write_recordings(tmp_path / "in", 500), tmp_path / "embeddings.parquet"
    settings = {"ECG_PORT": str(free_port())}
    url = f"http://127.0.0.1:{settings['ECG_PORT']}"
    run = command("features", folder, "--out", out, "--in-flight", 8)
    with RunningServer(wait=False, **settings) as server:
        server.url = url
        server.wait_until_ready()
        killed = subprocess.Popen(run, env=environment(url), stderr=subprocess.DEVNULL)
        wait_for(lambda: any(out.with_name("embeddings.parquet.parts").glob("part-*.parquet")))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert not out.exists()
        resumed = subprocess.Popen(run, env=environment(url), stderr=subprocess.PIPE, text=True)
        time.sleep(3)
    with RunningServer(wait=False, **settings) as server:
        server.url = url
        _, output = resumed.communicate(timeout=1200)
        with EcgClient(url) as client:
            single = client.extract_features(folder / "r499.json").values
    assert resumed.returncode == 1 and "500 recordings" in output, output
    rows = {row["record_id"]: row["embedding"] for row in pq.read_table(out).to_pylist()}
    assert len(rows) == 500
    assert np.allclose(rows["r499.json"], single, atol=1e-5)


def wait_for(happened: object, seconds: float = 600.0) -> None:
    assert callable(happened)
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.1)
