"""The deployment's encoders, loaded on a device. The one file of this room that imports torch: for processes that compute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from analysis.deployment import Deployment, Runtime
from encoder.config import CompactConfig, EcgFmConfig
from encoder.devices import cpu_multiplies_bfloat16
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from model_store.bundle import load_bundle
from model_store.manifest import Role

COMPILED = "compiled"  # folder beside the bundles that keeps what is compiled from one start to the next


def load_runners(deployment: Deployment, device: str, dtype: str, compiled_in: Path) -> tuple[dict[Role, EncoderRunner], Runtime]:
    """Load every encoder once and warm it up. `dtype` auto is bfloat16 where the device is faster with it.

    Raises ModelStoreError where a bundle cannot be used.
    """
    # The main process has hashed them; here size, names and shapes are looked at again.
    bundles = {role: load_bundle(Path(encoder.folder), hash_weights=False) for role, encoder in deployment.encoders.items()}
    chosen = choose_dtype(dtype, device, [bundle.config for bundle in bundles.values()])
    runners: dict[Role, EncoderRunner] = {}
    for role, encoder in deployment.encoders.items():
        bundle = bundles[role]
        module = load_encoder_file(bundle.config, bundle.weights_path, chosen, device)
        runners[role] = EncoderRunner(module, device=device, dtype=chosen, compiled_in=compiled_in)
        runners[role].warm_up(encoder.preprocessing.segment_samples)
    return runners, Runtime(dtype=chosen, device=device)


def choose_dtype(dtype: str, device: str, encoders: Sequence[EcgFmConfig | CompactConfig]) -> str:
    """auto: bfloat16 where the device multiplies it faster. A compact network gains nothing by it on a CPU, at one recording a batch."""
    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    large = bool(encoders) and all(isinstance(config, EcgFmConfig) for config in encoders)
    return "bfloat16" if large and cpu_multiplies_bfloat16() else "float32"
