"""Compute embeddings of many recordings on a Ray cluster: `bulk` with Ray Data as its engine.

    python -m bulk.ray IN OUT.parquet [--address HOST:PORT] [--encoder features] [--model auto]
                                      [--dtype auto]

Tasks on every machine read recordings and cut them into segments. One actor for each GPU encodes
them; a cluster without GPUs has one actor for each machine. The results are written on this
machine; shards, resumption and the layout of OUT are those of `bulk`.
bulk/ray/README.md lists what the machines must have in common.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.data
from ecgfm_client.errors import UnusableInput
from ecgfm_client.folders import Recording
from numpy.typing import NDArray
from ray.data import ActorPoolStrategy, DataContext

from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from bulk.command import base_parser, warn_of_misspelt_variables
from bulk.engine import BATCH_SEGMENTS, encode_batch
from bulk.job import run_job
from bulk.outcomes import EmbeddedRecording, FailedRecording, PreparedRecording
from bulk.recordings import read_recording
from encoder.devices import SHORT_SPIN_VARIABLES, keep_freed_memory
from errors import EcgError, ModelStoreError
from model_store.bundle import load_bundle

ROOT = Path(__file__).parents[2]
USUAL_SEGMENTS = 2  # of a 10 s recording
# The embeddings of a block arrive together, so this is what an interrupted run may lose for each
# actor.
RECORDINGS_A_BLOCK = 64
# A full-size encoder in float32 (0.4 GB), its copy while it is loaded, and a batch.
ENCODER_MEMORY_BYTES = 2 * 2**30
Column = dict[str, NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m bulk.ray` and return its exit status, with the same meaning as in `bulk`."""
    parser = base_parser("python -m bulk.ray", __doc__)
    parser.add_argument(
        "--address",
        help="the cluster's head node (default: RAY_ADDRESS, else start a cluster of this machine)",
    )
    options = parser.parse_args(arguments)
    warn_of_misspelt_variables()
    # A cluster that this command starts sends no usage statistics.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _connect(options.address)
        actors, resources = _actors()
        engine = partial(
            _cluster_engine, dtype=options.dtype, actors=actors, actor_resources=resources
        )
        return run_job(options, engine, cuda="num_gpus" in resources)
    except (UnusableInput, ModelStoreError, EcgError, ConnectionError) as error:
        print(f"bulk.ray: {error}", file=sys.stderr)
        return 2
    finally:
        ray.shutdown()


def _connect(address: str | None) -> None:
    """Join the cluster, or start one, with the environment that its tasks need."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "client")])
    environment = {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", **SHORT_SPIN_VARIABLES}
    ray.init(address, runtime_env={"env_vars": environment})
    context = DataContext.get_current()
    # `run_job` shows one progress bar for all steps.
    context.enable_progress_bars = False
    # Our own objects pass between the tasks.
    context.enable_fallback_to_arrow_object_ext_type = True


def _cluster_engine(
    recordings: Sequence[Recording],
    options: FeatureOptions,
    deployment: Deployment,
    *,
    dtype: str,
    actors: int,
    actor_resources: dict[str, float],
) -> Iterator[EmbeddedRecording | FailedRecording]:
    """Embed on the cluster: tasks read, `actors` actors with `actor_resources` each encode."""
    if not recordings:
        return
    kind = "cuda" if "num_gpus" in actor_resources else "cpu"
    batch_recordings = BATCH_SEGMENTS[kind] // USUAL_SEGMENTS
    blocks = -(-len(recordings) // RECORDINGS_A_BLOCK)
    source = ray.data.from_items(list(recordings), override_num_blocks=blocks)
    prepared = source.map_batches(
        _read, batch_size=batch_recordings, num_cpus=1, fn_args=(options, deployment)
    )
    # The memory request also keeps Ray from fusing both steps, as it does with steps of equal
    # resources: the devices would wait for files.
    outcomes = prepared.map_batches(
        _Encoder,
        batch_size=batch_recordings,
        compute=ActorPoolStrategy(size=actors),
        fn_constructor_args=(options, deployment, dtype),
        memory=ENCODER_MEMORY_BYTES,
        **actor_resources,
    )
    for row in outcomes.iter_rows():
        yield row["item"]


def _read(batch: Column, options: FeatureOptions, deployment: Deployment) -> Column:
    """Read and prepare a batch of recordings."""
    return _column([read_recording(recording, options, deployment) for recording in batch["item"]])


class _Encoder:
    """An actor that runs the encoder on its own device."""

    def __init__(self, options: FeatureOptions, deployment: Deployment, dtype: str) -> None:
        from analysis.encoders import load_runners

        _check_weights(deployment)
        keep_freed_memory()
        self._options = options
        # Ray makes only this actor's GPU visible, so it always has number 0.
        device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        self._runners, _ = load_runners(deployment, device, dtype)

    def __call__(self, batch: Column) -> Column:
        prepared = []
        outcomes: list[object] = []
        for outcome in batch["item"]:
            if isinstance(outcome, PreparedRecording):
                prepared.append(outcome)
            else:
                outcomes.append(outcome)
        if prepared:
            outcomes += encode_batch(prepared, self._options, self._runners)
        return _column(outcomes)


def _check_weights(deployment: Deployment) -> None:
    """Check that this machine's bundles hold the weights that the table states.

    Raises ModelStoreError if not.
    """
    for encoder in deployment.encoders.values():
        sha256 = load_bundle(Path(encoder.folder)).sha256
        if sha256 != encoder.sha256:
            raise ModelStoreError(
                f"{encoder.folder}: this machine's weights have sha256 {sha256}; the run was "
                f"started with {encoder.sha256}"
            )


def _column(values: Sequence[object]) -> Column:
    """A Ray batch of one column. Filled by assignment: np.array would look into the objects."""
    column = np.empty(len(values), object)
    column[:] = values
    return {"item": column}


def _actors() -> tuple[int, dict[str, float]]:
    """Return the number of encoder actors and the resources of each.

    Raises UnusableInput if no CPU would be left for reading.
    """
    cpus = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    machines = [count for count in cpus if count]
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if gpus:
        actors = gpus
        resources = {"num_gpus": 1.0}
    else:
        actors = len(machines)
        resources = {"num_cpus": float(max(1, min(machines, default=1) // 2))}
    if sum(machines) <= actors * resources.get("num_cpus", 1):
        raise UnusableInput(
            f"the cluster has {sum(machines)} CPUs for {actors} encoders; at least one more is "
            "needed for reading files"
        )
    return actors, resources
