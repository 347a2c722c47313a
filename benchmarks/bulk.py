"""Measure whether bulk work keeps the device busy.

    python -m benchmarks.make_checkpoints FULL
    export ECG_FEATURES_CHECKPOINT=FULL/random_pretrained.pt ECG_MODELS_DIR=FULL/models
    scripts/serve &
    PYTHONPATH=.:client python -m benchmarks.bulk --data /path/to/recordings --files 1000 --url
    http://127.0.0.1:8000

It measures `ecgfm features` through a running server (with --url), and `bulk` against the encoder
alone.

The recordings of a folder are repeated until there are enough. The server's share is the increase
of ecg_device_busy_seconds_total between the ends of the first and the last batch. `bulk` is run in
rounds, each with a part of the files, into the same table. Before, between and after the rounds the
encoder alone encodes one of its batches from memory, so that other load affects both. A round's
rate counts from the end of its first batch. The model is that of the server's settings in the
environment, or of --model and the other options of `bulk`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice, pairwise
from pathlib import Path
from statistics import median

from ecgfm_client.folders import Recording, find_recordings

from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from benchmarks.machine import machine
from bulk.command import local_parser, requested_devices
from bulk.engine import BATCH_SEGMENTS, encode_batch, local_engine
from bulk.job import choose_encoder, run_job
from bulk.outcomes import EmbeddedRecording, FailedRecording, PreparedRecording
from bulk.recordings import read_recording
from encoder.devices import keep_freed_memory, limit_openmp_spinning

ROOT = Path(__file__).parents[1]
BUSY_SECONDS = re.compile(r"^ecg_device_busy_seconds_total\{.*\} (\S+)$", re.MULTILINE)
POLL_INTERVAL_S = 0.25
ROUNDS = 5
ENCODER_ALONE_S = 8.0  # before each round and after the last


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder of recordings of any format"
    )
    parser.add_argument("--files", type=int, default=1000, help="number of recordings (1000)")
    parser.add_argument("--url", help="a running server, for `ecgfm features`")
    options, bulk_options = parser.parse_known_args(arguments)
    limit_openmp_spinning()
    keep_freed_memory()
    print(f"{machine('numpy', 'torch')}\n")
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as name:
        folder = Path(name)
        recordings = folder / "in"
        _link_recordings(recordings, find_recordings(options.data), options.files)
        if options.url:
            print(_measure_server(recordings, folder / "server.parquet", options.url), flush=True)
        table = folder / "bulk.parquet"
        print(
            _measure_bulk(local_parser().parse_args([str(recordings), str(table), *bulk_options]))
        )


def _link_recordings(folder: Path, recordings: Sequence[Recording], count: int) -> None:
    """Create `count` folders with links to one recording each."""
    if not recordings:
        raise SystemExit("--data: no recordings in that folder")
    for number, recording in enumerate(islice(cycle(recordings), count)):
        subfolder = folder / f"{number:06d}"
        subfolder.mkdir(parents=True)
        for file in recording.files:
            (subfolder / file.name).symlink_to(file.resolve())


@dataclass(frozen=True)
class _Reading:
    """The server's counter: busy seconds of all devices, and how many devices have worked."""

    at_s: float
    busy_s: float
    devices: int


def _measure_server(folder: Path, out: Path, url: str) -> str:
    """Return the share of time in which a device worked while the client was running."""
    features = ["ecgfm_client.cli", "features", str(folder)]
    command = [sys.executable, "-m", *features, "--out", str(out), "--url", url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    readings = [_read_counter(url)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as client:
        while client.poll() is None:
            time.sleep(POLL_INTERVAL_S)
            readings.append(_read_counter(url))
        output = client.stderr.read().splitlines() if client.stderr else []
    # The counter grows when a batch ends: between two such moments it covers whole batches.
    ends = [now for before, now in pairwise(readings) if now.busy_s > before.busy_s]
    if len(ends) < 2:
        raise SystemExit(f"ecgfm features: fewer than two batches; its last output: {output[-1:]}")
    first, last = ends[0], ends[-1]
    elapsed_s = last.at_s - first.at_s
    share = (last.busy_s - first.busy_s) / elapsed_s / first.devices
    busy = f"{first.devices} device busy {share:.1%} of {elapsed_s:.0f} s"
    return f"ecgfm features: {output[-1]}\n{busy}"


def _read_counter(url: str) -> _Reading:
    at_s = time.perf_counter()
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        values = [float(value) for value in BUSY_SECONDS.findall(answer.read().decode())]
    return _Reading(at_s, sum(values), len(values))


@dataclass
class _RoundsEngine:
    """An engine for `run_job` that works in rounds.

    engine    encodes a part of the recordings
    between   called before each round and after the last
    arrivals  for each round the time and the number of segments of each recording
    failed    number of recordings that failed
    """

    engine: partial[Iterator[EmbeddedRecording | FailedRecording]]
    between: Callable[[], None]
    arrivals: list[list[tuple[float, int]]] = field(default_factory=list)
    failed: int = 0

    def __call__(
        self, recordings: Sequence[Recording], features: FeatureOptions, deployment: Deployment
    ) -> Iterator[EmbeddedRecording | FailedRecording]:
        for number in range(ROUNDS):
            self.between()
            self.arrivals.append([])
            for outcome in self.engine(recordings[number::ROUNDS], features, deployment):
                if isinstance(outcome, EmbeddedRecording):
                    self.arrivals[-1].append((time.perf_counter(), outcome.segments))
                else:
                    self.failed += 1
                yield outcome
        self.between()

    def rates(self, batch_segments: int) -> list[float]:
        """Return segments a second of each round, after its first batch."""
        return [_rate(arrivals, batch_segments) for arrivals in self.arrivals]


def _rate(arrivals: Sequence[tuple[float, int]], batch_segments: int) -> float:
    """Return segments a second after the first batch of a round."""
    total = 0
    first_end_s = 0.0
    first_total = 0
    for at_s, segments in arrivals:
        total += segments
        if not first_total and total >= batch_segments:
            first_end_s = at_s
            first_total = total
    if first_total in (0, total):
        raise SystemExit("bulk: fewer than two batches a round; give more --files")
    last_s, _ = arrivals[-1]
    return (total - first_total) / (last_s - first_end_s)


def _measure_bulk(options: argparse.Namespace) -> str:
    """Return the rates of `bulk` and of the encoder alone, and their ratio."""
    devices = requested_devices(options)
    cuda = devices[0] != "cpu"
    batch_segments = BATCH_SEGMENTS["cuda" if cuda else "cpu"]
    features, deployment = choose_encoder(options, cuda=cuda)
    batch = _first_batch(find_recordings(options.input), features, deployment, batch_segments)
    encoder_rates: list[float] = []

    def measure_encoder() -> None:
        rate = _encoder_rate(batch, features, deployment, devices[0], options.dtype)
        encoder_rates.append(len(devices) * rate)

    engine = partial(
        local_engine, devices=devices, dtype=options.dtype, processes=options.processes
    )
    rounds = _RoundsEngine(engine, measure_encoder)
    run_job(options, rounds, cuda=cuda)
    rates = rounds.rates(batch_segments)
    recordings = sum(map(len, rounds.arrivals))
    encoder = deployment.encoders[features.role]
    share = median(rates) / median(encoder_rates)
    return (
        f"{encoder.name}, {len(devices)} x {devices[0]}: "
        f"the encoder alone {_listed(encoder_rates)}\n"
        f"bulk: {recordings} recordings, {rounds.failed} failed, {_listed(rates)}; "
        f"{share:.1%} of the encoder's own"
    )


def _listed(rates: Sequence[float]) -> str:
    """Return the median and all rates."""
    values = ", ".join(f"{rate:.2f}" for rate in rates)
    return f"{median(rates):.2f} segments/s ({values})"


def _first_batch(
    recordings: Sequence[Recording], features: FeatureOptions, deployment: Deployment, size: int
) -> list[PreparedRecording]:
    """Return a batch as `bulk` assembles it, from the first recordings that can be read."""
    batch: list[PreparedRecording] = []
    for recording in recordings:
        outcome = read_recording(recording, features, deployment)
        if isinstance(outcome, PreparedRecording):
            batch.append(outcome)
        if _segments(batch) >= size:
            break
    return batch


def _segments(batch: Sequence[PreparedRecording]) -> int:
    return sum(len(recording.prepared.segments) for recording in batch)


def _encoder_rate(
    batch: Sequence[PreparedRecording],
    features: FeatureOptions,
    deployment: Deployment,
    device: str,
    dtype: str,
) -> float:
    """Return segments a second of the encoder alone."""
    # Imported here because OpenMP's settings must be made before torch is loaded (see main).
    from analysis.encoders import load_runners

    runners, _ = load_runners(deployment, device, dtype)
    encode_batch(batch, features, runners)
    start_s = time.perf_counter()
    elapsed_s = 0.0
    runs = 0
    while elapsed_s < ENCODER_ALONE_S:
        encode_batch(batch, features, runners)
        runs += 1
        elapsed_s = time.perf_counter() - start_s
    return runs * _segments(batch) / elapsed_s


if __name__ == "__main__":
    main()
