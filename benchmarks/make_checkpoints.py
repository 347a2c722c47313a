"""Write a full-size pair of ECG-FM checkpoints with random weights, in the trainer's format.

    python -m benchmarks.make_checkpoints FOLDER

They serve to measure loading, memory and speed without the published files. random_finetuned.pt has
17 labels and the newer names of weight norm, random_pretrained.pt the older names. They take 1.08
and 1.09 GB, two thirds of it the optimizer's state, like the published files. Their answers have no
meaning.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_store.labels import ecg_fm_labels

FINETUNED, PRETRAINED = "random_finetuned.pt", "random_pretrained.pt"
# Of models built with the original code.
PARAMETERS = {FINETUNED: 90_386_321, PRETRAINED: 90_883_072}
LEADS = 12
CONV = 256
WIDTH = 768
FFN = 3072
DEPTH = 12
HEADS = 12
KERNEL = 128
GROUPS = 16
LABELS = 17
CODES, CODE_WIDTH, FINAL = 640, 128, 256  # pretraining's quantizer: 2 groups of 320 codes
# Names of weight norm's tensors, gain and direction.
NEWER = ("parametrizations.weight.original0", "parametrizations.weight.original1")
OLDER = ("weight_g", "weight_v")


class Weights:
    """Named random tensors, scaled so that activations keep their size through the network."""

    def __init__(self, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.tensors: dict[str, Tensor] = {}

    def normal(self, name: str, *shape: int, std: float, mean: float = 0.0) -> None:
        self.tensors[name] = torch.empty(shape).normal_(mean, std, generator=self.random)

    def linear(self, name: str, outputs: int, inputs: int) -> None:
        self.normal(f"{name}.weight", outputs, inputs, std=inputs**-0.5)
        self.normal(f"{name}.bias", outputs, std=0.02)

    def norm(self, name: str, width: int) -> None:
        self.normal(f"{name}.weight", width, mean=1.0, std=0.1)
        self.normal(f"{name}.bias", width, std=0.05)


def _add_encoder(weights: Weights, prefix: str, weight_norm: tuple[str, str]) -> None:
    """Add the tensors of both checkpoints, under fairseq-signals' names."""
    for number in range(DEPTH):
        layer = f"{prefix}encoder.layers.{number}"
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            weights.linear(f"{layer}.self_attn.{part}", WIDTH, WIDTH)
        weights.norm(f"{layer}.self_attn_layer_norm", WIDTH)
        weights.linear(f"{layer}.fc1", FFN, WIDTH)
        weights.linear(f"{layer}.fc2", WIDTH, FFN)
        weights.norm(f"{layer}.final_layer_norm", WIDTH)
    weights.norm(f"{prefix}encoder.layer_norm", WIDTH)
    convs = f"{prefix}feature_extractor.conv_layers"
    for number, inputs in enumerate((LEADS, CONV, CONV, CONV)):
        weights.normal(f"{convs}.{number}.0.weight", CONV, inputs, 2, std=(1.0 / inputs) ** 0.5)
    weights.norm(f"{convs}.0.2", CONV)
    weights.linear(f"{prefix}post_extract_proj", WIDTH, CONV)
    position = f"{prefix}conv_pos.pos_conv.0"
    weights.normal(f"{position}.bias", WIDTH, std=0.02)
    gain_name, direction_name = weight_norm
    # With this norm of each kernel position the sum over positions and channels keeps its size.
    gain = math.sqrt(WIDTH / KERNEL)
    weights.normal(f"{position}.{gain_name}", 1, 1, KERNEL, mean=gain, std=0.1 * gain)
    weights.normal(f"{position}.{direction_name}", WIDTH, WIDTH // GROUPS, KERNEL, std=1.0)
    weights.norm(f"{prefix}layer_norm", CONV)


def _finetuned() -> dict[str, Tensor]:
    weights = Weights(seed=1)
    _add_encoder(weights, "encoder.", NEWER)
    weights.linear("proj", LABELS, WIDTH)
    return weights.tensors


def _pretrained() -> dict[str, Tensor]:
    weights = Weights(seed=2)
    _add_encoder(weights, "", OLDER)
    weights.normal("mask_emb", WIDTH, std=0.1)
    weights.normal("quantizer.vars", 1, CODES, CODE_WIDTH, std=0.1)
    weights.linear("quantizer.weight_proj", CODES, CONV)
    weights.linear("project_q", FINAL, FINAL)
    weights.linear("final_proj", FINAL, WIDTH)
    return weights.tensors


def _config(model: dict[str, Any], task: str, criterion: dict[str, Any]) -> dict[str, Any]:
    """Return the checkpoint's `cfg`."""
    sizes = {
        "encoder_layers": DEPTH,
        "encoder_embed_dim": WIDTH,
        "encoder_ffn_embed_dim": FFN,
        "encoder_attention_heads": HEADS,
        "layer_norm_first": False,
        "saliency": False,
        "extractor_mode": "default",
        "conv_feature_layers": f"[({CONV}, 2, 2)] * 4",
        "in_d": LEADS,
        "conv_bias": False,
        "conv_pos": KERNEL,
        "conv_pos_groups": GROUPS,
    }
    adam = {
        "_name": "adam",
        "adam_betas": [0.9, 0.98],
        "adam_eps": 1e-8,
        "weight_decay": 0.0,
        "lr": [1e-6],
    }
    return {
        "_name": None,
        "common": {"seed": 1, "fp16": False},
        "model": {**sizes, **model},
        "task": {
            "_name": task,
            "normalize": False,
            "filter": False,
            "enable_padding": True,
            "leads_to_load": None,
        },
        "criterion": criterion,
        "lr_scheduler": {"_name": "fixed", "lr": [1e-6]},
        "optimizer": adam,
    }


def _save(path: Path, cfg: dict[str, Any], tensors: dict[str, Tensor], frozen: str) -> None:
    """Save the checkpoint in the layout of fairseq-signals' trainer.

    frozen  prefix of the tensors that were not trained and have no optimizer state
    """
    parameters = sum(tensor.numel() for tensor in tensors.values())
    if parameters != PARAMETERS[path.name]:
        raise AssertionError(
            f"{path.name}: {parameters} parameters, the original has {PARAMETERS[path.name]}"
        )
    trained = [tensor for name, tensor in tensors.items() if not name.startswith(frozen)]
    state: dict[int, dict[str, Any]] = {}
    for number, tensor in enumerate(trained):
        state[number] = {"step": 1, "exp_avg": _zeros(tensor), "exp_avg_sq": _zeros(tensor)}
    group = {
        "lr": 1e-6,
        "betas": (0.9, 0.98),
        "eps": 1e-8,
        "weight_decay": 0.0,
        "amsgrad": False,
        "params": list(state),
    }
    checkpoint = {
        "args": None,
        "cfg": cfg,
        "model": tensors,
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": "-",
                "optimizer_name": "Adam",
                "lr_scheduler_state": {"lr": 1e-6},
                "num_updates": 1,
            }
        ],
        "task_state": {},
        "extra_state": {
            "metrics": {},
            "previous_training_time": 0.0,
            "train_iterator": {"version": 2, "epoch": 2},
            "val_loss": None,
        },
        "last_optimizer_state": {"state": state, "param_groups": [group]},
    }
    torch.save(checkpoint, path)


def _zeros(like: Tensor) -> Tensor:
    """Return zeros that take space in the file but not in memory.

    NumPy takes untouched pages from the system; torch would write them.
    """
    return torch.from_numpy(np.zeros(tuple(like.shape), np.float32))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    _save_finetuned(folder / FINETUNED)
    _save_pretrained(folder / PRETRAINED)
    for name, parameters in PARAMETERS.items():
        gigabytes = (folder / name).stat().st_size / 1e9
        print(f"{folder / name}: {parameters:,} parameters, {gigabytes:.2f} GB")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.monotonic() - start:.0f} s, peak memory {peak_mb:.0f} MB")
    return 0


def _save_finetuned(path: Path) -> None:
    criterion = {
        "_name": "binary_cross_entropy_with_logits",
        "pos_weight": [label.pos_weight for label in ecg_fm_labels()],
    }
    classifier = {
        "_name": "ecg_transformer_classifier",
        "apply_mask": False,
        "num_labels": LABELS,
        "model_path": None,
    }
    cfg = _config(classifier, "ecg_classification", criterion)
    _save(path, cfg, _finetuned(), frozen="encoder.feature_extractor")


def _save_pretrained(path: Path) -> None:
    pretraining = {
        "_name": "wav2vec2_cmsc",
        "apply_mask": True,
        "quantize_targets": True,
        "final_dim": FINAL,
        "latent_vars": CODES // 2,
        "latent_groups": 2,
    }
    cfg = _config(pretraining, "ecg_pretraining", {"_name": "wav2vec2_with_cmsc"})
    # No tensor's name starts with "-": all were trained.
    _save(path, cfg, _pretrained(), frozen="-")


if __name__ == "__main__":
    sys.exit(main())
