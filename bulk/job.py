"""One run of a bulk job: embed the recordings that the table lacks, and write the table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from ecgfm_client.folders import Recording
from ecgfm_client.results import Encoder
from ecgfm_client.rows import made_with
from ecgfm_client.tables import Table
from tqdm import tqdm

from analysis.deployment import Deployment, deployment_of
from analysis.options import FeatureOptions, feature_options
from bulk.engine import Engine
from bulk.outcomes import FailedRecording
from bulk.recordings import list_recordings
from errors import ModelStoreError
from model_store.choose import choose_models
from model_store.manifest import default_models_dir


def run_job(options: argparse.Namespace, engine: Engine, *, cuda: bool) -> int:
    """Embed the recordings of `options.input` that the table `options.out` lacks.

    options  the parsed command line (bulk/command.py)
    engine   computes the embeddings
    cuda     whether the engine's devices are GPUs
    Returns the exit status: 0, or 1 if a recording failed. Prints a summary to stderr.
    Raises UnusableInput, ModelStoreError, BadOption or LayerOutOfRange.
    """
    recordings = list_recordings(options.input)
    features, deployment = choose_encoder(options, cuda=cuda)
    table = Table(options.out)
    table.open()
    try:
        table.must_match(_provenance(features, deployment))
        missing = [recording for recording in recordings if recording.name not in table.done]
        started_s = time.monotonic()
        failed = _fill(table, missing, features, deployment, engine)
    finally:
        table.flush()
        table.close()
    rows = table.finish()
    elapsed_s = max(time.monotonic() - started_s, 1e-9)
    embedded = len(missing) - failed
    summary = f"{options.out}: {rows} recordings, {embedded} of them new"
    summary += f" ({embedded / elapsed_s:.1f} a second)"
    if failed:
        summary += f"; {failed} failed, see {table.failed.name}"
    print(summary, file=sys.stderr)
    return 1 if failed else 0


def _fill(
    table: Table,
    recordings: Sequence[Recording],
    features: FeatureOptions,
    deployment: Deployment,
    engine: Engine,
) -> int:
    """Write the outcome of every recording into the table; return how many failed."""
    failed = 0
    outcomes = engine(recordings, features, deployment)
    # disable=None: no progress bar if stderr is no terminal.
    for outcome in tqdm(outcomes, total=len(recordings), unit="ECG", smoothing=0.05, disable=None):
        if isinstance(outcome, FailedRecording):
            failed += 1
            table.fail(outcome.name, outcome.code, outcome.detail)
        else:
            table.add(asdict(outcome))
    return failed


def choose_encoder(options: argparse.Namespace, *, cuda: bool) -> tuple[FeatureOptions, Deployment]:
    """Return the feature options, and a deployment of only the encoder that they name.

    cuda  whether the encoder will run on GPUs
    Raises ModelStoreError if no encoder can be loaded, BadOption for an unknown one, and
    LayerOutOfRange for a layer that it does not have.
    """
    deployment = _deployment(options, cuda=cuda)
    features = feature_options(
        deployment, model=options.encoder, pooling=options.pooling, layer=options.layer
    )
    encoder = deployment.encoders[features.role]
    return features, replace(deployment, encoders={features.role: encoder})


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


def _provenance(features: FeatureOptions, deployment: Deployment) -> dict[str, Any]:
    """Return what the rows of one table must have in common: encoder, layer and pooling."""
    encoder = deployment.encoders[features.role]
    identity = Encoder(encoder.name, encoder.revision, encoder.sha256)
    return made_with(identity, layer=features.layer, pooling=features.pooling)
