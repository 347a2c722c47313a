"""A head's folder gives back the head; whatever else lies in such a folder is refused with a word on what is wrong."""

from __future__ import annotations

import hashlib
import json
import os
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
    MAX_WEIGHTS_BYTES,
    WEIGHTS_FILE,
    check_name,
    head_bytes,
    read_head,
    write_head,
)
from heads.head import Head
from tests.heads.made import WIDTH, linear, perceptron


@pytest.mark.parametrize(
    "head", [linear(card="For tests.", made={"records": 2}), perceptron()], ids=["linear", "mlp"]
)
def test_a_head_survives_its_folder(head: Head, tmp_path: Path) -> None:
    write_head(head, tmp_path / "head")
    found = read_head(tmp_path / "head")
    x = np.random.default_rng(0).standard_normal((3, WIDTH))
    np.testing.assert_array_equal(found.probabilities(x), head.probabilities(x))
    assert (found.name, found.encoder, found.labels, found.made, found.card) == (
        head.name, head.encoder, head.labels, head.made, head.card,
    )  # fmt: skip
    np.testing.assert_array_equal(found.trained_on, head.trained_on)
    assert sorted(path.name for path in (tmp_path / "head").iterdir()) == [HEAD_FILE, WEIGHTS_FILE]


def test_nothing_is_written_over_and_nothing_half_written_is_left(tmp_path: Path) -> None:
    write_head(linear(), tmp_path / "head")
    with pytest.raises(BadHead, match="never written over"):
        write_head(linear(seed=1), tmp_path / "head")
    assert [path.name for path in tmp_path.iterdir()] == ["head"]


Hostile = Callable[[Path], None]


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads((folder / HEAD_FILE).read_text())
    change(values)
    (folder / HEAD_FILE).write_text(json.dumps(values))


def with_tensors(folder: Path, **tensors: np.ndarray) -> None:
    """Weights that the description vouches for, as somebody would write who means harm."""
    weights = save(tensors)
    (folder / WEIGHTS_FILE).write_bytes(weights)
    rewritten(
        folder,
        lambda values: values.update(
            weights={"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
        ),
    )


def layers(
    *shapes: tuple[tuple[int, ...], tuple[int, ...]], fill: float = 0.0
) -> dict[str, np.ndarray]:
    found = {}
    for number, (weight, bias) in enumerate(shapes):
        found |= {
            f"layers.{number}.weight": np.full(weight, fill, np.float32),
            f"layers.{number}.bias": np.zeros(bias, np.float32),
        }
    return found


def vouched(folder: Path, weights: bytes) -> None:
    (folder / WEIGHTS_FILE).write_bytes(weights)
    rewritten(
        folder,
        lambda values: values.update(
            weights={"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
        ),
    )


def truncated(folder: Path) -> None:
    (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:-7])


def truncated_and_vouched_for(folder: Path) -> None:
    vouched(folder, (folder / WEIGHTS_FILE).read_bytes()[:-7])


def altered(folder: Path) -> None:
    weights = bytearray((folder / WEIGHTS_FILE).read_bytes())
    weights[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(weights)


def header_of_a_terabyte(folder: Path) -> None:
    vouched(folder, (10**12).to_bytes(8, "little") + b"{}")


def tensor_beyond_the_file(folder: Path) -> None:
    header = json.dumps(
        {"layers.0.weight": {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 2**62]}}
    ).encode()
    vouched(folder, len(header).to_bytes(8, "little") + header)


def huge(folder: Path) -> None:
    with (folder / WEIGHTS_FILE).open("r+b") as file:
        file.truncate(MAX_WEIGHTS_BYTES + 1)


def huge_description(folder: Path) -> None:
    (folder / HEAD_FILE).write_bytes(b" " * (MAX_JSON_BYTES + 1))


def linked_weights(folder: Path) -> None:
    (folder / WEIGHTS_FILE).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS_FILE).symlink_to(folder.parent / "elsewhere")


def pipe(folder: Path) -> None:
    (folder / HEAD_FILE).unlink()
    os.mkfifo(folder / HEAD_FILE)


def pickled(folder: Path) -> None:
    vouched(
        folder,
        b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
    )


FITTING = ((2, WIDTH), (2,))
HOSTILE: list[tuple[Hostile, str]] = [
    (lambda folder: (folder / WEIGHTS_FILE).unlink(), "cannot be read"),
    (lambda folder: (folder / HEAD_FILE).unlink(), "cannot be read"),
    (truncated, "cut off, or altered"),
    (truncated_and_vouched_for, "no safetensors file"),
    (altered, "cut off, or altered"),
    (header_of_a_terabyte, "no safetensors file"),
    (tensor_beyond_the_file, "no safetensors file"),
    (huge, "more than"),
    (huge_description, "more than"),
    (linked_weights, "cannot be read"),
    (pipe, "no plain file"),
    (pickled, "no safetensors file"),
    (lambda folder: (folder / HEAD_FILE).write_bytes(b'{"schema_version": 1,'), "not JSON"),
    (lambda folder: (folder / HEAD_FILE).write_bytes(b"[" * 100_000), "not JSON"),
    (lambda folder: (folder / HEAD_FILE).write_bytes(b"[]"), "no object"),
    (lambda folder: rewritten(folder, lambda values: values.update(schema_version=2)), "schema_version 2"),
    (lambda folder: rewritten(folder, lambda values: values.pop("encoder")), "encoder"),
    (lambda folder: rewritten(folder, lambda values: values["encoder"].update(sha256="abc")), "64 hex digits"),
    (lambda folder: rewritten(folder, lambda values: values.update(labels=[])), "labels"),
    (lambda folder: rewritten(folder, lambda values: values["labels"].pop()), "labels: 1"),
    (lambda folder: rewritten(folder, lambda values: values["labels"][0].update(name="SR")), "each named once"),
    (lambda folder: rewritten(folder, lambda values: values["labels"][0].update(threshold=1.5)), "threshold is 1.5"),
    (lambda folder: rewritten(folder, lambda values: values["labels"][0].update(slope="steep")), "slope"),
    (lambda folder: rewritten(folder, lambda values: values["labels"][0].update(slope=float("nan"))), "slope"),
    (lambda folder: rewritten(folder, lambda values: values["labels"][0].update(offset=10**400)), "offset"),
    (lambda folder: rewritten(folder, lambda values: values.update(labels="AF")), "labels"),
    (lambda folder: rewritten(folder, lambda values: values.update(width=7)), "say otherwise"),
    (lambda folder: rewritten(folder, lambda values: values.update(kind="mlp")), "say otherwise"),
    (lambda folder: rewritten(folder, lambda values: values.update(made=[1])), "made"),
    (lambda folder: rewritten(folder, lambda values: values.update(name="../champion")), "name is"),
    (lambda folder: with_tensors(folder, **layers(((2, WIDTH), (2,)), fill=np.nan)), "not finite"),
    (lambda folder: with_tensors(folder, **layers(((2, WIDTH), (2,)), fill=np.inf)), "not finite"),
    (lambda folder: with_tensors(folder, **layers(((2, WIDTH), (3,)))), "shapes"),
    (lambda folder: with_tensors(folder, **layers(((2, 3, WIDTH), (2,)))), "shapes"),
    (lambda folder: with_tensors(folder, **layers(((2, 0), (2,)))), "shapes"),
    (lambda folder: with_tensors(folder, **layers(((4, WIDTH), (4,)), ((2, 5), (2,)))), "shapes"),
    (lambda folder: with_tensors(folder, **layers(*[((6, WIDTH), (6,))] * 5)), "at most"),
    (lambda folder: with_tensors(folder, **layers(((2, WIDTH), (2,))), extra=np.zeros(2, np.float32)), "tensors"),
    (lambda folder: with_tensors(folder, weight=np.zeros((2, WIDTH), np.float32), bias=np.zeros(2, np.float32)), "tensors"),
    (lambda folder: with_tensors(folder, **{name: value.astype(np.float64) for name, value in layers(FITTING).items()}), "float32"),
    (lambda folder: with_tensors(folder, **layers(((2, WIDTH), (2,))), trained_on=np.zeros((2, 2), np.uint64)), "trained_on"),
    (lambda folder: with_tensors(folder, trained_on=np.zeros(2, np.uint64)), "tensors"),
]  # fmt: skip


@pytest.mark.parametrize(
    "attack, words", HOSTILE, ids=[f"{number}-{words}" for number, (_, words) in enumerate(HOSTILE)]
)
def test_a_hostile_folder_is_refused_and_what_is_wrong_is_said(
    attack: Hostile, words: str, tmp_path: Path
) -> None:
    write_head(linear(), tmp_path / "head")
    attack(tmp_path / "head")
    with pytest.raises(BadHead, match=words):
        read_head(tmp_path / "head")


BAD_NAMES = (
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc",
    "a\\b",
    ".hidden",
    "A",
    "a b",
    "a\x00",
    "a.json",
    "-a",
    "a-",
    "é",
    "a" * 65,
    "a\n",
    7,
    None,
)


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_name_that_could_be_a_path_is_none(name: object) -> None:
    with pytest.raises(BadHead, match="name is"):
        check_name(name)


def test_usual_names_are_names() -> None:
    assert [check_name(name) for name in ("superclass", "a", "af-2026_v2", "a" * 64)]


def test_the_same_head_gives_the_same_bytes() -> None:
    assert head_bytes(linear()) == head_bytes(linear())
