"""A second implementation of ECG-FM in NumPy, to compare with: simple, and slow.

One segment and one head at a time, with fairseq-signals' own tensor names. It shares no code with
encoder/: separate q, k and v, an explicit softmax, weight norm in every call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

Weights = dict[str, np.ndarray]
erf = np.vectorize(math.erf)


@dataclass(frozen=True)
class Sizes:
    """One setting of the original's options."""

    conv: tuple[tuple[int, int, int], ...] = ((16, 2, 2), (16, 2, 2))
    width: int = 32
    ffn: int = 24
    depth: int = 2
    heads: int = 4
    kernel: int = 8
    groups: int = 4
    norm_first: bool = False
    conv_bias: bool = False
    labels: int = 5

    def expression(self) -> str:
        return " + ".join(f"[({width}, {kernel}, {stride})]" for width, kernel, stride in self.conv)

    def cfg(self) -> dict[str, Any]:
        return {
            "_name": "ecg_transformer_classifier" if self.labels else "wav2vec2_cmsc",
            "encoder_layers": self.depth,
            "encoder_embed_dim": self.width,
            "encoder_ffn_embed_dim": self.ffn,
            "encoder_attention_heads": self.heads,
            "layer_norm_first": self.norm_first,
            "extractor_mode": "default",
            "conv_feature_layers": self.expression(),
            "conv_bias": self.conv_bias,
            "in_d": 12,
            "conv_pos": self.kernel,
            "conv_pos_groups": self.groups,
            "num_labels": self.labels or None,
        }


def random_weights(sizes: Sizes, *, new_spelling: bool = True, seed: int = 0) -> Weights:
    """Random float32 weights, named as in a fine-tuned (prefix `encoder.`) or a pretrained file."""
    rng = np.random.default_rng(seed)
    prefix = "encoder." if sizes.labels else ""
    weights: Weights = {}

    def add(name: str, *shape: int, around: float = 0.0, prefix: str = prefix) -> None:
        fan_in = int(np.prod(shape[1:])) or 1
        weights[prefix + name] = (
            around + rng.normal(0, 0.3 if len(shape) == 1 else fan_in**-0.5, shape)
        ).astype(np.float32)

    def pair(name: str, *shape: int, around: float = 0.0, prefix: str = prefix) -> None:
        add(f"{name}.weight", *shape, around=around, prefix=prefix)
        add(f"{name}.bias", shape[0], prefix=prefix)

    before = 12
    for number, (width, kernel, _) in enumerate(sizes.conv):
        add(f"feature_extractor.conv_layers.{number}.0.weight", width, before, kernel)
        if sizes.conv_bias:
            add(f"feature_extractor.conv_layers.{number}.0.bias", width)
        before = width
    pair("feature_extractor.conv_layers.0.2", sizes.conv[0][0], around=1.0)
    pair("layer_norm", before, around=1.0)
    if before != sizes.width:
        pair("post_extract_proj", sizes.width, before)
    names = (
        ("parametrizations.weight.original0", "parametrizations.weight.original1")
        if new_spelling
        else ("weight_g", "weight_v")
    )
    add(f"conv_pos.pos_conv.0.{names[0]}", 1, 1, sizes.kernel, around=3.0)
    add(f"conv_pos.pos_conv.0.{names[1]}", sizes.width, sizes.width // sizes.groups, sizes.kernel)
    add("conv_pos.pos_conv.0.bias", sizes.width)
    pair("encoder.layer_norm", sizes.width, around=1.0)
    for number in range(sizes.depth):
        layer = f"encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            pair(f"{layer}.self_attn.{part}", sizes.width, sizes.width)
        pair(f"{layer}.self_attn_layer_norm", sizes.width, around=1.0)
        pair(f"{layer}.fc1", sizes.ffn, sizes.width)
        pair(f"{layer}.fc2", sizes.width, sizes.ffn)
        pair(f"{layer}.final_layer_norm", sizes.width, around=1.0)
    if sizes.labels:
        pair("proj", sizes.labels, sizes.width, prefix="")
    return weights


def save_checkpoint(path: Path, weights: Weights, cfg: dict[str, Any]) -> Path:
    """A file as fairseq-signals' trainer leaves it, with Adam's moments after the weights."""
    model = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
    moments = {
        number: {"step": 3, "exp_avg": torch.full_like(value, 7.0)}
        for number, value in enumerate(model.values())
    }
    torch.save(
        {
            "args": None,
            "cfg": {"model": cfg},
            "model": model,
            "last_optimizer_state": {"state": moments},
        },
        path,
    )
    return path


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def normed(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """LayerNorm over the last axis."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * weights[f"{name}.weight"] + weights[
        f"{name}.bias"
    ]


def linear(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def convolved(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float, stride: int = 1, groups: int = 1
) -> np.ndarray:
    """(channels, samples) -> (outputs, positions), output by output and position by position."""
    outputs, per_group, width = kernel.shape
    positions = (x.shape[1] - width) // stride + 1
    result = np.zeros((outputs, positions))
    for output in range(outputs):
        first = output // (outputs // groups) * per_group
        for position in range(positions):
            window = x[first : first + per_group, position * stride : position * stride + width]
            result[output, position] = (window * kernel[output]).sum()
    return result + np.reshape(bias, (-1, 1))


def forward(segment: np.ndarray, weights: Weights, sizes: Sizes) -> dict[str, Any]:
    """Return all outputs for a segment (12, samples), in float64: depth + 1 hidden states, the
    attention of the last layer, and so on.
    """
    w = {
        name.removeprefix("encoder.") if sizes.labels else name: value.astype(np.float64)
        for name, value in weights.items()
    }
    x = segment.astype(np.float64)
    for number, (_, _, stride) in enumerate(sizes.conv):
        stem = f"feature_extractor.conv_layers.{number}"
        x = convolved(x, w[f"{stem}.0.weight"], w.get(f"{stem}.0.bias", 0.0), stride)
        if number == 0:
            scaled = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
            x = scaled * w[f"{stem}.2.weight"][:, None] + w[f"{stem}.2.bias"][:, None]
        x = gelu(x)
    features = normed(x.T, w, "layer_norm")
    x = linear(features, w, "post_extract_proj") if "post_extract_proj.weight" in w else features
    x = x + position(x, w, sizes)
    hidden, attention = [x], None
    if not sizes.norm_first:
        x = normed(x, w, "encoder.layer_norm")
    for number in range(sizes.depth):
        x, attention = transformer_layer(x, w, f"encoder.layers.{number}", sizes)
        hidden.append(x)
    if sizes.norm_first:
        x = normed(x, w, "encoder.layer_norm")
    embedding = x.sum(0) / (x != 0).sum(0)
    logits = linear(embedding, w, "proj") if sizes.labels else None
    return {
        "features": features,
        "hidden": hidden,
        "attention": attention,
        "tokens": x,
        "embedding": embedding,
        "logits": logits,
    }


def position(x: np.ndarray, w: Weights, sizes: Sizes) -> np.ndarray:
    stem = "conv_pos.pos_conv.0"
    new = f"{stem}.parametrizations.weight.original0" in w
    gain, direction = (
        f"{stem}.parametrizations.weight.original{i}" if new else f"{stem}.weight_{'gv'[i]}"
        for i in (0, 1)
    )
    kernel = np.empty_like(w[direction])
    for k in range(sizes.kernel):
        kernel[:, :, k] = (
            w[gain][0, 0, k] * w[direction][:, :, k] / np.linalg.norm(w[direction][:, :, k])
        )
    half = sizes.kernel // 2
    padded = np.pad(x.T, ((0, 0), (half, half)))
    result = convolved(padded, kernel, w[f"{stem}.bias"], groups=sizes.groups)
    if sizes.kernel % 2 == 0:
        result = result[:, :-1]
    return gelu(result).T


def transformer_layer(
    x: np.ndarray, w: Weights, stem: str, sizes: Sizes
) -> tuple[np.ndarray, np.ndarray]:
    if sizes.norm_first:
        mixed, attention = attend(
            normed(x, w, f"{stem}.self_attn_layer_norm"), w, f"{stem}.self_attn", sizes.heads
        )
        x = x + mixed
        inner = linear(normed(x, w, f"{stem}.final_layer_norm"), w, f"{stem}.fc1")
        return x + linear(gelu(inner), w, f"{stem}.fc2"), attention
    mixed, attention = attend(x, w, f"{stem}.self_attn", sizes.heads)
    x = normed(x + mixed, w, f"{stem}.self_attn_layer_norm")
    inner = linear(gelu(linear(x, w, f"{stem}.fc1")), w, f"{stem}.fc2")
    return normed(x + inner, w, f"{stem}.final_layer_norm"), attention


def attend(x: np.ndarray, w: Weights, stem: str, heads: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the output, and the softmax's mean over heads."""
    query, key, value = (linear(x, w, f"{stem}.{part}_proj") for part in "qkv")
    size = x.shape[1] // heads
    mixed, shares = [], []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = query[:, part] * size**-0.5 @ key[:, part].T
        share = np.exp(scores - scores.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        shares.append(share)
        mixed.append(share @ value[:, part])
    return linear(np.concatenate(mixed, 1), w, f"{stem}.out_proj"), np.mean(shares, axis=0)
