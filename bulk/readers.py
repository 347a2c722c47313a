"""Processes that read recordings and cut them into segments, ahead of the encoder."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from ecgfm_client.folders import Recording

from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from bulk.outcomes import FailedRecording, PreparedRecording
from bulk.recordings import read_recording

# Keeps memory constant when the encoder is slower than the processes that read.
RECORDINGS_IN_FLIGHT_PER_PROCESS = 4


def read_recordings(
    recordings: Sequence[Recording],
    options: FeatureOptions,
    deployment: Deployment,
    processes: int,
) -> Iterator[PreparedRecording | FailedRecording]:
    """Yield every recording once it is read, in the order of completion."""
    waiting = iter(recordings)
    in_flight_limit = RECORDINGS_IN_FLIGHT_PER_PROCESS * processes
    # Spawned, not forked: this process runs the encoder's threads, and a fork copies their locks.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        in_flight: set[Future[PreparedRecording | FailedRecording]] = set()
        exhausted = False
        while in_flight or not exhausted:
            while not exhausted and len(in_flight) < in_flight_limit:
                recording = next(waiting, None)
                if recording is None:
                    exhausted = True
                else:
                    in_flight.add(pool.submit(read_recording, recording, options, deployment))
            if not in_flight:
                return
            completed, in_flight = wait(in_flight, return_when=FIRST_COMPLETED)
            for future in completed:
                yield future.result()
