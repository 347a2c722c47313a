"""The deployment's encoders, loaded on a device. The one file of this room that imports torch: for processes that compute."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from analysis.deployment import Deployment, Runtime
from encoder.config import CompactConfig, EcgFmConfig
from encoder.devices import cpu_multiplies_bfloat16
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from model_store.bundle import WEIGHTS_FILE
from model_store.manifest import Role

COMPILED = (
    "compiled"  # folder beside the bundles that keeps what is compiled from one start to the next
)
WARM_UP_SECONDS = 45.0  # for all encoders of a process together, so that it is ready within a minute where nothing is left to compile
BFLOAT16_CAPABILITY = 8  # NVIDIA's from Ampere on multiply bfloat16; PyTorch emulates it on older ones (CUDA C++ Programming Guide)
BY_WEIGHT: tuple[Role, ...] = (
    "clinical",
    "features",
    "superclass",
)  # whose dtype is told where encoders differ


def load_runners(
    deployment: Deployment, device: str, dtype: str, compiled_in: Path | None = None
) -> tuple[dict[Role, EncoderRunner], Runtime]:
    """Load every encoder once and warm it up, each in its dtype; the runtime's is that of the encoder that answers name.

    compiled_in: a folder that keeps what torch.compile makes; None leaves it where PyTorch would.
    Raises ModelStoreError where a bundle cannot be used.
    """
    deadline = time.monotonic() + WARM_UP_SECONDS
    runners: dict[Role, EncoderRunner] = {}
    chosen: dict[Role, str] = {}
    for role, encoder in deployment.encoders.items():
        # The main process has checked the bundle; loading checks the tensors' names and shapes.
        chosen[role] = choose_dtype(dtype, device, encoder.config)
        weights = Path(encoder.folder) / WEIGHTS_FILE
        module = load_encoder_file(encoder.config, weights, chosen[role], device)
        runners[role] = EncoderRunner(
            module, device=device, dtype=chosen[role], compile_cache=compiled_in
        )
        runners[role].warm_up(encoder.preprocessing.segment_samples, deadline)
    main = next((chosen[role] for role in BY_WEIGHT if role in chosen), "float32")
    return runners, Runtime(dtype=main, device=device)


def choose_dtype(dtype: str, device: str, config: EcgFmConfig | CompactConfig) -> str:
    """auto: bfloat16 where the device multiplies it faster. A compact network gains nothing by it on a CPU, at one recording a batch."""
    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        return (
            "bfloat16"
            if torch.cuda.get_device_capability(device)[0] >= BFLOAT16_CAPABILITY
            else "float32"
        )
    return (
        "bfloat16" if isinstance(config, EcgFmConfig) and cpu_multiplies_bfloat16() else "float32"
    )
