"""The batches, devices and reading processes of `bulk`, with runners that compute sums."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ecgfm_client.folders import Recording

from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from analysis.prepare import Prepared, prepare
from bulk import engine
from bulk.engine import BATCH_SEGMENTS, encode_batch, local_engine
from bulk.outcomes import EmbeddedRecording, FailedRecording, PreparedRecording
from bulk.readers import read_recordings
from server.stages.backlog import MAX_BATCH_SEGMENTS
from tests.analysis.deployments import ONLY_FEATURES, SumRunner, record

FEATURES = FeatureOptions("features")
FAILED_RECORDING = FailedRecording("broken", "too_short", "1 s")


def prepared(name: str, seconds: float) -> PreparedRecording:
    ecg = record(seconds).with_warnings(f"of {name}")
    return PreparedRecording(name, prepare(ecg, FEATURES, ONLY_FEATURES, max_seconds=600))


def expected_value(item: PreparedRecording, factor: float = 1.0) -> float:
    """Return each number of the embedding from SumRunner(factor).

    It is `factor` times the mean over segments of the sum of a segment's samples.
    """
    return float(np.mean(factor * item.prepared.segments.sum(axis=(1, 2))))


def run(
    monkeypatch: pytest.MonkeyPatch,
    outcomes: Iterable[PreparedRecording | FailedRecording],
    devices: list[str],
    runner_class: type[SumRunner] = SumRunner,
) -> tuple[list[EmbeddedRecording | FailedRecording], dict[str, SumRunner]]:
    """Run `local_engine` with `read_recordings` replaced; it yields `outcomes`.

    Returns what the engine yields, and the runner of each device.
    """
    runners = {device: runner_class(1.0) for device in devices}

    def load_runners(
        deployment: Deployment, device: str, dtype: str
    ) -> tuple[dict[str, SumRunner], None]:
        assert (deployment, dtype) == (ONLY_FEATURES, "float32")
        return {"features": runners[device]}, None

    def read_outcomes(
        recordings: list[Recording],
        options: FeatureOptions,
        deployment: Deployment,
        processes: int,
    ) -> Iterator[PreparedRecording | FailedRecording]:
        assert (len(recordings), options, deployment, processes) == (1, FEATURES, ONLY_FEATURES, 3)
        yield from outcomes

    monkeypatch.setattr("analysis.encoders.load_runners", load_runners)
    monkeypatch.setattr(engine, "read_recordings", read_outcomes)
    yielded = local_engine(
        [Recording("x", ())],
        FEATURES,
        ONLY_FEATURES,
        devices=devices,
        dtype="float32",
        processes=3,
    )
    return list(yielded), runners


def test_a_batch_is_encoded_by_one_run_and_split_by_recording() -> None:
    batch = [prepared("a", 10), prepared("b", 20), prepared("c", 15)]
    runner = SumRunner(2.0)
    rows = encode_batch(batch, FEATURES, {"features": runner})
    assert [call["segments"] for call in runner.calls] == [2 + 4 + 3]
    assert [row.record_id for row in rows] == ["a", "b", "c"]
    assert [row.segments for row in rows] == [2, 4, 3]
    for row, item in zip(rows, batch, strict=True):
        np.testing.assert_allclose(row.embedding, [expected_value(item, 2.0)] * 4, rtol=1e-5)
        assert row.warnings == [f"of {row.record_id}"]


def test_recordings_are_collected_until_a_batch_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    # A recording has a segment for each 5 s, and a CPU's batch is full at 8 segments. The batches
    # have 4 + 3 + 2, 4 + 4, and the remaining 2 segments.
    seconds = [20, 15, 10, 20, 20, 10]
    items: list[PreparedRecording | FailedRecording] = [
        prepared(f"r{row}", length) for row, length in enumerate(seconds)
    ]
    outcomes, runners = run(monkeypatch, [*items[:2], FAILED_RECORDING, *items[2:]], ["cpu"])
    assert [call["segments"] for call in runners["cpu"].calls] == [9, 8, 2]
    assert outcomes[0] == FAILED_RECORDING
    names = [outcome.record_id for outcome in outcomes[1:]]  # type: ignore[union-attr]
    assert sorted(names) == [f"r{row}" for row in range(6)]


def test_every_device_loads_the_encoders_and_a_gpu_has_larger_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items: list[PreparedRecording | FailedRecording] = [
        prepared(f"r{row}", 300) for row in range(6)
    ]
    outcomes, runners = run(monkeypatch, items, ["cuda:0", "cuda:1"])
    # Each recording has 60 segments, and a GPU's batch is full at 128: three recordings.
    calls = [call["segments"] for runner in runners.values() for call in runner.calls]
    assert calls == [180, 180]
    assert len(outcomes) == 6


def test_batches_are_as_large_as_the_servers() -> None:
    assert BATCH_SEGMENTS == MAX_BATCH_SEGMENTS


def test_three_batches_for_each_device_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    six_read, seven_read = threading.Event(), threading.Event()
    read_too_early: list[bool] = []

    class WaitingRunner(SumRunner):
        """Completes its first batch after six are read, and notes whether a seventh was."""

        def run(self, segments: np.ndarray, **options: Any) -> Any:
            if not self.calls:
                # A hang is a failure: with a lower limit the sixth batch is never read.
                assert six_read.wait(30), "six batches were not read ahead"
                read_too_early.append(seven_read.wait(0.5))
            return super().run(segments, **options)

    def outcomes() -> Iterator[PreparedRecording | FailedRecording]:
        for row in range(9):
            if row == 6:
                seven_read.set()
            if row == 5:
                six_read.set()
            yield prepared(f"r{row}", 40)

    rows, _ = run(monkeypatch, outcomes(), ["cpu", "cpu:1"], WaitingRunner)
    # By the first of the two devices to complete its batch.
    assert read_too_early[0] is False
    assert len(rows) == 9


def test_without_recordings_no_encoder_is_loaded() -> None:
    empty = local_engine(
        [], FEATURES, ONLY_FEATURES, devices=["cuda:7"], dtype="float32", processes=1
    )
    assert list(empty) == []


def test_processes_read_every_recording_once(tmp_path: Path) -> None:
    ecg = record(10)
    signal = [[round(float(value), 4) for value in row] for row in ecg.signal]
    body = json.dumps({"signal": signal, "fs": 500, "lead_names": ecg.lead_names})
    listed = []
    # More than RECORDINGS_IN_FLIGHT_PER_PROCESS.
    for row in range(6):
        path = tmp_path / f"r{row}.json"
        path.write_text(body if row != 3 else "{}")
        listed.append(Recording(f"r{row}", (path,)))
    outcomes = list(read_recordings(listed, FEATURES, ONLY_FEATURES, 1))
    assert sorted(outcome.name for outcome in outcomes) == [f"r{row}" for row in range(6)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, FailedRecording)]
    assert [outcome.name for outcome in failed] == ["r3"]
    for outcome in outcomes:
        if isinstance(outcome, PreparedRecording):
            assert isinstance(outcome.prepared, Prepared)
            assert outcome.prepared.segments.shape == (2, 12, 2500)
    assert list(read_recordings([], FEATURES, ONLY_FEATURES, 1)) == []
