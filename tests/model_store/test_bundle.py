"""A folder is loaded only if every byte of it is as its description states."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from encoder.config import CompactConfig, ConvLayer, EcgFmConfig
from encoder.ecg_fm import EcgFm
from errors import BadBundle, BadCheckpoint, ChecksumMismatch
from model_store.bundle import BUNDLE_FILE, WEIGHTS_FILE, is_bundle, load_bundle
from model_store.choose import EMBEDDED_FOLDER
from model_store.convert import convert
from model_store.weights_file import read_shapes, sha256_of, weight_shapes, write_weights
from tests.data import CARRIED

CONFIG = EcgFmConfig((ConvLayer(16, 2, 2),) * 4, 32, 48, 3, 4, 128, 16, labels=17)
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return convert(CARRIED / "tiny_finetuned_new.pt", tmp_path / "tiny").bundle.folder


@pytest.fixture
def compact_folder(tmp_path: Path) -> Path:
    """The description of the embedded model; its weights are not needed to check the sizes."""
    folder = tmp_path / "compact"
    folder.mkdir()
    (folder / BUNDLE_FILE).write_bytes((EMBEDDED_FOLDER / BUNDLE_FILE).read_bytes())
    return folder


def edit(folder: Path, change: Change) -> None:
    path = folder / BUNDLE_FILE
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def refusal(folder: Path) -> str:
    """Why the bundle is refused, without the folder."""
    with pytest.raises(BadBundle) as refused:
        load_bundle(folder)
    return refused.value.detail.removeprefix(f"{folder}/")


def test_a_bundle_without_labels_is_read(tmp_path: Path) -> None:
    written = convert(CARRIED / "tiny_pretrained_new.pt", tmp_path / "tiny").bundle
    bundle = load_bundle(written.folder)
    assert (bundle.kind, bundle.labels) == ("features", ())


def test_what_was_written_is_what_is_read(folder: Path) -> None:
    bundle = load_bundle(folder)
    weights = (folder / WEIGHTS_FILE).read_bytes()
    assert (folder / BUNDLE_FILE).read_text() == bundle.to_json()
    assert bundle.config == CONFIG and len(bundle.labels) == 17 and bundle.preprocessing.fs == 500
    assert (bundle.schema_version, bundle.name, bundle.kind) == (1, "tiny", "classifier")
    assert bundle.architecture == "ecg-fm" and bundle.folder == folder
    assert bundle.weights_path == folder / WEIGHTS_FILE
    assert bundle.weights.bytes == len(weights)
    assert bundle.sha256 == hashlib.sha256(weights).hexdigest() == sha256_of(bundle.weights_path)
    assert bundle.revision is bundle.source.revision is None
    assert "folder" not in json.loads(bundle.to_json())
    assert is_bundle(folder) and not is_bundle(folder.parent)


def test_the_file_is_written_as_the_shipped_one() -> None:
    """Two spaces a level, and letters beyond ASCII as they are."""
    shipped = load_bundle(EMBEDDED_FOLDER)
    assert shipped.to_json() == (EMBEDDED_FOLDER / BUNDLE_FILE).read_text(encoding="utf-8")
    assert '\n  "name": "Zürich",\n' in dataclasses.replace(shipped, name="Zürich").to_json()


def test_only_the_hash_of_the_weights_can_be_skipped(folder: Path) -> None:
    weights = folder / WEIGHTS_FILE
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert load_bundle(folder, hash_weights=False).name == "tiny"
    weights.write_bytes(data[:-1])
    with pytest.raises(BadBundle, match=r"truncated\?"):
        load_bundle(folder, hash_weights=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v.update(schema_version=2), "schema_version is 2; this program reads 1"),
        (lambda v: v.update(schema_version=0), "schema_version is 0; this program reads 1"),
        (lambda v: v.pop("schema_version"), "schema_version is None; this program reads 1"),
        (lambda v: v.pop("licence"), "licence: Field required"),
        (lambda v: v.update(colour="red"), "colour: Unexpected keyword argument"),
        (lambda v: v.update(kind="oracle"), "kind: Input should be 'classifier' or 'features'"),
        (lambda v: v.update(kind="features"), "a bundle of kind features has 17 labels"),
        (
            lambda v: v.update(architecture="resnet"),
            "architecture: Input should be 'ecg-fm' or 'compact'",
        ),
        (
            lambda v: v.update(architecture="compact"),
            "config: these sizes are not those of the architecture compact",
        ),
        (lambda v: v["labels"].pop(), "16 labels, but the classifier has 17 rows"),
        (
            lambda v: v["labels"][1].update(name="Poor data quality"),
            "two labels have the same name",
        ),
        (
            lambda v: v["labels"][0].update(joining="median"),
            "labels.0.joining: Input should be 'mean' or 'max'",
        ),
        (lambda v: v["config"].update(heads=0), "config: every size must be 1 or more"),
        (lambda v: v["config"].update(in_leads=0), "config: every size must be 1 or more"),
        (lambda v: v["config"].update(labels=-1), "config: every size must be 1 or more"),
        (lambda v: v["config"].update(conv_layers=[]), "config: every size must be 1 or more"),
        (
            lambda v: v["config"]["conv_layers"][3].update(stride=0),
            "config: every size must be 1 or more",
        ),
        (
            lambda v: v["config"].update(heads=5),
            "config: width 32 must be a multiple of heads and of conv_pos_groups",
        ),
        (
            lambda v: v["config"].update(conv_pos_groups=5),
            "config: width 32 must be a multiple of heads and of conv_pos_groups",
        ),
        (lambda v: v.update(name=""), "name: String should have at least 1 character"),
        (lambda v: v.update(name="x" * 129), "name: String should have at most 128 characters"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(
    folder: Path, change: Change, reason: str
) -> None:
    edit(folder, change)
    assert refusal(folder) == f"{BUNDLE_FILE}: {reason}"


@pytest.mark.parametrize("name", ["x", "x" * 128])
def test_the_longest_and_shortest_name(folder: Path, name: str) -> None:
    edit(folder, lambda values: values.update(name=name))
    assert load_bundle(folder).name == name


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda v: v["preprocessing"].update(fs=-1), "preprocessing"),
        (lambda v: v["weights"].update(sha256="none"), "weights.sha256"),
        (lambda v: v["weights"].update(sha256="a" * 65), "weights.sha256"),
        (lambda v: v["source"]["files"].update(a="A" * 64), "source.files.a"),
    ],
)
def test_a_field_that_is_malformed_is_named(folder: Path, change: Change, field: str) -> None:
    edit(folder, change)
    assert refusal(folder).startswith(f"{BUNDLE_FILE}: {field}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda v: v["config"].update(depth=4),
            "layers.3.attention.out.bias: shape None, the configuration requires (32,)",
        ),
        (
            lambda v: v["config"].update(depth=2),
            "layers.2.attention.out.bias: shape (32,), the configuration requires None",
        ),
        (
            lambda v: v["config"].update(ffn_width=64),
            "layers.0.fc1.bias: shape (48,), the configuration requires (64,)",
        ),
        (
            lambda v: v["weights"].update(bytes=5),
            "{size} bytes, bundle.json states 5 (truncated?)",
        ),
    ],
)
def test_weights_that_do_not_fit_the_description_are_refused(
    folder: Path, change: Change, reason: str
) -> None:
    size = (folder / WEIGHTS_FILE).stat().st_size
    edit(folder, change)
    assert refusal(folder) == f"{WEIGHTS_FILE}: {reason.format(size=size)}"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c.update(squeeze=0), "every size must be 1 or more"),
        (lambda c: c.update(members=0), "every size must be 1 or more"),
        (lambda c: c.update(blocks=[]), "every size must be 1 or more"),
        (lambda c: c["stem"].update(stride=0), "every size must be 1 or more"),
        (lambda c: c["blocks"][-1].update(kernel=0), "every size must be 1 or more"),
        (lambda c: c["stem"].update(kernel=4), "kernels must be odd"),
        (lambda c: c["blocks"][-1].update(kernel=6), "kernels must be odd"),
        (
            lambda c: c.update(members=c["width"] + 1),
            "width {width} must be a multiple of members, {above_width}",
        ),
        (
            lambda c: c.update(squeeze=min(block["width"] for block in c["blocks"]) + 1),
            "squeeze {above_block} must not be more than a block's width",
        ),
    ],
)
def test_impossible_sizes_of_the_compact_network_are_refused(
    compact_folder: Path, change: Change, fault: str
) -> None:
    config = json.loads((compact_folder / BUNDLE_FILE).read_text())["config"]
    expected = fault.format(
        width=config["width"],
        above_width=config["width"] + 1,
        above_block=min(block["width"] for block in config["blocks"]) + 1,
    )
    edit(compact_folder, lambda values: change(values["config"]))
    assert refusal(compact_folder) == f"{BUNDLE_FILE}: config: {expected}"


def test_a_size_of_one_is_accepted(folder: Path) -> None:
    edit(folder, lambda values: values["config"].update(heads=1))
    assert load_bundle(folder).config.heads == 1


def test_the_smallest_possible_sizes_are_accepted(compact_folder: Path) -> None:
    """Only the weights are then missing: every size of 1, a squeeze as large as a block."""
    one = {"width": 1, "kernel": 1, "stride": 1}
    sizes = {"stem": one, "blocks": [one], "squeeze": 1, "attention": 1, "width": 1, "in_leads": 1}

    def change(values: dict[str, Any]) -> None:
        values["config"] = {**sizes, "labels": 1, "members": 1}
        values["labels"] = values["labels"][:1]

    edit(compact_folder, change)
    assert refusal(compact_folder) == f"{WEIGHTS_FILE}: missing"


def test_an_altered_file_is_named(folder: Path) -> None:
    weights = folder / WEIGHTS_FILE
    data = weights.read_bytes()
    altered = data[:-1] + bytes([data[-1] ^ 1])
    weights.write_bytes(altered)
    with pytest.raises(ChecksumMismatch) as refused:
        load_bundle(folder)
    assert refused.value.detail == (
        f"{weights}: sha256 {hashlib.sha256(altered).hexdigest()}, bundle.json states "
        f"{hashlib.sha256(data).hexdigest()} (altered)"
    )


@pytest.mark.parametrize("keep", [0, 7, 8, 100, 100_000])
def test_a_truncated_file_is_named(folder: Path, keep: int) -> None:
    weights = folder / WEIGHTS_FILE
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:keep])
    expected = f"{keep} bytes, {BUNDLE_FILE} states {size} (truncated?)"
    assert refusal(folder) == f"{WEIGHTS_FILE}: {expected}"
    with pytest.raises(BadBundle, match=rf"^{re.escape(WEIGHTS_FILE)}"):
        read_shapes(weights)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    assert refusal(folder) == f"{WEIGHTS_FILE}: missing"
    nowhere = folder / "nowhere"
    reason = f"{BUNDLE_FILE}: cannot be read (No such file or directory)"
    assert refusal(nowhere) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON (truncated?)"),
        ("{", "is not JSON (truncated?)"),
        ("[" * 100_000, "is not JSON (truncated?)"),
        ("[]", "is not the description of a bundle"),
        ("null", "is not the description of a bundle"),
        ('{"schema_version": 1, "folder": "/"}', "is not the description of a bundle"),
    ],
    ids=range(6),
)
def test_a_file_that_is_no_description_is_refused(folder: Path, text: str, reason: str) -> None:
    (folder / BUNDLE_FILE).write_text(text)
    assert refusal(folder) == f"{BUNDLE_FILE}: {reason}"


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


def test_compact_shapes_have_the_networks_sizes() -> None:
    """Two members, blocks of different widths; tests/encoder/test_compact.py compares all names."""
    config = CompactConfig(
        ConvLayer(8, 7, 2), (ConvLayer(12, 5, 2), ConvLayer(20, 3, 2)), 4, 3, 10, 6, members=2
    )
    shapes = weight_shapes(config)
    assert shapes["members.1.blocks.1.first.conv.weight"] == (20, 12, 1, 3)
    assert shapes["members.1.blocks.1.squeeze.weight"] == (5, 20)
    assert shapes["members.0.hidden.weight"] == (5, 100)  # 20 channels x (mean, max, 3 heads)
    assert shapes["classifier.weight"] == (6, 10) and shapes["classifier.bias"] == (6,)


# The file of weights


def test_the_safetensors_package_reads_what_is_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    shapes = weight_shapes(CONFIG)
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    path = tmp_path / WEIGHTS_FILE
    sha256 = write_weights(path, shapes, tensors)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 0  # the data start aligned
    loaded = load_file(path)
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(loaded[name], tensor)
    assert read_shapes(path) == shapes
    assert [entry.name for entry in tmp_path.iterdir()] == [WEIGHTS_FILE]


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    path = tmp_path / WEIGHTS_FILE
    # 65504 is the largest finite value in half precision.
    tensors = {"gain": np.array([0.1, -3.0, 65504.0], np.float32)}
    write_weights(path, {"gain": (3,)}, tensors, "F16")
    assert read_shapes(path) == {"gain": (3,)}
    np.testing.assert_array_equal(load_file(path)["gain"], tensors["gain"].astype(np.float16))
    too_large = {"gain": np.array([1e5], np.float32)}
    with pytest.raises(BadCheckpoint, match=r"^gain: holds values that are not finite$"):
        write_weights(path, {"gain": (1,)}, too_large, "F16")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 3), np.float32), "shape (2, 3), the configuration requires (2,)"),
        (np.array([1.0, np.nan], np.float32), "holds values that are not finite"),
        (np.array([np.inf, 0], np.float32), "holds values that are not finite"),
    ],
    ids=range(3),
)
def test_unsuitable_weights_are_not_written(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    with pytest.raises(BadCheckpoint) as refused:
        write_weights(tmp_path / WEIGHTS_FILE, {"gain": (2,)}, {"gain": array})
    assert refused.value.detail == f"gain: {reason}"
    assert list(tmp_path.iterdir()) == []


def raw_file(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype: str, shape: list[int], end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


def test_metadata_and_empty_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / WEIGHTS_FILE
    save_file({"gain": np.zeros((2, 3), np.float32)}, path, metadata={"format": "pt"})
    assert read_shapes(path) == {"gain": (2, 3)}
    assert read_shapes(raw_file(path, {})) == {}


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ({"a": entry("F64", [1], 8)}, bytes(8), "holds types other than float32 and float16"),
        ({"a": entry("F32", [1], 4)}, bytes(5), "{size} bytes, the header states {less}"),
        ({"a": entry("F32", [2], 8)}, bytes(7), "{size} bytes, the header states {more}"),
        ({"a": {"dtype": "F32"}}, b"", "the header is damaged"),
        ([1, 2], b"", "the header is damaged"),
        ({"a": 1}, b"", "the header is damaged"),
        (b"{{", b"", "the header is damaged"),
        (b"[" * 100_000, b"", "the header is damaged"),
    ],
    ids=range(8),
)
def test_a_damaged_header_is_refused(
    tmp_path: Path, header: object, data: bytes, reason: str
) -> None:
    path = raw_file(tmp_path / WEIGHTS_FILE, header, data)
    size = path.stat().st_size
    with pytest.raises(BadBundle) as refused:
        read_shapes(path)
    expected = reason.format(size=size, less=size - 1, more=size + 1)
    assert refused.value.detail == f"{WEIGHTS_FILE}: {expected}"


@pytest.mark.parametrize("length", [0, 1, 93, 2**63])
def test_a_header_that_is_longer_than_the_file_or_too_short_is_refused(
    tmp_path: Path, length: int
) -> None:
    """The file has 100 bytes: 8 for the length, 92 for the header."""
    path = tmp_path / WEIGHTS_FILE
    path.write_bytes(struct.pack("<Q", length) + b"{}".ljust(92))
    with pytest.raises(BadBundle) as refused:
        read_shapes(path)
    assert refused.value.detail == (
        f"{WEIGHTS_FILE} is not a safetensors file, or is truncated (100 bytes)"
    )
    path.write_bytes(struct.pack("<Q", 92) + b"{}".ljust(92))
    assert read_shapes(path) == {}
