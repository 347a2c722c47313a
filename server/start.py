"""From settings to a server that can be run: devices, models, shared state."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from analysis.deployment import Deployment, deployment_of
from encoder.devices import cuda_device_count, resolve_devices
from errors import ModelStoreError
from model_store.choose import choose_models
from server.app import configure_app
from server.authorization.rules import access_rules
from server.authorization.tls import tls_context
from server.ipc.shared_state import SharedState
from server.settings import Settings, unknown_variables
from server.workers.litserve_server import EcgServer

logger = logging.getLogger("ecg.start")


def make_server(settings: Settings) -> EcgServer:
    """Return the server.

    Raises AccessError where the keys, tokens or certificates cannot be used or nobody is kept out
    of an address that others can reach; ModelStoreError where the model or device cannot be used.
    """
    for sentence in unknown_variables(os.environ):
        logger.warning("%s", sentence)
    # First, as it takes no time and is nothing to be tried again.
    rules = access_rules(settings)
    tls = tls_context(settings)
    _check_models_folder(settings.models_folder)
    devices = _devices(settings)
    deployment = choose_deployment(settings, cuda=devices[0] != "cpu")
    logger.info("model: %s (%s)", deployment.chosen, deployment.reason)
    state = SharedState(
        signal_workers=settings.signal_workers,
        devices=devices if deployment.loaded else [],
        api_workers=settings.api_workers,
        slots_per_http_process=settings.max_in_flight_per_http_process,
    )
    configure = partial(configure_app, cors_origins=settings.cors_origin_list)
    return EcgServer(settings, state, deployment, rules, tls, configure)


def _check_models_folder(folder: Path) -> None:
    """Raises ModelStoreError for what is no folder, or cannot be read.

    There may be none: then there are no bundles and no heads in it.
    """
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ModelStoreError(
            f"ECG_MODELS_DIR is {folder}, which cannot be used: {error.strerror}; a folder that "
            "the server can read is required"
        ) from None


def _devices(settings: Settings) -> list[str]:
    try:
        devices = resolve_devices(settings.device, cuda_device_count())
    except ValueError as error:
        raise ModelStoreError(str(error)) from None
    if settings.dtype == "tf32" and devices == ["cpu"]:
        raise ModelStoreError(
            "ECG_DTYPE is tf32, which needs a CUDA device; allowed on a CPU: auto, float32, "
            "bfloat16, float16"
        )
    return devices


def choose_deployment(settings: Settings, *, cuda: bool) -> Deployment:
    choice = choose_models(
        settings.model,
        clinical_checkpoint=settings.clinical_checkpoint,
        features_checkpoint=settings.features_checkpoint,
        models_dir=settings.models_folder,
        cuda=cuda,
    )
    return replace(deployment_of(choice), measurements_method=settings.measurements_method)
