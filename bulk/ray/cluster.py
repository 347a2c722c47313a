"""Embeddings of a folder's recordings on the machines of a Ray cluster: `bulk` with Ray Data as its engine.

    python -m bulk.ray IN OUT.parquet [--address HOST:PORT] [--encoder features] [--model auto] [--dtype auto]

Tasks on every machine read recordings and cut them into segments, an actor for each GPU (without any, one for each machine)
encodes them, and what comes back is written here: shards, resumption and the form of OUT are those of `bulk`.
bulk/ray/README.md says what the machines must have in common.
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
from bulk.run import BATCH_SEGMENTS, Embedded, Failed, Ready, encode, parser_of, read_one, run
from encoder.devices import SHORT_SPINS, keep_freed_memory
from errors import EcgError, ModelStoreError
from model_store.bundle import load_bundle

ROOT = Path(__file__).parents[2]
USUAL_SEGMENTS = 2  # of a 10 s recording
RECORDINGS_A_BLOCK = (
    64  # a block's embeddings come back together: what a stopped run may lose for each actor
)
ENCODER_MEMORY_BYTES = (
    2 * 2**30
)  # a full-size encoder's 0.4 GB in float32, its copy while it is loaded, and a batch
Column = dict[str, NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("python -m bulk.ray", __doc__)
    parser.add_argument(
        "--address",
        help="of the cluster's head (default: RAY_ADDRESS, else a cluster of this machine alone)",
    )
    options = parser.parse_args(arguments)
    os.environ.setdefault(
        "RAY_USAGE_STATS_ENABLED", "0"
    )  # a cluster that is begun here reports to nobody
    paths = os.pathsep.join([str(ROOT), str(ROOT / "client")])
    try:
        ray.init(
            options.address,
            runtime_env={
                "env_vars": {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", **SHORT_SPINS}
            },
        )
        context = DataContext.get_current()
        context.enable_progress_bars = False  # there is one for all
        context.enable_fallback_to_arrow_object_ext_type = (
            True  # what passes between tasks are our own objects
        )
        actors, each = _actors()
        return run(
            options,
            partial(on_cluster, dtype=options.dtype, actors=actors, each=each),
            cuda="num_gpus" in each,
        )
    except (UnusableInput, ModelStoreError, EcgError, ConnectionError) as error:
        print(f"bulk.ray: {error}", file=sys.stderr)
        return 2
    finally:
        ray.shutdown()


def on_cluster(
    recordings: Sequence[Recording],
    options: FeatureOptions,
    deployment: Deployment,
    *,
    dtype: str,
    actors: int,
    each: dict[str, float],
) -> Iterator[Embedded | Failed]:
    """An engine of Ray tasks that read and of `actors` that encode, with the resources `each`."""
    if not recordings:
        return
    size = BATCH_SEGMENTS["cuda" if "num_gpus" in each else "cpu"] // USUAL_SEGMENTS
    outcomes = (
        ray.data.from_items(
            list(recordings), override_num_blocks=-(-len(recordings) // RECORDINGS_A_BLOCK)
        )
        .map_batches(_read, batch_size=size, num_cpus=1, fn_args=(options, deployment))
        .map_batches(
            _Encoder,
            batch_size=size,
            compute=ActorPoolStrategy(size=actors),
            fn_constructor_args=(options, deployment, dtype),
            memory=ENCODER_MEMORY_BYTES,  # also keeps Ray from fusing both steps, as it does with alike ones: devices would wait for files
            **each,
        )
    )
    for row in outcomes.iter_rows():
        yield row["item"]


def _read(batch: Column, options: FeatureOptions, deployment: Deployment) -> Column:
    return _column([read_one(recording, options, deployment) for recording in batch["item"]])


class _Encoder:
    """The encoder on this actor's own device."""

    def __init__(self, options: FeatureOptions, deployment: Deployment, dtype: str) -> None:
        from analysis.encoders import load_runners

        _check_weights(deployment)
        keep_freed_memory()
        self._options = options
        self._runners = load_runners(deployment, "cuda:0" if ray.get_gpu_ids() else "cpu", dtype)[
            0
        ]  # Ray shows it no other

    def __call__(self, batch: Column) -> Column:
        ready = [outcome for outcome in batch["item"] if isinstance(outcome, Ready)]
        failed = [outcome for outcome in batch["item"] if isinstance(outcome, Failed)]
        return _column([*failed, *(encode(ready, self._options, self._runners) if ready else ())])


def _check_weights(deployment: Deployment) -> None:
    """The folder must hold on every machine what the table is said to be made with. Raises ModelStoreError."""
    for encoder in deployment.encoders.values():
        found = load_bundle(Path(encoder.folder)).sha256
        if found != encoder.sha256:
            raise ModelStoreError(
                f"{encoder.folder} holds other weights here (sha256 {found}) than where the run was begun"
            )


def _column(values: Sequence[object]) -> Column:
    column = np.empty(len(values), object)
    column[:] = values
    return {"item": column}


def _actors() -> tuple[int, dict[str, float]]:
    """How many, and what each takes. Raises UnusableInput where nothing would be left for reading."""
    cpus = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    gpus = int(ray.cluster_resources().get("GPU", 0))
    machines = [count for count in cpus if count]
    actors, each = (
        (gpus, {"num_gpus": 1.0})
        if gpus
        else (len(machines), {"num_cpus": float(max(1, min(machines, default=1) // 2))})
    )
    if sum(machines) <= actors * each.get("num_cpus", 1):
        raise UnusableInput(
            f"the cluster has {sum(machines)} CPUs for {actors} encoders; at least one more must be left for reading files"
        )
    return actors, each
