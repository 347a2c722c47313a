"""The deployment's encoders, loaded on a device. The one file of this room that imports torch: for processes that compute."""

from __future__ import annotations

from pathlib import Path

import torch

from analysis.deployment import Deployment, Runtime
from encoder.runner import EncoderRunner, load_encoder_file
from model_store.bundle import load_bundle
from model_store.manifest import Role


def load_runners(deployment: Deployment, device: str, dtype: str) -> tuple[dict[Role, EncoderRunner], Runtime]:
    """Load every encoder once and warm it up. `dtype` auto is bfloat16 on CUDA and float32 on the CPU.

    Raises ModelStoreError where a bundle cannot be used.
    """
    chosen = choose_dtype(dtype, device)
    runners: dict[Role, EncoderRunner] = {}
    for role, encoder in deployment.encoders.items():
        # The main process has hashed it; here size, names and shapes are looked at again.
        bundle = load_bundle(Path(encoder.folder), hash_weights=False)
        module = load_encoder_file(bundle.config, bundle.weights_path, chosen, device)
        runners[role] = EncoderRunner(module, device=device, dtype=chosen)
        runners[role].warm_up(encoder.preprocessing.segment_samples)
    return runners, Runtime(dtype=chosen, device=device)


def choose_dtype(dtype: str, device: str) -> str:
    if dtype != "auto":
        return dtype
    return "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"
