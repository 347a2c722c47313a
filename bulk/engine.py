"""The type of an engine, which embeds recordings, and the engine for one machine's devices."""

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

# Segments after which a batch is full, as in the server (server/stages/backlog.py).
BATCH_SEGMENTS = {"cpu": 8, "cuda": 128}
# One that the device works on, and two that wait.
BATCHES_IN_FLIGHT_PER_DEVICE = 3

Engine = Callable[
    [Sequence[Recording], FeatureOptions, Deployment],
    Iterator[EmbeddedRecording | FailedRecording],
]
"""A function that yields the outcome of every recording, in the order of completion."""


def local_engine(
    recordings: Sequence[Recording],
    options: FeatureOptions,
    deployment: Deployment,
    *,
    devices: list[str],
    dtype: str,
    processes: int,
) -> Iterator[EmbeddedRecording | FailedRecording]:
    """Yield the outcome of every recording, in the order of completion.

    Each device has one encoder thread. `processes` processes read the recordings.

    devices  "cpu" alone, or CUDA devices
    dtype    as for `load_runners`
    """
    from analysis.encoders import load_runners

    if not recordings:
        return
    idle_runners: queue.SimpleQueue[Mapping[Role, Runner]] = queue.SimpleQueue()

    def encode_on_idle_device(batch: list[PreparedRecording]) -> list[EmbeddedRecording]:
        runners = idle_runners.get()
        embedded = encode_batch(batch, options, runners)
        idle_runners.put(runners)
        return embedded

    batch_segments = BATCH_SEGMENTS["cpu" if devices[0] == "cpu" else "cuda"]
    in_flight_limit = BATCHES_IN_FLIGHT_PER_DEVICE * len(devices)
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
                runners, _ = loading.pop().result()
                idle_runners.put(runners)
            in_flight.add(pool.submit(encode_on_idle_device, batch))
            # At the limit, wait for a batch; below it, only take the results that are ready.
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
    """Return the embedding of each recording; the encoder runs once, over the segments of all."""
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
    """Yield batches of at least `batch_segments` segments, and a smaller last one.

    A failed recording is yielded at once, alone.
    """
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
