"""Does bulk work keep the device busy? `ecgfm features` through a running server, and `analysis.bulk` against the encoder alone.

    python -m benchmarks.make_checkpoints FULL
    export ECG_FEATURES_CHECKPOINT=FULL/random_pretrained.pt ECG_MODELS_DIR=FULL/models
    scripts/serve &
    PYTHONPATH=.:client python -m benchmarks.bulk --data /path/to/recordings --files 1000 --url http://127.0.0.1:8000

The recordings of a folder are repeated until there are enough. The server's share is what ecg_device_busy_seconds_total grew by
between the ends of the first and the last batch. The rate of `analysis.bulk` is from the end of its first batch on, and the
encoder's own is that of the same batches, ready in memory, before and after it. Without --url only the latter. Which
model: the server's settings in the environment, or --model and the others of `analysis.bulk`.
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice, pairwise
from pathlib import Path

from ecgfm_client.folders import Recording, find_recordings

from analysis.bulk import (
    BATCH_SEGMENTS,
    Embedded,
    Failed,
    Ready,
    devices_of,
    encode,
    on_this_machine,
    parser_here,
    read_one,
    run,
    what_is_asked,
)
from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from benchmarks.machine import machine
from encoder.devices import share_cores

ROOT = Path(__file__).parents[1]
BUSY = re.compile(r"^ecg_device_busy_seconds_total\{.*\} (\S+)$", re.MULTILINE)
LOOK_EVERY_S = 0.25
ALONE_S = 10.0  # the encoder alone, before, and as long after


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of recordings of any format")
    parser.add_argument("--files", type=int, default=1000, help="so many recordings (1000)")
    parser.add_argument("--url", help="a running server, for `ecgfm features`")
    options, others = parser.parse_known_args(arguments)
    share_cores()
    print(f"{machine('numpy', 'torch')}\n")
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as name:
        folder = Path(name)
        fill(folder / "in", find_recordings(options.data), options.files)
        if options.url:
            print(through_server(folder / "in", folder / "server.parquet", options.url), flush=True)
        print(without_server(parser_here().parse_args([str(folder / "in"), str(folder / "bulk.parquet"), *others])))


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
    command = [sys.executable, "-m", "ecgfm_client.cli", "features", str(folder), "--out", str(out), "--url", url]
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
class Clock:
    """An engine that notes when each recording came."""

    engine: partial[Iterator[Embedded | Failed]]
    came: list[tuple[float, int]] = field(default_factory=list)
    failed: int = 0

    def __call__(self, recordings: Sequence[Recording], features: FeatureOptions, deployment: Deployment) -> Iterator[Embedded | Failed]:
        for outcome in self.engine(recordings, features, deployment):
            if isinstance(outcome, Embedded):
                self.came.append((time.perf_counter(), outcome.segments))
            self.failed += isinstance(outcome, Failed)
            yield outcome

    def rate(self, batch_segments: int) -> float:
        """Segments a second after the first batch."""
        total, first = 0, None
        for at_s, segments in self.came:
            total += segments
            if first is None and total >= batch_segments:
                first = (at_s, total)
        if first is None or first[1] == total:
            raise SystemExit("analysis.bulk: fewer than two batches; give more --files")
        return (total - first[1]) / (self.came[-1][0] - first[0])


def without_server(options: argparse.Namespace) -> str:
    devices = devices_of(options)
    size = BATCH_SEGMENTS["cpu" if devices[0] == "cpu" else "cuda"]
    features, deployment = what_is_asked(options, cuda=devices[0] != "cpu")
    batch = _batch(find_recordings(options.input), features, deployment, size)
    before = alone(batch, features, deployment, devices[0], options.dtype)
    clock = Clock(partial(on_this_machine, devices=devices, dtype=options.dtype, processes=options.processes))
    run(options, clock, cuda=devices[0] != "cpu")
    after = alone(batch, features, deployment, devices[0], options.dtype)
    own, rate = (before + after) / 2 * len(devices), clock.rate(size)
    encoder = deployment.encoders[features.role]
    return (
        f"{encoder.name}, {len(devices)} x {devices[0]}: the encoder alone {own:.2f} segments/s ({before:.2f} before, {after:.2f} after)\n"
        f"analysis.bulk: {len(clock.came)} recordings, {clock.failed} failed, {rate:.2f} segments/s, {rate / own:.1%} of the encoder's own"
    )


def _batch(recordings: Sequence[Recording], features: FeatureOptions, deployment: Deployment, size: int) -> list[Ready]:
    """As `analysis.bulk` would put it together, of the first recordings that can be read."""
    batch: list[Ready] = []
    for recording in recordings:
        outcome = read_one(recording, features, deployment)
        if isinstance(outcome, Ready):
            batch.append(outcome)
        if sum(len(ready.prepared.segments) for ready in batch) >= size:
            break
    return batch


def alone(batch: Sequence[Ready], features: FeatureOptions, deployment: Deployment, device: str, dtype: str) -> float:
    """Segments a second of the encoder with nothing to wait for."""
    from analysis.encoders import load_runners

    runners, _ = load_runners(deployment, device, dtype)
    encode(batch, features, runners)
    began_s, runs = time.perf_counter(), 0
    while (now_s := time.perf_counter()) < began_s + ALONE_S:
        encode(batch, features, runners)
        runs += 1
    return runs * sum(len(ready.prepared.segments) for ready in batch) / (now_s - began_s)


if __name__ == "__main__":
    main()
