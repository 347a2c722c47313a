"""A bundle whose network computes almost nothing, to measure the server alone.

    python -m benchmarks.null_encoder FOLDER

The server checks, loads and runs it like every bundle. The network reads ECG-FM's segments (12
leads, 5 s at 500 Hz) and uses one sample in 1250. It gives embeddings of 768 numbers, ECG-FM's 17
labels and PTB-XL's five superclasses, so that answers have their usual size. All weights are 0: the
answers have no meaning, and the bundle is for measurements and tests only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from encoder.compact import Compact
from encoder.config import CompactConfig, ConvLayer
from model_store.bundle import (
    SCHEMA_VERSION,
    WEIGHTS_FILE,
    Bundle,
    Source,
    Weights,
    load_bundle,
    write_bundle_file,
)
from model_store.labels import Label, ecg_fm_labels
from model_store.weights_file import sha256_of
from signals.segments import Preprocessing
from superclasses import SUPERCLASSES

WIDTH = 768  # numbers of an embedding, as ECG-FM's
STRIDE = 1250  # samples: a segment of 2500 has two tokens


def write_null_bundle(folder: Path) -> Bundle:
    """Write the null encoder's bundle into `folder`, which may not exist yet; return the bundle."""
    superclass_labels = [
        Label(name, joining="mean", pos_weight=None, threshold=0.5) for name in SUPERCLASSES
    ]
    labels = (*ecg_fm_labels(), *superclass_labels)
    config = CompactConfig(
        stem=ConvLayer(1, 1, STRIDE),
        blocks=(ConvLayer(1, 1, 1),),
        squeeze=1,
        attention=1,
        width=WIDTH,
        labels=len(labels),
        in_leads=12,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS_FILE
    shapes = Compact(config).state_dict()
    save_file({name: torch.zeros_like(value) for name, value in shapes.items()}, path)
    bundle = Bundle(
        schema_version=SCHEMA_VERSION,
        name="null",
        kind="classifier",
        source=Source(None, None, {}),
        architecture="compact",
        config=config,
        preprocessing=Preprocessing(),
        labels=labels,
        weights=Weights(path.stat().st_size, sha256_of(path)),
        licence="none: all weights are 0",
        card=None,
    )
    write_bundle_file(bundle, folder)
    return load_bundle(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.null_encoder",
        description="Write a bundle whose network computes almost nothing.",
    )
    parser.add_argument("folder", type=Path)
    print(write_null_bundle(parser.parse_args().folder).folder)
