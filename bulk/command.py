"""Compute embeddings of many recordings without HTTP, on the devices of this machine.

    python -m bulk IN OUT.parquet [--encoder features] [--model auto] [--device auto] [--dtype auto]

IN is a folder, or a Parquet or CSV table whose column `path` names files (for a WFDB recording,
its header). Separate processes read the files and cut them into segments, so that a device does
not wait for files. Shards, resumption and the layout of OUT are those of the client
(`pip install ./client`); the embeddings equal those of the server. `python -m bulk.ray` does the
same on several machines.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from encoder.devices import (
    cuda_device_count,
    keep_freed_memory,
    limit_openmp_spinning,
    resolve_devices,
)
from errors import EcgError, ModelStoreError

try:
    from ecgfm_client.errors import UnusableInput
    from ecgfm_client.tables import Table as Table
    from ecgfm_client.variables import misspelt_variables
except ImportError as error:
    # The client's tables need pyarrow, which serving does not need: it may not be installed.
    raise SystemExit(f"bulk needs the client package: pip install ./client ({error})") from None

from bulk.engine import local_engine
from bulk.job import run_job

# The server's settings that have the same meaning here.
VARIABLES = (
    "ECG_MODEL",
    "ECG_DEVICE",
    "ECG_DTYPE",
    "ECG_MODELS_DIR",
    "ECG_CLINICAL_CHECKPOINT",
    "ECG_FEATURES_CHECKPOINT",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m bulk` and return its exit status.

    0: all recordings have embeddings; 1: some failed; 2: the command cannot run.
    """
    options = local_parser().parse_args(arguments)
    warn_of_misspelt_variables()
    limit_openmp_spinning()
    keep_freed_memory()
    # The reader processes inherit this. They run in parallel, so one BLAS thread each is enough;
    # the encoder uses PyTorch's own threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        devices = requested_devices(options)
        engine = partial(
            local_engine, devices=devices, dtype=options.dtype, processes=options.processes
        )
        return run_job(options, engine, cuda=devices[0] != "cpu")
    except (UnusableInput, ModelStoreError, EcgError) as error:
        print(f"bulk: {error}", file=sys.stderr)
        return 2


def warn_of_misspelt_variables() -> None:
    """Print a line for each variable that is ignored and resembles one that would be used."""
    for sentence in misspelt_variables(os.environ, VARIABLES):
        print(f"bulk: {sentence}", file=sys.stderr)


def requested_devices(options: argparse.Namespace) -> list[str]:
    """Return the names of the devices to use. Raises ModelStoreError if one does not exist."""
    try:
        return resolve_devices(options.device, cuda_device_count())
    except ValueError as error:
        raise ModelStoreError(str(error)) from None


def local_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m bulk`."""
    parser = base_parser("python -m bulk", __doc__)
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="number of processes that read files (default: one a core)",
    )
    parser.add_argument(
        "--device",
        default=os.environ.get("ECG_DEVICE") or "auto",
        help="like the server's ECG_DEVICE",
    )
    return parser


def base_parser(prog: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all engines share."""
    parser = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "input", type=Path, metavar="IN", help="a folder, or a table with a column `path`"
    )
    parser.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="a .parquet file; recordings that it already holds are skipped",
    )
    parser.add_argument("--encoder", help="features (default), clinical, or an encoder's name")
    parser.add_argument("--pooling", choices=["mean", "max"])
    parser.add_argument("--layer", type=int)
    for name in ("model", "dtype"):
        variable = f"ECG_{name.upper()}"
        parser.add_argument(
            f"--{name}",
            default=os.environ.get(variable) or "auto",
            help=f"like the server's {variable}",
        )
    for name in ("models-dir", "clinical-checkpoint", "features-checkpoint"):
        variable = f"ECG_{name.upper().replace('-', '_')}"
        value = os.environ.get(variable)
        parser.add_argument(
            f"--{name}",
            type=Path,
            default=Path(value) if value else None,
            help=f"like the server's {variable}",
        )
    return parser
