"""Embeddings of a folder's recordings without HTTP: the server's own core, on this machine's devices.

    python -m bulk IN OUT.parquet [--encoder features] [--model auto] [--device auto] [--dtype auto]

IN is a folder, or a Parquet or CSV table whose column `path` names files (of a WFDB recording its header). Reading and cutting
into segments happens in processes of their own, the devices never wait for one file. Shards, resumption and the form of
OUT are the client's (`pip install ./client`), and so are the embeddings those that the server gives. `bulk/ray` does the same on
many machines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.answer import embed
from analysis.deployment import Deployment, deployment_of
from analysis.forward import Piece, Runner, forward
from analysis.options import FeatureOptions, feature_options
from analysis.prepare import Prepared, prepare
from encoder.devices import (
    cuda_device_count,
    keep_freed_memory,
    limit_openmp_spinning,
    resolve_devices,
)
from errors import EcgError, ModelStoreError
from formats.parts import Part
from formats.registry import DEFAULT_MAX_BYTES, read
from model_store.choose import choose_models
from model_store.manifest import Role, default_models_dir

try:
    from ecgfm_client.errors import UnusableInput
    from ecgfm_client.folders import Recording, find_recordings, recording_of
    from ecgfm_client.results import Encoder
    from ecgfm_client.rows import made_with
    from ecgfm_client.tables import Table
except ImportError as error:  # it brings pyarrow along, which serving does not need
    raise SystemExit(f"bulk needs the client's tables: pip install ./client ({error})") from None

BATCH_SEGMENTS = {"cpu": 8, "cuda": 128}
AHEAD_BATCHES = 3  # for each device: one that it works on, and two that wait
MAX_SECONDS = 86_400.0  # a day: a long recording costs time here, nobody waits


@dataclass(frozen=True)
class Failed:
    """A recording that has no embedding, with an error's code and sentence."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True)
class Ready:
    name: str
    prepared: Prepared


@dataclass(frozen=True)
class Embedded:
    """A row of the table: the recording's embedding as the options have it, of so many segments."""

    record_id: str
    embedding: NDArray[np.float32]
    segments: int
    warnings: list[str]


Engine = Callable[[Sequence[Recording], FeatureOptions, Deployment], Iterator[Embedded | Failed]]
"""Recordings to their embeddings, in the order in which they come."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser_here().parse_args(arguments)
    limit_openmp_spinning()
    keep_freed_memory()
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # for the readers; the encoder's threads are torch's own
    try:
        devices = devices_of(options)
        here = partial(
            on_this_machine, devices=devices, dtype=options.dtype, processes=options.processes
        )
        return run(options, here, cuda=devices[0] != "cpu")
    except (UnusableInput, ModelStoreError, EcgError) as error:
        print(f"bulk: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace, engine: Engine, *, cuda: bool) -> int:
    """cuda: whether the engine's devices are GPUs. -> 0, or 1 where some recording failed.

    Raises UnusableInput, ModelStoreError, BadOption.
    """
    recordings = list_recordings(options.input)
    features, deployment = what_is_asked(options, cuda=cuda)
    table = Table(options.out)
    table.open()
    try:
        encoder = deployment.encoders[features.role]
        table.must_match(
            made_with(Encoder(encoder.name, encoder.revision, encoder.sha256), **_asked(options))
        )
        waiting = [recording for recording in recordings if recording.name not in table.done]
        began, failed = time.monotonic(), 0
        for outcome in tqdm(
            engine(waiting, features, deployment),
            total=len(waiting),
            unit="ECG",
            smoothing=0.05,
            disable=None,
        ):
            failed += isinstance(outcome, Failed)
            _keep(outcome, table)
    finally:
        table.flush()
        table.close()
    _say(
        table.finish(), len(waiting) - failed, failed, time.monotonic() - began, options.out, table
    )
    return 1 if failed else 0


def what_is_asked(options: argparse.Namespace, *, cuda: bool) -> tuple[FeatureOptions, Deployment]:
    """The embedding, and a deployment of the one encoder that gives it. Raises ModelStoreError, BadOption."""
    deployment = _deployment(options, cuda=cuda)
    features = feature_options(
        {name: value for name, value in _asked(options).items() if value is not None}, deployment
    )
    return features, replace(
        deployment, encoders={features.role: deployment.encoders[features.role]}
    )


def _asked(options: argparse.Namespace) -> dict[str, str | int | None]:
    return {"model": options.encoder, "pooling": options.pooling, "layer": options.layer}


def list_recordings(path: Path) -> list[Recording]:
    """Of a folder all below it, of a table those it names. Raises UnusableInput."""
    if path.is_dir():
        return find_recordings(path)
    import pyarrow.csv
    import pyarrow.parquet

    try:
        table = (
            pyarrow.parquet.read_table(path)
            if path.suffix == ".parquet"
            else pyarrow.csv.read_csv(path)
        )
        names = table.column("path").to_pylist()
    except (OSError, KeyError, pyarrow.ArrowInvalid) as error:
        raise UnusableInput(
            f"{path}: neither a folder nor a table with a column `path` ({type(error).__name__})"
        ) from None
    return [recording_of(path.parent / name, name) for name in dict.fromkeys(map(str, names))]


def on_this_machine(
    recordings: Sequence[Recording],
    options: FeatureOptions,
    deployment: Deployment,
    *,
    devices: list[str],
    dtype: str,
    processes: int,
) -> Iterator[Embedded | Failed]:
    """An engine of a thread for each device, and of processes that read."""
    from analysis.encoders import load_runners

    if not recordings:
        return
    idle: queue.SimpleQueue[Mapping[Role, Runner]] = queue.SimpleQueue()

    def encode_on_idle(batch: list[Ready]) -> list[Embedded]:
        runners = idle.get()
        embedded = encode(batch, options, runners)
        idle.put(runners)
        return embedded

    size = BATCH_SEGMENTS["cpu" if devices[0] == "cpu" else "cuda"]
    with ThreadPoolExecutor(len(devices)) as pool:
        loading = [
            pool.submit(load_runners, deployment, device, dtype) for device in devices
        ]  # while the readers start
        pending: set[Future[list[Embedded]]] = set()
        for batch in _batches(_prepared(recordings, options, deployment, processes), size):
            if isinstance(batch, Failed):
                yield batch
                continue
            while loading:
                idle.put(loading.pop().result()[0])
            pending.add(pool.submit(encode_on_idle, batch))
            full = len(pending) >= AHEAD_BATCHES * len(devices)
            done, pending = wait(pending, timeout=None if full else 0, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
        for future in pending:
            yield from future.result()


def encode(
    batch: Sequence[Ready], options: FeatureOptions, runners: Mapping[Role, Runner]
) -> list[Embedded]:
    """Each recording's embedding, by one run of the encoder over the segments of all."""
    results = forward(
        [Piece(ready.prepared.segments, ready.prepared.needs) for ready in batch], runners
    )
    return [
        Embedded(
            ready.name,
            embed(result[options.role], options),
            len(ready.prepared.segments),
            list(ready.prepared.warnings),
        )
        for ready, result in zip(batch, results, strict=True)
    ]


def _batches(outcomes: Iterator[Ready | Failed], size: int) -> Iterator[list[Ready] | Failed]:
    """Prepared recordings of about `size` segments together; a failure as it comes."""
    batch: list[Ready] = []
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            yield outcome
            continue
        batch.append(outcome)
        if sum(len(ready.prepared.segments) for ready in batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _prepared(
    recordings: Sequence[Recording], options: FeatureOptions, deployment: Deployment, processes: int
) -> Iterator[Ready | Failed]:
    """Read and cut in other processes, a bounded number ahead of who takes them."""
    waiting = iter(recordings)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        pending: set[Future[Ready | Failed]] = set()
        exhausted = False
        while pending or not exhausted:
            while not exhausted and len(pending) < 4 * processes:
                recording = next(waiting, None)
                if recording is None:
                    exhausted = True
                else:
                    pending.add(pool.submit(read_one, recording, options, deployment))
            done, pending = (
                wait(pending, return_when=FIRST_COMPLETED) if pending else (set(), pending)
            )
            for future in done:
                yield future.result()


def read_one(
    recording: Recording, options: FeatureOptions, deployment: Deployment
) -> Ready | Failed:
    """One recording from its files to its segments; whatever is wrong with it is its own."""
    try:
        size = sum(path.stat().st_size for path in recording.files)
        if size > DEFAULT_MAX_BYTES:
            return Failed(
                recording.name,
                "body_too_large",
                f"{size} bytes; at most {DEFAULT_MAX_BYTES} are read",
            )
        record = read([Part(path.name, path.read_bytes()) for path in recording.files])
        return Ready(recording.name, prepare(record, options, deployment, max_seconds=MAX_SECONDS))
    except EcgError as error:
        return Failed(recording.name, error.code, error.detail)
    except OSError as error:
        return Failed(recording.name, "unusable_file", error.strerror or type(error).__name__)


def _keep(outcome: Embedded | Failed, table: Table) -> None:
    if isinstance(outcome, Failed):
        table.fail(outcome.name, outcome.code, outcome.detail)
    else:
        table.add(asdict(outcome))


def _say(rows: int, new: int, failed: int, seconds: float, out: Path, table: Table) -> None:
    lost = f"; {failed} failed, see {table.failed.name}" if failed else ""
    rate = new / max(seconds, 1e-9)
    message = f"{out}: {rows} recordings, {new} of them new ({rate:.1f} a second){lost}"
    print(message, file=sys.stderr)


def devices_of(options: argparse.Namespace) -> list[str]:
    """Raises ModelStoreError for one that is not there."""
    try:
        return resolve_devices(options.device, cuda_device_count())
    except ValueError as error:
        raise ModelStoreError(str(error)) from None


def _deployment(options: argparse.Namespace, *, cuda: bool) -> Deployment:
    choice = choose_models(
        options.model,
        clinical_checkpoint=options.clinical_checkpoint,
        features_checkpoint=options.features_checkpoint,
        models_dir=options.models_dir or default_models_dir(),
        cuda=cuda,
    )
    deployment = deployment_of(choice)
    if not deployment.loaded:
        raise ModelStoreError(deployment.no_model_reason())
    return deployment


def parser_here() -> argparse.ArgumentParser:
    parser = parser_of("python -m bulk", __doc__)
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="that read files (as many as cores)",
    )
    parser.add_argument(
        "--device",
        default=os.environ.get("ECG_DEVICE") or "auto",
        help="as the server's ECG_DEVICE",
    )
    return parser


def parser_of(prog: str, about: str | None) -> argparse.ArgumentParser:
    """What every engine is asked for."""
    parser = argparse.ArgumentParser(
        prog=prog, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "input", type=Path, metavar="IN", help="a folder, or a table with a column `path`"
    )
    parser.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="a .parquet file; what is in it already is not done again",
    )
    parser.add_argument("--encoder", help="features (default), clinical, or an encoder's name")
    parser.add_argument("--pooling", choices=["mean", "max"])
    parser.add_argument("--layer", type=int)
    for name in ("model", "dtype"):
        parser.add_argument(
            f"--{name}",
            default=os.environ.get(f"ECG_{name.upper()}") or "auto",
            help=f"as the server's ECG_{name.upper()}",
        )
    for name in ("models-dir", "clinical-checkpoint", "features-checkpoint"):
        variable = f"ECG_{name.upper().replace('-', '_')}"
        given = os.environ.get(variable)
        parser.add_argument(
            f"--{name}",
            type=Path,
            default=Path(given) if given else None,
            help=f"as the server's {variable}",
        )
    return parser
