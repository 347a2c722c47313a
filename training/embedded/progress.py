"""What a stopped training goes on with, so that it ends with the same weights.

It is everything that the next step depends on, in a safetensors file: the tensors, and the rest as
JSON in the file's metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from atomic_files import write_file
from encoder.compact import Compact

FORMAT = "format"  # safetensors' loaders of networks ask for this entry


@dataclass(frozen=True, eq=False)
class Training:
    """One cycle of a training.

    settings   what the cycle was begun with; another one is not a continuation
    generator  of the augmentation
    rng        of the order of the recordings
    """

    settings: dict[str, int]
    net: Compact
    average: Compact
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.OneCycleLR
    generator: torch.Generator
    rng: np.random.Generator


def write_progress(path: Path, training: Training, epochs: int, cpu_s: float) -> None:
    """Write the state after this many epochs, which took `cpu_s` of CPU time."""
    optimiser = training.optimiser.state_dict()
    tensors = {
        "generator": training.generator.get_state(),
        "dropout": torch.get_rng_state(),
        **{f"net.{name}": value for name, value in training.net.state_dict().items()},
        **{f"average.{name}": value for name, value in training.average.state_dict().items()},
    }
    for number, moments in optimiser["state"].items():
        tensors |= {f"moment.{number}.{name}": value for name, value in moments.items()}
    rest = {
        "settings": training.settings,
        "epochs": epochs,
        "cpu_s": cpu_s,
        "groups": optimiser["param_groups"],
        "schedule": training.schedule.state_dict(),
        "rng": training.rng.bit_generator.state,
    }
    copies = {name: value.detach().contiguous() for name, value in tensors.items()}
    write_file(path, save(copies, {FORMAT: "pt", "training": json.dumps(rest)}))


def read_progress(path: Path, training: Training) -> int:
    """Set the training to the state that was written; return the epochs that are done.

    Without a file nothing changes and 0 epochs are done.
    Raises ValueError if the file is of a training with other settings.
    """
    if not path.is_file():
        return 0
    rest = _rest(path)
    if rest["settings"] != training.settings:
        raise ValueError(
            f"{path}: of a training with {rest['settings']}, asked for {training.settings}; name "
            "another folder"
        )
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    training.net.load_state_dict(_below("net.", tensors))
    training.average.load_state_dict(_below("average.", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("moment.", tensors).items():
        number, moment = name.split(".")
        state.setdefault(int(number), {})[moment] = value
    training.optimiser.load_state_dict({"state": state, "param_groups": rest["groups"]})
    training.schedule.load_state_dict(rest["schedule"])
    training.rng.bit_generator.state = rest["rng"]
    training.generator.set_state(tensors["generator"])
    torch.set_rng_state(tensors["dropout"])
    epochs: int = rest["epochs"]
    return epochs


def spent_cpu_s(path: Path) -> float:
    """Return the CPU time of the epochs that are done, 0 without a file."""
    return float(_rest(path)["cpu_s"]) if path.is_file() else 0.0


def _rest(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        rest: dict[str, Any] = json.loads(file.metadata()["training"])
    return rest


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
