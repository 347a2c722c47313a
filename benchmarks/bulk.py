"""Does bulk work keep the device busy? `ecgfm features` through a running server, and `bulk` against the encoder alone.

    python -m benchmarks.make_checkpoints FULL
    export ECG_FEATURES_CHECKPOINT=FULL/random_pretrained.pt ECG_MODELS_DIR=FULL/models
    scripts/serve &
    PYTHONPATH=.:client python -m benchmarks.bulk --data /path/to/recordings --files 1000 --url http://127.0.0.1:8000

The recordings of a folder are repeated until there are enough. The server's share is what ecg_device_busy_seconds_total grew by
between the ends of the first and the last batch. `bulk` is run in rounds, each of a part of the files into the same table,
and before, between and after them the encoder alone encodes one of its batches that is ready in memory: what else the machine does
in these minutes falls on both. A round's rate is from the end of its first batch on. Without --url only the latter. Which model: the
server's settings in the environment, or --model and the others of `bulk`.
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
BUSY = re.compile(r"^ecg_device_busy_seconds_total\{.*\} (\S+)$", re.MULTILINE)
LOOK_EVERY_S = 0.25
ROUNDS = 5
ALONE_S = 8.0  # the encoder alone, before each round and after the last


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder of recordings of any format"
    )
    parser.add_argument("--files", type=int, default=1000, help="so many recordings (1000)")
    parser.add_argument("--url", help="a running server, for `ecgfm features`")
    options, others = parser.parse_known_args(arguments)
    limit_openmp_spinning()
    keep_freed_memory()
    print(f"{machine('numpy', 'torch')}\n")
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as name:
        folder = Path(name)
        fill(folder / "in", find_recordings(options.data), options.files)
        if options.url:
            print(through_server(folder / "in", folder / "server.parquet", options.url), flush=True)
        print(
            without_server(
                local_parser().parse_args(
                    [str(folder / "in"), str(folder / "bulk.parquet"), *others]
                )
            )
        )


def fill(folder: Path, recordings: Sequence[Recording], count: int) -> None:
    """`count` recordings, each in a folder of its own, as links."""
    if not recordings:
        raise SystemExit("--data: no recordings in that folder")
    for number, recording in enumerate(islice(cycle(recordings), count)):
        own = folder / f"{number:06d}"
        own.mkdir(parents=True)
        for file in recording.files:
            (own / file.name).symlink_to(file.resolve())


def through_server(folder: Path, out: Path, url: str) -> str:
    """The share of time in which a device worked, while the client was running."""
    command = [
        sys.executable,
        "-m",
        "ecgfm_client.cli",
        "features",
        str(folder),
        "--out",
        str(out),
        "--url",
        url,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    seen = [(time.perf_counter(), *busy_s(url))]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as client:
        while client.poll() is None:
            time.sleep(LOOK_EVERY_S)
            seen.append((time.perf_counter(), *busy_s(url)))
        said = client.stderr.read().splitlines() if client.stderr else []
    # The counter grows when a batch ends: between two such moments it holds whole batches.
    ends = [now for before, now in pairwise(seen) if now[1] > before[1]]
    if len(ends) < 2:
        raise SystemExit(f"ecgfm features: fewer than two batches were seen; it said {said[-1:]}")
    (began_s, busy_then_s, devices), (ended_s, busy_now_s, _) = ends[0], ends[-1]
    share = (busy_now_s - busy_then_s) / (ended_s - began_s) / devices
    return f"ecgfm features: {said[-1]}\n{devices} device busy {share:.1%} of {ended_s - began_s:.0f} s"


def busy_s(url: str) -> tuple[float, int]:
    """Busy seconds of all devices so far, and how many devices have worked."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        found = [float(value) for value in BUSY.findall(answer.read().decode())]
    return sum(found), len(found)


@dataclass
class Rounds:
    """An engine that works in rounds, does something else before each and after the last, and notes when each recording came."""

    engine: partial[Iterator[EmbeddedRecording | FailedRecording]]
    between: Callable[[], None]
    came: list[list[tuple[float, int]]] = field(default_factory=list)
    failed: int = 0

    def __call__(
        self, recordings: Sequence[Recording], features: FeatureOptions, deployment: Deployment
    ) -> Iterator[EmbeddedRecording | FailedRecording]:
        for number in range(ROUNDS):
            self.between()
            self.came.append([])
            for outcome in self.engine(recordings[number::ROUNDS], features, deployment):
                if isinstance(outcome, EmbeddedRecording):
                    self.came[-1].append((time.perf_counter(), outcome.segments))
                self.failed += isinstance(outcome, FailedRecording)
                yield outcome
        self.between()

    def rates(self, batch_segments: int) -> list[float]:
        """Segments a second of each round after its first batch."""
        return [_rate(came, batch_segments) for came in self.came]


def _rate(came: Sequence[tuple[float, int]], batch_segments: int) -> float:
    total, first = 0, None
    for at_s, segments in came:
        total += segments
        if first is None and total >= batch_segments:
            first = (at_s, total)
    if first is None or first[1] == total:
        raise SystemExit("bulk: fewer than two batches a round; give more --files")
    return (total - first[1]) / (came[-1][0] - first[0])


def without_server(options: argparse.Namespace) -> str:
    devices = requested_devices(options)
    size = BATCH_SEGMENTS["cpu" if devices[0] == "cpu" else "cuda"]
    features, deployment = choose_encoder(options, cuda=devices[0] != "cpu")
    batch = _batch(find_recordings(options.input), features, deployment, size)
    own: list[float] = []
    rounds = Rounds(
        partial(local_engine, devices=devices, dtype=options.dtype, processes=options.processes),
        lambda: own.append(
            len(devices) * alone(batch, features, deployment, devices[0], options.dtype)
        ),
    )
    run_job(options, rounds, cuda=devices[0] != "cpu")
    rates, encoder = rounds.rates(size), deployment.encoders[features.role]
    return (
        f"{encoder.name}, {len(devices)} x {devices[0]}: the encoder alone {_each(own)}\n"
        f"bulk: {sum(map(len, rounds.came))} recordings, {rounds.failed} failed, {_each(rates)}; "
        f"{median(rates) / median(own):.1%} of the encoder's own"
    )


def _each(rates: Sequence[float]) -> str:
    return f"{median(rates):.2f} segments/s ({', '.join(f'{rate:.2f}' for rate in rates)})"


def _batch(
    recordings: Sequence[Recording], features: FeatureOptions, deployment: Deployment, size: int
) -> list[PreparedRecording]:
    """As `bulk` would put it together, of the first recordings that can be read."""
    batch: list[PreparedRecording] = []
    for recording in recordings:
        outcome = read_recording(recording, features, deployment)
        if isinstance(outcome, PreparedRecording):
            batch.append(outcome)
        if sum(len(ready.prepared.segments) for ready in batch) >= size:
            break
    return batch


def alone(
    batch: Sequence[PreparedRecording],
    features: FeatureOptions,
    deployment: Deployment,
    device: str,
    dtype: str,
) -> float:
    """Segments a second of the encoder with nothing to wait for."""
    from analysis.encoders import load_runners

    runners, _ = load_runners(deployment, device, dtype)
    encode_batch(batch, features, runners)
    began_s, runs = time.perf_counter(), 0
    while (now_s := time.perf_counter()) < began_s + ALONE_S:
        encode_batch(batch, features, runners)
        runs += 1
    return runs * sum(len(ready.prepared.segments) for ready in batch) / (now_s - began_s)


if __name__ == "__main__":
    main()
