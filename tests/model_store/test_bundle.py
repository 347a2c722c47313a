"""A folder is served only if it is, in every byte, the bundle that it says it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from encoder.config import ConvLayer, EcgFmConfig
from encoder.ecg_fm import EcgFm
from errors import BadBundle, BadCheckpoint, ChecksumMismatch
from model_store.bundle import BUNDLE_FILE, WEIGHTS_FILE, load_bundle
from model_store.convert import convert
from model_store.weights_file import read_shapes, weight_shapes, write_weights
from tests.data import CARRIED

CONFIG = EcgFmConfig((ConvLayer(16, 2, 2),) * 4, 32, 48, 3, 4, 128, 16, labels=17)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return convert(CARRIED / "tiny_finetuned_new.pt", tmp_path / "tiny").bundle.folder


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / BUNDLE_FILE
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_what_was_written_is_what_is_read(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert (folder / BUNDLE_FILE).read_text() == bundle.to_json()
    assert bundle.config == CONFIG and len(bundle.labels) == 17 and bundle.preprocessing.fs == 500
    assert bundle.weights_path.is_file() and "folder" not in json.loads(bundle.to_json())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda values: values.update(schema_version=2),
            "schema_version is 2; this program reads 1$",
        ),
        (lambda values: values.pop("licence"), "licence"),
        (lambda values: values.update(colour="red"), "colour"),
        (lambda values: values.update(kind="oracle"), "kind"),
        (lambda values: values.update(kind="features"), "kind features has 17 labels$"),
        (lambda values: values.update(architecture="resnet"), "architecture"),
        (lambda values: values["labels"].pop(), ": 16 labels, but the classifier has 17 rows$"),
        (
            lambda values: values["labels"][1].update(name="Poor data quality"),
            "two labels have the same name",
        ),
        (lambda values: values["labels"][0].update(joining="median"), "joining"),
        (lambda values: values["config"].update(depth=4), "layers.3"),
        (lambda values: values["config"].update(ffn_width=64), "fc1"),
        (lambda values: values["config"].update(heads=0), "1 or more"),
        (lambda values: values["config"].update(heads=5), "multiple of heads"),
        (lambda values: values["config"].update(conv_layers=[]), "1 or more"),
        (lambda values: values["preprocessing"].update(fs=-1), "preprocessing"),
        (lambda values: values["weights"].update(bytes=5), "states 5"),
        (lambda values: values["weights"].update(sha256="none"), "sha256"),
    ],
)
def test_a_description_that_contradicts_itself_or_the_weights_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    edit(folder, change)
    with pytest.raises(BadBundle, match=said):
        load_bundle(folder)


def test_an_altered_file_is_named(folder: Path) -> None:
    weights = folder / WEIGHTS_FILE
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ChecksumMismatch, match=WEIGHTS_FILE):
        load_bundle(folder)


@pytest.mark.parametrize("keep", [0, 7, 100, 100_000])
def test_a_half_written_file_is_named(folder: Path, keep: int) -> None:
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(BadBundle, match=WEIGHTS_FILE):
        load_bundle(folder)
    with pytest.raises(BadBundle, match=WEIGHTS_FILE):
        read_shapes(weights)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(BadBundle, match=WEIGHTS_FILE):
        load_bundle(folder)
    with pytest.raises(BadBundle, match=BUNDLE_FILE):
        load_bundle(folder / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 1, "folder": "/"}'])
def test_what_is_no_description_is_refused(folder: Path, text: str) -> None:
    (folder / BUNDLE_FILE).write_text(text)
    with pytest.raises(BadBundle, match=BUNDLE_FILE):
        load_bundle(folder)


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        dataclasses.replace(CONFIG, labels=0, conv_bias=True, layer_norm_first=True),
        dataclasses.replace(CONFIG, width=16, heads=2, conv_pos_kernel=9, conv_pos_groups=4),
        dataclasses.replace(
            CONFIG, conv_layers=(ConvLayer(8, 3, 2), ConvLayer(24, 5, 3)), in_leads=8
        ),
    ],
)
def test_the_shapes_are_those_of_the_network(config: EcgFmConfig) -> None:
    with torch.device("meta"):
        state = EcgFm(config).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == weight_shapes(config)


def test_safetensors_itself_reads_what_is_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tensors = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in weight_shapes(CONFIG).items()
    }
    path = tmp_path / WEIGHTS_FILE
    write_weights(path, weight_shapes(CONFIG), tensors)
    found = load_file(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)
    assert read_shapes(path) == weight_shapes(CONFIG)


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    tensors = {"gain": np.array([0.1, -3.0], np.float32)}
    write_weights(tmp_path / WEIGHTS_FILE, {"gain": (2,)}, tensors, "F16")
    assert read_shapes(tmp_path / WEIGHTS_FILE) == {"gain": (2,)}
    np.testing.assert_array_equal(
        load_file(tmp_path / WEIGHTS_FILE)["gain"], tensors["gain"].astype(np.float16)
    )
    with pytest.raises(BadCheckpoint, match="finite"):
        write_weights(
            tmp_path / WEIGHTS_FILE, {"gain": (1,)}, {"gain": np.array([1e5], np.float32)}, "F16"
        )


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), np.float32),
        np.array([1.0, np.nan], np.float32),
        np.array([np.inf, 0], np.float32),
    ],
)
def test_weights_of_another_shape_or_not_finite_are_not_written(
    tmp_path: Path, array: np.ndarray
) -> None:
    with pytest.raises(BadCheckpoint, match="gain"):
        write_weights(tmp_path / WEIGHTS_FILE, {"gain": (2,)}, {"gain": array})
