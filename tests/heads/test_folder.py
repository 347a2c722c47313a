"""A folder gives back its head; any other content is refused with a message naming the fault."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from errors import BadHead
from heads.folder import (
    HEAD_FILE,
    MAX_JSON_BYTES,
    MAX_LABELS,
    MAX_LAYERS,
    MAX_WEIGHTS_BYTES,
    WEIGHTS_FILE,
    check_name,
    head_bytes,
    read_files,
    read_head,
    write_files,
    write_head,
)
from heads.head import Head
from tests.heads.small_heads import WIDTH, linear_head, mlp_head

Tensors = dict[str, np.ndarray]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A valid head's folder."""
    write_head(linear_head(), tmp_path / "head")
    return tmp_path / "head"


def refusal(folder: Path) -> str:
    with pytest.raises(BadHead) as refused:
        read_head(folder)
    return refused.value.detail


# --- valid folders


@pytest.mark.parametrize(
    "head",
    [linear_head(card="For tests.", training={"records": 2}), mlp_head()],
    ids=["linear", "mlp"],
)
def test_a_head_survives_its_folder(head: Head, tmp_path: Path) -> None:
    write_head(head, tmp_path / "head")
    found = read_head(tmp_path / "head")
    x = np.random.default_rng(0).standard_normal((3, WIDTH))
    np.testing.assert_array_equal(found.probabilities(x), head.probabilities(x))
    assert found.name == head.name
    assert found.encoder == head.encoder
    assert found.labels == head.labels
    assert found.training == head.training
    assert found.card == head.card
    np.testing.assert_array_equal(found.trained_on, head.trained_on)
    assert sorted(path.name for path in (tmp_path / "head").iterdir()) == [HEAD_FILE, WEIGHTS_FILE]


def test_the_files_can_be_read_by_other_users(folder: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    assert folder.stat().st_mode & 0o777 == 0o755


def test_the_same_head_gives_the_same_bytes() -> None:
    description, weights = head_bytes(linear_head())
    assert head_bytes(linear_head()) == (description, weights)
    values = json.loads(description)
    assert list(values) == [
        "schema_version",
        "name",
        "kind",
        "width",
        "encoder",
        "labels",
        "weights",
        "made",
        "card",
    ]
    assert values["schema_version"] == 1
    assert values["weights"] == {
        "bytes": len(weights),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }


def test_digests_of_patients_are_sorted_when_read(folder: Path) -> None:
    tensors = {**layers(FITTING), "trained_on": np.array([7, 3, 5], np.uint64)}
    write_weights(folder, save(tensors))
    assert read_head(folder).trained_on.tolist() == [3, 5, 7]
    write_weights(folder, save(layers(FITTING)))
    assert read_head(folder).trained_on.tolist() == []


def test_optional_fields_may_be_missing_and_unknown_ones_are_ignored(folder: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        del values["made"], values["card"], values["encoder"]["revision"]
        del values["labels"][0]["description"]
        values["labels"][1]["description"] = None
        values["labels"][1]["colour"] = "red"
        values["later"] = {"field": 1}

    rewrite_description(folder, change)
    head = read_head(folder)
    assert (head.training, head.card, head.encoder.revision) == ({}, None, None)
    assert [label.description for label in head.labels] == ["", ""]


def test_integers_are_numbers_and_thresholds_of_0_and_1_are_allowed(folder: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["labels"][0] |= {"threshold": 0, "slope": 2, "offset": -3}
        values["labels"][1] |= {"threshold": 1, "slope": -999_999_999, "offset": 999_999_999.0}

    rewrite_description(folder, change)
    first, second = read_head(folder).labels
    assert (first.threshold, first.slope, first.offset) == (0.0, 2.0, -3.0)
    assert (second.threshold, second.slope, second.offset) == (1.0, -999_999_999.0, 999_999_999.0)


def test_the_largest_sizes_are_allowed(folder: Path) -> None:
    names = [f"{number:0256}" for number in range(MAX_LABELS)]
    label = {"threshold": 0.5, "slope": 1.0, "offset": 0.0}
    shapes = [((WIDTH, WIDTH), (WIDTH,))] * (MAX_LAYERS - 1)
    shapes.append(((MAX_LABELS, WIDTH), (MAX_LABELS,)))
    write_weights(folder, save(layers(*shapes)))

    def change(values: dict[str, Any]) -> None:
        values["kind"] = "mlp"
        values["labels"] = [{"name": name, **label} for name in names]

    rewrite_description(folder, change)
    head = read_head(folder)
    assert len(head.layers) == MAX_LAYERS
    assert head.label_names == tuple(names)


def test_the_smallest_head_is_allowed(tmp_path: Path) -> None:
    write_head(linear_head(labels=("AF",), width=1), tmp_path / "head")
    head = read_head(tmp_path / "head")
    assert (head.width, head.label_names) == (1, ("AF",))


# --- writing


def test_a_folder_is_never_overwritten_and_nothing_partial_is_left(tmp_path: Path) -> None:
    write_head(linear_head(), tmp_path / "head")
    before = read_files(tmp_path / "head")
    with pytest.raises(BadHead, match=r"^head: exists already; heads are never overwritten$"):
        write_head(linear_head(seed=1), tmp_path / "head")
    assert read_files(tmp_path / "head") == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadHead, match=r"^file: exists already"):
        write_head(linear_head(), tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "head"]


def test_a_head_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadHead, match="name is 'no name'"):
        write_head(linear_head("no name"), tmp_path / "head")
    assert list(tmp_path.iterdir()) == []


# --- files that are not regular, or too large


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    assert refusal(folder) == "head.safetensors: cannot be read (No such file or directory)"
    (folder / HEAD_FILE).unlink()
    assert refusal(folder) == "head.json: cannot be read (No such file or directory)"


def test_a_link_is_not_followed(folder: Path) -> None:
    (folder / WEIGHTS_FILE).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS_FILE).symlink_to(folder.parent / "elsewhere")
    assert refusal(folder).startswith("head.safetensors: cannot be read (Too many levels")


def test_a_pipe_does_not_block(folder: Path) -> None:
    (folder / HEAD_FILE).unlink()
    os.mkfifo(folder / HEAD_FILE)
    assert refusal(folder) == "head.json: is not a regular file"


@pytest.mark.parametrize(
    "name, limit", [(HEAD_FILE, MAX_JSON_BYTES), (WEIGHTS_FILE, MAX_WEIGHTS_BYTES)]
)
def test_files_are_read_up_to_their_limit(folder: Path, name: str, limit: int) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(limit)
    read_files(folder)
    with (folder / name).open("r+b") as file:
        file.truncate(limit + 1)
    with pytest.raises(BadHead, match=rf"^{re.escape(name)}: more than {limit} bytes$"):
        read_files(folder)


# --- head.json


def rewrite_description(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads((folder / HEAD_FILE).read_text())
    change(values)
    (folder / HEAD_FILE).write_text(json.dumps(values))


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{"schema_version": 1,', "head.json: is not JSON (cut off?)"),
        (b"[" * 100_000, "head.json: is not JSON (cut off?)"),
        (b"\xff\xfe", "head.json: is not JSON (cut off?)"),
        (b"[]", "head.json: is not a JSON object"),
        (b"{}", "head.json: schema_version None, this program reads 1"),
        (b'{"schema_version": 2}', "head.json: schema_version 2, this program reads 1"),
        (b'{"schema_version": []}', "head.json: schema_version of type list, this program reads 1"),
        (b'{"schema_version": 1}', "head.json: name: Field required"),
    ],
)
def test_a_description_of_another_form_is_refused(
    folder: Path, content: bytes, message: str
) -> None:
    (folder / HEAD_FILE).write_bytes(content)
    assert refusal(folder) == message


HEX = "String should match pattern '^[0-9a-f]{64}$'"
STRING = "Input should be a valid string"
NUMBER = "Input should be a valid number"

# Path of the field in head.json, its value, the message. The value DELETED removes the field.
DELETED = object()
BAD_FIELDS: list[tuple[str, Any, str]] = [
    ("name", DELETED, "name: Field required"),
    ("name", 7, f"name is 7: {STRING}"),
    ("encoder", DELETED, "encoder: Field required"),
    ("encoder.sha256", "abc", f"encoder.sha256 is 'abc': {HEX}"),
    ("encoder.sha256", "A" * 64, f"encoder.sha256 is '{'A' * 63}: {HEX}"),
    ("encoder.sha256", "a" * 64 + "\n", f"encoder.sha256 is '{'a' * 63}: {HEX}"),
    ("encoder.name", "", "encoder.name is '': String should have at least 1 character"),
    ("encoder.revision", 3, f"encoder.revision is 3: {STRING}"),
    ("labels", [], "labels is of type list: List should have at least 1 item after validation, "
                   "not 0"),
    ("labels", "AF", "labels is 'AF': Input should be a valid list"),
    ("labels.0.name", "x" * 257, f"labels.0.name is '{'x' * 63}: String should have at most 256 "
                                 "characters"),
    ("labels.1.threshold", 1.5, "labels.1.threshold is 1.5: Input should be less than or equal to "
                                "1"),
    ("labels.1.threshold", -1e-9, "labels.1.threshold is -1e-09: Input should be greater than or "
                                  "equal to 0"),
    ("labels.0.slope", "steep", f"labels.0.slope is 'steep': {NUMBER}"),
    ("labels.0.slope", True, f"labels.0.slope is True: {NUMBER}"),
    ("labels.0.slope", float("nan"), "labels.0.slope is nan: Input should be less than 1000000000"),
    ("labels.0.offset", 1e9, "labels.0.offset is 1000000000.0: Input should be less than "
                             "1000000000"),
    ("labels.0.offset", -1e9, "labels.0.offset is -1000000000.0: Input should be greater than "
                              "-1000000000"),
    ("labels.0.offset", 10**400, f"labels.0.offset is 1{'0' * 63}: {NUMBER}"),
    ("weights.bytes", "5", "weights.bytes is '5': Input should be a valid integer"),
    ("weights.sha256", None, f"weights.sha256 is None: {STRING}"),
    ("made", [1], "made is of type list: Input should be a valid dictionary"),
    ("card", 5, f"card is 5: {STRING}"),
    ("kind", "tree", "kind is 'tree': Input should be 'linear' or 'mlp'"),
    ("width", "6", "width is '6': Input should be a valid integer"),
    ("kind", "mlp", "kind mlp and width 6 do not fit the weights, which are linear on 6 numbers"),
    ("width", 7, "kind linear and width 7 do not fit the weights, which are linear on 6 numbers"),
    ("labels.0.name", "SR", "2 labels, 1 of them different, for 2 rows of the last layer"),
    ("labels.0", DELETED, "1 labels, 1 of them different, for 2 rows of the last layer"),
]  # fmt: skip


@pytest.mark.parametrize(
    "field, value, message", BAD_FIELDS, ids=[f"{n}-{row[0]}" for n, row in enumerate(BAD_FIELDS)]
)
def test_a_bad_field_is_refused_with_field_value_and_rule(
    folder: Path, field: str, value: Any, message: str
) -> None:
    def change(values: dict[str, Any]) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in field.split(".")]
        target: Any = values
        for part in parents:
            target = target[part]
        if value is DELETED:
            del target[last]
        else:
            target[last] = value

    rewrite_description(folder, change)
    assert refusal(folder) == f"head.json: {message}"


def test_more_labels_than_allowed_are_refused(folder: Path) -> None:
    rewrite_description(
        folder, lambda values: values.update(labels=values["labels"][:1] * (MAX_LABELS + 1))
    )
    assert "at most 1000 items" in refusal(folder)


def test_a_name_that_could_be_a_path_is_refused(folder: Path) -> None:
    rewrite_description(folder, lambda values: values.update(name="../champion"))
    assert refusal(folder) == (
        "name is '../champion'; 1 to 64 of a-z, 0-9, - and _ are allowed, "
        "a letter or digit first and last"
    )


# --- head.safetensors


def write_weights(folder: Path, weights: bytes) -> None:
    """Write weights with the checksum that head.json states, as an attacker would."""
    (folder / WEIGHTS_FILE).write_bytes(weights)
    sha256 = hashlib.sha256(weights).hexdigest()
    rewrite_description(
        folder,
        lambda values: values.update(weights={"bytes": len(weights), "sha256": sha256}),
    )


def layers(*shapes: tuple[tuple[int, ...], tuple[int, ...]], fill: float = 0.0) -> Tensors:
    tensors = {}
    for number, (weight, bias) in enumerate(shapes):
        tensors[f"layers.{number}.weight"] = np.full(weight, fill, np.float32)
        tensors[f"layers.{number}.bias"] = np.zeros(bias, np.float32)
    return tensors


def test_weights_that_head_json_does_not_state_are_refused(folder: Path) -> None:
    weights = (folder / WEIGHTS_FILE).read_bytes()
    sha256 = hashlib.sha256(weights).hexdigest()
    (folder / WEIGHTS_FILE).write_bytes(weights[:-7])
    cut = hashlib.sha256(weights[:-7]).hexdigest()
    assert refusal(folder) == (
        f"head.safetensors: {len(weights) - 7} bytes with sha256 {cut}; head.json states "
        f"{len(weights)} bytes with sha256 '{sha256[:63]} (cut off, or altered)"
    )
    (folder / WEIGHTS_FILE).write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert refusal(folder).endswith("(cut off, or altered)")
    (folder / WEIGHTS_FILE).write_bytes(weights)
    rewrite_description(folder, lambda values: values["weights"].update(bytes=len(weights) + 1))
    assert refusal(folder).endswith("(cut off, or altered)")


def _tensor_beyond_the_file() -> bytes:
    entry = {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 2**62]}
    header = json.dumps({"layers.0.weight": entry}).encode()
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        save(layers(((2, WIDTH), (2,))))[:-7],
        (10**12).to_bytes(8, "little") + b"{}",
        _tensor_beyond_the_file(),
        b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
    ],
    ids=["empty", "cut off", "header of a terabyte", "tensor beyond the file", "pickle"],
)
def test_what_is_not_safetensors_is_refused(folder: Path, weights: bytes) -> None:
    write_weights(folder, weights)
    assert refusal(folder).startswith("head.safetensors: damaged, or not a safetensors file (")


FITTING = ((2, WIDTH), (2,))
NOT_FINITE = "layers.0 holds values that are not finite"
NEEDED = "layers.0.weight, layers.0.bias and so on are needed, at most 4 layers"
ZEROS = np.zeros(2, np.float32)
BAD_TENSORS: list[tuple[str, Tensors, str]] = [
    ("NaN", layers(FITTING, fill=np.nan), NOT_FINITE),
    ("infinity", layers(FITTING, fill=np.inf), NOT_FINITE),
    ("NaN bias", {**layers(FITTING), "layers.0.bias": ZEROS * np.float32("nan")}, NOT_FINITE),
    ("bias", layers(((2, WIDTH), (3,))), "layers.0 has shapes (2, 6) and (3,) after None numbers"),
    (
        "three dimensions",
        layers(((2, 3, WIDTH), (2,))),
        "layers.0 has shapes (2, 3, 6) and (2,) after None numbers",
    ),
    (
        "no columns",
        layers(((2, 0), (2,))),
        "layers.0 has shapes (2, 0) and (2,) after None numbers",
    ),
    (
        "widths",
        layers(((4, WIDTH), (4,)), ((2, 5), (2,))),
        "layers.1 has shapes (2, 5) and (2,) after 4 numbers",
    ),
    ("five layers", layers(*[((6, WIDTH), (6,))] * 5), f"10 tensors; {NEEDED}"),
    ("extra", {**layers(FITTING), "extra": ZEROS}, f"3 tensors; {NEEDED}"),
    ("names", {"weight": np.zeros((2, 6), np.float32), "bias": ZEROS}, f"2 tensors; {NEEDED}"),
    ("none", {"trained_on": np.zeros(2, np.uint64)}, f"0 tensors; {NEEDED}"),
    (
        "float64",
        {name: value.astype(np.float64) for name, value in layers(FITTING).items()},
        "layers.0 is float64 and float64; float32 is needed",
    ),
    (
        "float64 bias",
        {**layers(FITTING), "layers.0.bias": np.zeros(2)},
        "layers.0 is float32 and float64; float32 is needed",
    ),
    (
        "digests of two dimensions",
        {**layers(FITTING), "trained_on": np.zeros((2, 2), np.uint64)},
        "trained_on must be a list of uint64",
    ),
    (
        "signed digests",
        {**layers(FITTING), "trained_on": np.zeros(2, np.int64)},
        "trained_on must be a list of uint64",
    ),
]


@pytest.mark.parametrize(
    "tensors, message",
    [row[1:] for row in BAD_TENSORS],
    ids=[row[0] for row in BAD_TENSORS],
)
def test_bad_tensors_are_refused(folder: Path, tensors: Tensors, message: str) -> None:
    write_weights(folder, save(tensors))
    assert refusal(folder) == f"head.safetensors: {message}"


# --- names

BAD_NAMES = (
    "", ".", "..", "../x", "a/b", "/etc", "a\\b", ".hidden", "A", "a b", "a\x00", "a.json", "-a",
    "a-", "é", "a" * 65, "a\n", 7, None,
)  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_name_that_is_unsafe_as_a_folder_is_refused(name: object) -> None:
    with pytest.raises(BadHead) as refused:
        check_name(name)
    assert refused.value.detail.startswith(f"name is {repr(name)[:64]}; 1 to 64 of a-z")


def test_usual_names_are_allowed() -> None:
    names = ["superclass", "a", "af-2026_v2", "a" * 64]
    assert [check_name(name) for name in names] == names


def test_write_files_creates_the_parent_folder(tmp_path: Path) -> None:
    write_files(b"{}", b"weights", tmp_path / "a" / "b")
    assert read_files(tmp_path / "a" / "b") == (b"{}", b"weights")
