"""One run of `bulk`: what it writes, what it skips, and what it returns."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ecgfm_client.errors import UnusableInput
from ecgfm_client.folders import Recording

from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from bulk.command import local_parser, requested_devices
from bulk.job import choose_encoder, run_job
from bulk.outcomes import EmbeddedRecording, FailedRecording
from errors import BadOption, ModelStoreError


class FakeEngine:
    """Embed each recording as its number; fail those that `failing` names."""

    def __init__(self, failing: Sequence[str] = ()) -> None:
        self.failing = failing
        self.recordings: list[str] = []

    def __call__(
        self, recordings: Sequence[Recording], options: FeatureOptions, deployment: Deployment
    ) -> Iterator[EmbeddedRecording | FailedRecording]:
        assert list(deployment.encoders) == [options.role]
        for number, recording in enumerate(recordings):
            self.recordings.append(recording.name)
            if recording.name in self.failing:
                yield FailedRecording(recording.name, "too_short", "1 s; at least 2 s")
                continue
            embedding = np.full(3, number, np.float32)
            yield EmbeddedRecording(recording.name, embedding, number + 1, [f"w{number}"])


def options_of(tmp_path: Path, *arguments: str) -> argparse.Namespace:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name in ("a.json", "b.json", "c.json"):
        (folder / name).touch()
    paths = [str(folder), str(tmp_path / "out.parquet"), "--models-dir", str(tmp_path / "models")]
    return local_parser().parse_args([*paths, "--model", "embedded", *arguments])


def failures(tmp_path: Path) -> list[list[str]]:
    with (tmp_path / "out.parquet.failed.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_a_run_writes_rows_and_failures_and_the_next_one_does_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = options_of(tmp_path)
    out = tmp_path / "out.parquet"
    assert run_job(options, FakeEngine(["b.json"]), cuda=False) == 1
    assert pq.read_table(out).to_pylist() == [
        {"record_id": "a.json", "embedding": [0, 0, 0], "segments": 1, "warnings": ["w0"]},
        {"record_id": "c.json", "embedding": [2, 2, 2], "segments": 3, "warnings": ["w2"]},
    ]
    assert failures(tmp_path)[1:] == [["b.json", "too_short", "1 s; at least 2 s"]]
    summary = capsys.readouterr().err.splitlines()[-1]
    assert summary.startswith(f"{out}: 2 recordings, 2 of them new (")
    assert summary.endswith(" a second); 1 failed, see out.parquet.failed.csv")

    again = FakeEngine()
    assert run_job(options, again, cuda=False) == 0
    assert again.recordings == ["b.json"]
    assert sorted(pq.read_table(out).column("record_id").to_pylist()) == [
        "a.json",
        "b.json",
        "c.json",
    ]
    summary = capsys.readouterr().err.splitlines()[-1]
    assert summary.startswith(f"{out}: 3 recordings, 1 of them new (")
    assert summary.endswith(" a second)")
    assert not (tmp_path / "out.parquet.failed.csv").exists()
    assert not (tmp_path / "out.parquet.parts").exists()


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--pooling", "max", "pooling mean; these are made with pooling max;"),
        ("--layer", "1", "layer -1; these are made with layer 1;"),
        ("--layer", "0", "layer -1; these are made with layer 0;"),
    ],
)
def test_other_options_need_another_table(
    tmp_path: Path, option: str, value: str, named: str
) -> None:
    assert run_job(options_of(tmp_path), FakeEngine(), cuda=False) == 0
    engine = FakeEngine()
    with pytest.raises(UnusableInput, match=named):
        run_job(options_of(tmp_path, option, value), engine, cuda=False)
    assert engine.recordings == []
    assert not (tmp_path / "out.parquet.parts").exists()
    # The same options in other words.
    same = options_of(tmp_path, "--pooling", "mean", "--layer", "-1", "--encoder", "clinical")
    assert run_job(same, engine, cuda=False) == 0


def test_an_engine_that_stops_leaves_what_it_did(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stopping(
        recordings: Sequence[Recording], options: FeatureOptions, deployment: Deployment
    ) -> Iterator[EmbeddedRecording | FailedRecording]:
        yield EmbeddedRecording(recordings[0].name, np.zeros(3, np.float32), 1, [])
        raise Stopped

    options = options_of(tmp_path)
    with pytest.raises(Stopped):
        run_job(options, stopping, cuda=False)
    assert not (tmp_path / "out.parquet").exists()
    rest = FakeEngine()
    assert run_job(options, rest, cuda=False) == 0
    assert rest.recordings == ["b.json", "c.json"]


def test_the_feature_options_are_those_of_the_command_line(tmp_path: Path) -> None:
    features, deployment = choose_encoder(
        options_of(tmp_path, "--pooling", "max", "--layer", "1"), cuda=False
    )
    assert (features.pooling, features.layer) == ("max", 1)
    assert list(deployment.encoders) == [features.role]
    with pytest.raises(BadOption):
        choose_encoder(options_of(tmp_path, "--encoder", "x"), cuda=False)
    without = options_of(tmp_path, "--model", "none")
    with pytest.raises(ModelStoreError):
        choose_encoder(without, cuda=False)


def test_defaults_come_from_the_servers_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ECG_MODEL", "ECG_DTYPE", "ECG_DEVICE", "ECG_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    options = local_parser().parse_args(["in", "out.parquet"])
    assert (options.model, options.dtype, options.device) == ("auto", "auto", "auto")
    assert options.models_dir is None
    monkeypatch.setenv("ECG_MODEL", "embedded")
    monkeypatch.setenv("ECG_DTYPE", "float32")
    monkeypatch.setenv("ECG_DEVICE", "cpu")
    monkeypatch.setenv("ECG_MODELS_DIR", "/models")
    options = local_parser().parse_args(["in", "out.parquet"])
    assert (options.model, options.dtype, options.device) == ("embedded", "float32", "cpu")
    assert options.models_dir == Path("/models")
    assert requested_devices(options) == ["cpu"]
    options.device = "cuda:99"
    with pytest.raises(ModelStoreError):
        requested_devices(options)
