"""The model that comes along: whole, small, quick enough, and what its card says it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from model_store.bundle import load_bundle
from model_store.choose import EMBEDDED_FOLDER
from model_store.labels import ecg_fm_labels
from superclasses import SUPERCLASSES

ROOT = Path(__file__).parents[2]
MAX_BYTES = 4_000_000


def test_the_bundle_is_whole_and_small() -> None:
    bundle = load_bundle(EMBEDDED_FOLDER)
    assert (bundle.name, bundle.kind, bundle.architecture) == ("embedded", "classifier", "compact")
    assert sum(path.stat().st_size for path in EMBEDDED_FOLDER.iterdir()) <= MAX_BYTES
    assert "CC BY 4.0" in bundle.licence


def test_its_labels_are_calibrated_and_have_thresholds_of_their_own() -> None:
    labels = load_bundle(EMBEDDED_FOLDER).labels
    assert tuple(label.name for label in labels[:5]) == SUPERCLASSES
    assert all(
        label.pos_weight is None and 0 < label.threshold < 1 and label.description
        for label in labels
    )
    assert len({label.name for label in labels} & {label.name for label in ecg_fm_labels()}) >= 12


def test_the_card_is_of_these_weights() -> None:
    bundle = load_bundle(EMBEDDED_FOLDER)
    assert bundle.card is not None
    card = (ROOT / bundle.card).read_text(encoding="utf-8")
    assert bundle.sha256 in card
    assert all(f"| {label.name} | " in card for label in bundle.labels)


def test_it_answers_in_half_precision_as_in_full() -> None:
    bundle = load_bundle(EMBEDDED_FOLDER)
    segments = np.random.default_rng(0).normal(0, 0.2, (4, 13, 1000)).astype(np.float32)
    segments[:, 12] = 1.0
    full, half = (
        EncoderRunner(
            load_encoder_file(bundle.config, bundle.weights_path, dtype), dtype=dtype
        ).run(segments)
        for dtype in ("float32", "bfloat16")
    )
    difference = 1 / (1 + np.exp(-full.logits)) - 1 / (1 + np.exp(-half.logits))
    assert np.abs(difference).max() < 0.05
