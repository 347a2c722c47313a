"""All of a fairseq-signals checkpoint becomes our encoder, or nothing."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from encoder.config import ConvLayer, EcgFmConfig
from encoder.ecg_fm import EcgFm
from errors import BadCheckpoint
from model_store.checkpoint import read_checkpoint
from model_store.fairseq import ImportedEncoder, fold_weight_norm, import_fairseq
from model_store.fairseq_cfg import parse_conv_layers
from tests.data import CARRIED
from tests.encoder.naive import Sizes, Weights, random_weights, save_checkpoint

SIZES = Sizes()


def imported(folder: Path, weights: Weights, cfg: dict[str, Any]) -> ImportedEncoder:
    return import_fairseq(read_checkpoint(save_checkpoint(folder / "c.pt", weights, cfg)))


@pytest.mark.parametrize("spelling", ["old", "new"])
def test_the_trainers_own_files_give_the_sizes_they_were_made_with(spelling: str) -> None:
    finetuned = import_fairseq(read_checkpoint(CARRIED / f"tiny_finetuned_{spelling}.pt"))
    config = EcgFmConfig(
        conv_layers=(ConvLayer(16, 2, 2),) * 4,
        width=32,
        ffn_width=48,
        depth=3,
        heads=4,
        conv_pos_kernel=128,
        conv_pos_groups=16,
        labels=17,
    )
    assert (finetuned.config, finetuned.labels, finetuned.kind) == (config, 17, "finetuned")
    assert finetuned.skipped == finetuned.assumed == ()
    pretrained = import_fairseq(read_checkpoint(CARRIED / f"tiny_pretrained_{spelling}.pt"))
    assert pretrained.config == replace(config, labels=0)
    assert pretrained.kind == "pretrained"
    assert {name.split(".")[0] for name in pretrained.skipped} == {
        "mask_emb",
        "quantizer",
        "project_q",
        "final_proj",
    }
    assert len(pretrained.skipped) == 8


def test_both_spellings_of_weight_norm_give_the_same_tensors() -> None:
    for kind in ("finetuned", "pretrained"):
        old, new = (
            import_fairseq(read_checkpoint(CARRIED / f"tiny_{kind}_{spelling}.pt")).tensors
            for spelling in ("old", "new")
        )
        assert set(old) == set(new)
        for name in old:
            np.testing.assert_allclose(old[name], new[name], atol=1e-6)


@pytest.mark.parametrize(
    "sizes",
    [Sizes(), Sizes(labels=0), Sizes(conv_bias=True), Sizes(conv=((32, 2, 2),), norm_first=True)],
)
def test_the_tensors_are_exactly_the_encoders(sizes: Sizes, tmp_path: Path) -> None:
    found = imported(tmp_path, random_weights(sizes), sizes.cfg())
    assert {name: array.shape for name, array in found.tensors.items()} == {
        name: tuple(weight.shape) for name, weight in EcgFm(found.config).state_dict().items()
    }
    assert all(array.dtype == np.float32 for array in found.tensors.values())


def test_weight_norm_is_that_of_each_kernel_position() -> None:
    rng = np.random.default_rng(0)
    direction, gain = (
        rng.normal(size=(8, 2, 5)).astype(np.float32),
        rng.normal(size=(1, 1, 5)).astype(np.float32),
    )
    conv = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(8, 8, 5, groups=4), dim=2)
    with torch.no_grad():
        conv.parametrizations.weight.original0.copy_(torch.from_numpy(gain))
        conv.parametrizations.weight.original1.copy_(torch.from_numpy(direction))
    np.testing.assert_allclose(
        fold_weight_norm(gain, direction), conv.weight.detach().numpy(), atol=1e-6
    )
    with pytest.raises(BadCheckpoint, match="divides by 0"):
        fold_weight_norm(gain, np.zeros_like(direction))


def test_half_precision_checkpoints_come_as_float32(tmp_path: Path) -> None:
    model = {name: torch.from_numpy(value).half() for name, value in random_weights(SIZES).items()}
    torch.save({"cfg": {"model": SIZES.cfg()}, "model": model}, tmp_path / "c.pt")
    tensors = import_fairseq(read_checkpoint(tmp_path / "c.pt")).tensors
    assert all(array.dtype == np.float32 for array in tensors.values())


# What cfg does not say


def test_without_cfg_the_defaults_are_taken_and_named(tmp_path: Path) -> None:
    sizes = Sizes(width=128, heads=2)
    found = imported(tmp_path, random_weights(sizes), {})
    assert (
        found.config == imported(tmp_path, random_weights(sizes), sizes.cfg()).config
    )  # heads of 64, strides = kernels, post-LN
    assert found.assumed == (
        "encoder_attention_heads = 2",
        "conv strides = kernels",
        "layer_norm_first = False",
    )


def test_a_config_of_code_counts_as_none(tmp_path: Path) -> None:
    model = {name: torch.from_numpy(value) for name, value in random_weights(SIZES).items()}
    torch.save({"cfg": argparse.Namespace(**SIZES.cfg()), "model": model}, tmp_path / "c.pt")
    read = read_checkpoint(tmp_path / "c.pt")
    assert read.ignored == ("argparse.Namespace",)
    assert (
        "encoder_attention_heads = 1" in import_fairseq(read).assumed
    )  # 32 channels are less than one head of 64


# What is refused

CONTRADICTIONS = {
    "encoder_layers": 12,
    "encoder_embed_dim": 768,
    "encoder_ffn_embed_dim": 3072,
    "conv_bias": True,
    "in_d": 1,
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "num_labels": 26,
    "extractor_mode": "layer_norm",
    "_name": "wav2vec2_cmsc",
    "conv_feature_layers": "[(16, 2, 2)] * 3",
    "encoder_attention_heads": 5,
    "layer_norm_first": "yes",
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_cfg_that_contradicts_the_tensors_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=rf"{name}|5 heads"):
        imported(tmp_path, random_weights(SIZES), SIZES.cfg() | {name: CONTRADICTIONS[name]})


@pytest.mark.parametrize("value", [0, -4, True, 4.0, "4", [4], 2**62])
def test_a_number_of_heads_that_is_none_is_refused(value: object, tmp_path: Path) -> None:
    shown = "a list" if isinstance(value, list) else repr(value)
    reasons = (
        f"cfg.model.encoder_attention_heads is {shown}; a positive integer is required",
        f"32 channels cannot be split into {value} heads and positional groups of 8",
    )
    with pytest.raises(BadCheckpoint) as refused:
        imported(tmp_path, random_weights(SIZES), SIZES.cfg() | {"encoder_attention_heads": value})
    assert refused.value.detail == reasons[value == 2**62]


@pytest.mark.parametrize("width, heads", [(48, 1), (128, 2), (320, 5)])
def test_without_a_stated_number_heads_have_64_channels(
    width: int, heads: int, tmp_path: Path
) -> None:
    sizes = Sizes(width=width)
    cfg = sizes.cfg()
    del cfg["encoder_attention_heads"]
    assert imported(tmp_path, random_weights(sizes), cfg).config.heads == heads


@pytest.mark.parametrize("sizes", [Sizes(), Sizes(labels=0)], ids=["finetuned", "pretrained"])
def test_every_single_tensor_is_needed(sizes: Sizes, tmp_path: Path) -> None:
    weights = random_weights(sizes)
    for name in weights:
        with pytest.raises(BadCheckpoint) as refusal:
            imported(
                tmp_path, {key: value for key, value in weights.items() if key != name}, sizes.cfg()
            )
        assert (
            "missing" in refusal.value.detail
            or "no tensor" in refusal.value.detail
            or "fit" in refusal.value.detail
        ), name


def test_what_is_unknown_is_listed_and_then_counted(tmp_path: Path) -> None:
    extra = {f"encoder.adapter.{number}.weight": np.ones(2, np.float32) for number in range(9)}
    listed = "; ".join(f"encoder.adapter.{number}.weight is unknown" for number in range(5))
    prefix = "c.pt is not an ECG-FM that can be served: "
    extra = {f"encoder.{name}": value for name, value in extra.items()}
    for count, more in ((5, ""), (6, "; and 1 more"), (9, "; and 4 more")):
        some = dict(list(extra.items())[:count])
        with pytest.raises(BadCheckpoint) as refused:
            imported(tmp_path, random_weights(SIZES) | some, SIZES.cfg())
        assert refused.value.detail == prefix + listed + more


@pytest.mark.parametrize(
    "name", ["mask_emb", "quantizer.vars", "project_q.weight", "final_proj.bias"]
)
def test_pretrainings_extras_are_skipped_by_name_and_only_in_its_own_file(
    name: str, tmp_path: Path
) -> None:
    pretrained = Sizes(labels=0)
    extra = {name: np.ones(3, np.float32)}
    assert imported(tmp_path, random_weights(pretrained) | extra, pretrained.cfg()).skipped == (
        name,
    )
    for odd, sizes in (
        (name, SIZES),
        (f"{name}.more", pretrained),
        (f"encoder.{name}", pretrained),
    ):
        with pytest.raises(BadCheckpoint, match="is unknown"):
            imported(tmp_path, random_weights(sizes) | {odd: np.ones(3, np.float32)}, sizes.cfg())


def test_a_tensor_of_another_shape_is_refused(tmp_path: Path) -> None:
    for name in (
        "encoder.encoder.layers.1.fc1.weight",
        "encoder.layer_norm.bias",
        "proj.bias",
        "encoder.encoder.layer_norm.weight",
    ):
        with pytest.raises(BadCheckpoint, match="shape"):
            imported(
                tmp_path, random_weights(SIZES) | {name: np.ones((3, 2), np.float32)}, SIZES.cfg()
            )


def test_two_weight_norms_or_one_tensor_twice_are_refused(tmp_path: Path) -> None:
    weights = random_weights(SIZES)
    with pytest.raises(BadCheckpoint, match=r"weight_[gv] is unknown"):
        imported(tmp_path, weights | random_weights(SIZES, new_spelling=False), SIZES.cfg())
    with pytest.raises(BadCheckpoint, match="with and without the prefix"):
        imported(tmp_path, weights | {"layer_norm.weight": np.ones(16, np.float32)}, SIZES.cfg())


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="this is not an ECG-FM"):
        imported(tmp_path, {"fc.weight": np.ones((2, 2), np.float32)}, {})
    with pytest.raises(BadCheckpoint, match="this is not an ECG-FM"):
        imported(tmp_path, {}, {})


# The convolutions' expression


def test_the_largest_expressions() -> None:
    layer = "(1, 1, 1)"
    assert len(parse_conv_layers(f"[{layer}] * 64")) == 64
    assert len(parse_conv_layers(f"[{layer}] * 60 + [{layer}] * 4")) == 64
    assert parse_conv_layers("[(999999, 1, 1)]") == (ConvLayer(999999, 1, 1),)
    for expression in (f"[{layer}] * 65", f"[{layer}] * 60 + [{layer}] * 5"):
        with pytest.raises(BadCheckpoint) as refused:
            parse_conv_layers(expression)
        assert refused.value.detail == "cfg.model.conv_feature_layers has more than 64 layers"
    padded = f"[{layer}]".ljust(1000)
    assert parse_conv_layers(padded) == (ConvLayer(1, 1, 1),)
    for expression in (padded + " ", "[(1000000, 1, 1)]", f"[{layer}] * 1000"):
        with pytest.raises(BadCheckpoint) as refused:
            parse_conv_layers(expression)
        assert refused.value.detail == (
            f"cfg.model.conv_feature_layers is {repr(expression)[:80]}; an expression such as "
            "[(256, 2, 2)] * 4 is required"
        )


def test_the_expressions_that_people_write_are_read() -> None:
    assert parse_conv_layers("[(256, 2, 2)] * 4") == (ConvLayer(256, 2, 2),) * 4
    assert parse_conv_layers("[(16,2,2)]*4") == (ConvLayer(16, 2, 2),) * 4
    expected = (ConvLayer(512, 10, 5), *[ConvLayer(512, 3, 2)] * 4, *[ConvLayer(512, 2, 2)] * 2)
    assert parse_conv_layers("[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] * 2") == expected
    assert (
        parse_conv_layers(" [(8, 3, 1), (9, 2, 1),]*2 ")
        == (ConvLayer(8, 3, 1), ConvLayer(9, 2, 1)) * 2
    )


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "[]",
        "[(256, 2)]",
        "[(256, 2, 2)] * 0",
        "[(256, 2, 0)]",
        "[(256, 2, -2)]",
        "[(256, 2, 2)] * 65",
        "[(256, 2, 2)] * 99999999999",
        "[(256, 2, 2)] ** 4",
        "[(256, 2, 2)] * 4; import os",
        "__import__('os').system('true')",
        "[(256, 2, 2)] + " * 40 + "[(256, 2, 2)]" * 40,
        "[(256, 2, 2) for _ in range(4)]",
        "[(" + "9" * 5000 + ", 2, 2)]",
        "[(1,1,1)" + " " * 990,
    ],
)
def test_any_other_expression_is_refused_and_never_run(expression: str) -> None:
    with pytest.raises(BadCheckpoint, match="conv_feature_layers"):
        parse_conv_layers(expression)
