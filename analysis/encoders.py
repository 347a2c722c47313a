"""Load the deployment's encoders on a device.

The only module of this package that imports torch: for the processes that compute.
"""

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

# The folder next to the bundles that keeps compiled code from one start to the next.
COMPILED = "compiled"
# For all encoders of a process together, so that it is ready within a minute if nothing is left to
# compile.
WARM_UP_SECONDS = 45.0
# NVIDIA GPUs multiply bfloat16 from Ampere on; PyTorch emulates it on older ones (CUDA C++
# Programming Guide).
BFLOAT16_CAPABILITY = 8
# The first loaded of these gives `model.dtype` if the encoders' dtypes differ.
_MAIN_ROLES: tuple[Role, ...] = ("clinical", "features", "superclass")


def load_runners(
    deployment: Deployment, device: str, dtype: str, compiled_in: Path | None = None
) -> tuple[dict[Role, EncoderRunner], Runtime]:
    """Load every encoder once, in its dtype, and warm it up.

    dtype        auto, float32, bfloat16, float16 or tf32
    compiled_in  a folder that keeps what torch.compile makes; None leaves it to PyTorch
    Raises ModelStoreError if a bundle cannot be used.
    """
    deadline = time.monotonic() + WARM_UP_SECONDS
    runners: dict[Role, EncoderRunner] = {}
    dtypes: dict[Role, str] = {}
    for role, encoder in deployment.encoders.items():
        # The main process has checked the bundle; loading checks the tensors' names and shapes.
        dtypes[role] = choose_dtype(dtype, device, encoder.config)
        weights = Path(encoder.folder) / WEIGHTS_FILE
        module = load_encoder_file(encoder.config, weights, dtypes[role], device)
        runners[role] = EncoderRunner(
            module, device=device, dtype=dtypes[role], compile_cache=compiled_in
        )
        runners[role].warm_up(encoder.preprocessing.segment_samples, deadline)
    main_dtype = next((dtypes[role] for role in _MAIN_ROLES if role in dtypes), "float32")
    return runners, Runtime(dtype=main_dtype, device=device)


def choose_dtype(dtype: str, device: str, config: EcgFmConfig | CompactConfig) -> str:
    """Return `dtype`; for auto bfloat16 if the device multiplies it faster, otherwise float32."""
    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        major, _ = torch.cuda.get_device_capability(device)
        return "bfloat16" if major >= BFLOAT16_CAPABILITY else "float32"
    # A compact network gains nothing from bfloat16 on a CPU, at one recording a batch.
    is_large = isinstance(config, EcgFmConfig)
    return "bfloat16" if is_large and cpu_multiplies_bfloat16() else "float32"
