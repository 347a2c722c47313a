"""An engine turns recordings into embeddings; the one here uses the devices of this machine."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ecgfm_client.folders import Recording

from analysis.deployment import Deployment
from analysis.embedding import embed
from analysis.forward import Piece, Runner, forward
from analysis.options import FeatureOptions
from bulk.outcomes import EmbeddedRecording, FailedRecording, PreparedRecording
from bulk.readers import read_recordings
from model_store.manifest import Role

BATCH_SEGMENTS = {"cpu": 8, "cuda": 128}
# Batches in flight for each device: one that it works on, and two that wait.
AHEAD_BATCHES = 3

Engine = Callable[
    [Sequence[Recording], FeatureOptions, Deployment],
    Iterator[EmbeddedRecording | FailedRecording],
]
"""Yields the outcome of every recording, in the order of completion."""


def local_engine(
    recordings: Sequence[Recording],
    options: FeatureOptions,
    deployment: Deployment,
    *,
    devices: list[str],
    dtype: str,
    processes: int,
) -> Iterator[EmbeddedRecording | FailedRecording]:
    """Embed on this machine: one encoder thread for each device, `processes` reader processes."""
    from analysis.encoders import load_runners

    if not recordings:
        return
    idle: queue.SimpleQueue[Mapping[Role, Runner]] = queue.SimpleQueue()

    def encode_on_idle_device(batch: list[PreparedRecording]) -> list[EmbeddedRecording]:
        runners = idle.get()
        embedded = encode_batch(batch, options, runners)
        idle.put(runners)
        return embedded

    batch_segments = BATCH_SEGMENTS["cpu" if devices[0] == "cpu" else "cuda"]
    in_flight_limit = AHEAD_BATCHES * len(devices)
    with ThreadPoolExecutor(len(devices)) as pool:
        # The encoders load while the reader processes start.
        loading = [pool.submit(load_runners, deployment, device, dtype) for device in devices]
        in_flight: set[Future[list[EmbeddedRecording]]] = set()
        prepared = read_recordings(recordings, options, deployment, processes)
        for batch in _batches(prepared, batch_segments):
            if isinstance(batch, FailedRecording):
                yield batch
                continue
            while loading:
                idle.put(loading.pop().result()[0])
            in_flight.add(pool.submit(encode_on_idle_device, batch))
            timeout_s = None if len(in_flight) >= in_flight_limit else 0
            completed, in_flight = wait(in_flight, timeout_s, return_when=FIRST_COMPLETED)
            for future in completed:
                yield from future.result()
        for future in in_flight:
            yield from future.result()


def encode_batch(
    batch: Sequence[PreparedRecording],
    options: FeatureOptions,
    runners: Mapping[Role, Runner],
) -> list[EmbeddedRecording]:
    """Return the embedding of each recording, from one encoder run over all their segments."""
    pieces = [Piece(item.prepared.segments, item.prepared.needs) for item in batch]
    embedded = []
    for item, encoded in zip(batch, forward(pieces, runners), strict=True):
        row = EmbeddedRecording(
            record_id=item.name,
            embedding=embed(encoded[options.role], options),
            segments=len(item.prepared.segments),
            warnings=list(item.prepared.warnings),
        )
        embedded.append(row)
    return embedded


def _batches(
    outcomes: Iterator[PreparedRecording | FailedRecording], batch_segments: int
) -> Iterator[list[PreparedRecording] | FailedRecording]:
    """Group recordings until they have `batch_segments` segments; pass failures on at once."""
    batch: list[PreparedRecording] = []
    segments = 0
    for outcome in outcomes:
        if isinstance(outcome, FailedRecording):
            yield outcome
            continue
        batch.append(outcome)
        segments += len(outcome.prepared.segments)
        if segments >= batch_segments:
            yield batch
            batch = []
            segments = 0
    if batch:
        yield batch
