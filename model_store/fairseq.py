"""Convert a fairseq-signals checkpoint to our own ECG-FM: its sizes, and weights under our names.

Source: bowang-lab/ECG-FM 9cc0d3f on Jwoo5/fairseq-signals 6b9e137. Sizes come from the tensors. The
checkpoint's own `cfg["model"]` gives what tensors cannot tell: heads, strides, and the order of
norms. A file is refused if the two contradict each other, or if its keys are not exactly those of
the model: partly loaded weights would give plausible wrong results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from encoder.config import ConvLayer, EcgFmConfig
from errors import BadCheckpoint
from model_store.checkpoint import Checkpoint, TensorRef
from model_store.fairseq_cfg import SHOWN_CHARACTERS, ModelCfg

Array = NDArray[np.float32]
Refs = Mapping[str, TensorRef]
Shapes = dict[str, tuple[int, ...]]  # fairseq-signals' name -> shape
Loader = Callable[[], Array]

DEFAULT_HEAD_WIDTH = 64  # ECG-FM's, for a cfg without the number of heads
MAX_LISTED_FAULTS = 5  # in one error

POSITIONAL_CONV = "conv_pos.pos_conv.0"
PRETRAINING_ONLY = re.compile(
    r"mask_emb|quantizer\.(vars|weight_proj\.(weight|bias))|(project_q|final_proj)\.(weight|bias)"
)


@dataclass(frozen=True)
class _WeightNormNames:
    """Names of the two tensors of the positional convolution's weight norm."""

    gain: str
    direction: str


# fairseq-signals changed the names on 2025-01-20.
_OLD_WEIGHT_NORM = _WeightNormNames(
    f"{POSITIONAL_CONV}.weight_g",
    f"{POSITIONAL_CONV}.weight_v",
)
_NEW_WEIGHT_NORM = _WeightNormNames(
    f"{POSITIONAL_CONV}.parametrizations.weight.original0",
    f"{POSITIONAL_CONV}.parametrizations.weight.original1",
)

# Our name -> fairseq-signals' name, of modules whose tensors are equal.
_SAME_MODULES = {
    "conv_norm": "feature_extractor.conv_layers.0.2",
    "token_norm": "layer_norm",
    "encoder_norm": "encoder.layer_norm",
}
_SAME_LAYER_MODULES = {
    "attention.out": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "fc1": "fc1",
    "fc2": "fc2",
    "ffn_norm": "final_layer_norm",
}


class LazyTensors(Mapping[str, Array]):
    """Our names -> weights. Each access reads the tensor from the file; nothing is cached."""

    def __init__(self, loaders: dict[str, Loader]) -> None:
        self._loaders = loaders

    def __getitem__(self, name: str) -> Array:
        return self._loaders[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)


@dataclass(frozen=True)
class ImportedEncoder:
    """An encoder that can be served.

    labels   rows of the classifier, 0 for a pretrained encoder
    tensors  the names of `EcgFm(config).state_dict()`, read lazily
    skipped  tensors of the file that only pretraining used
    assumed  fields that cfg lacks and tensors cannot tell, with the assumed value, such as
             "layer_norm_first = False"
    """

    config: EcgFmConfig
    labels: int
    kind: Literal["finetuned", "pretrained"]
    tensors: LazyTensors
    skipped: tuple[str, ...]
    assumed: tuple[str, ...]


def import_fairseq(checkpoint: Checkpoint) -> ImportedEncoder:
    """Return the checkpoint's encoder.

    Raises BadCheckpoint, which lists tensors that are missing, unknown or of another shape, and
    contradictions between cfg and tensors.
    """
    finetuned = any(name.startswith("encoder.encoder.") for name in checkpoint.model)
    # `encoder.layer_norm` is the narrow norm in fine-tuned files and the wide norm in pretrained
    # ones: the prefix is removed only in fine-tuned files, where all but the classifier have it.
    prefix = "encoder." if finetuned else ""
    refs = {name.removeprefix(prefix): ref for name, ref in checkpoint.model.items()}
    if len(refs) != len(checkpoint.model):
        raise BadCheckpoint(
            f"{checkpoint.file_name} has the same tensor with and without the prefix `encoder.`"
        )
    skipped: tuple[str, ...] = ()
    if not finetuned:
        skipped = tuple(name for name in refs if PRETRAINING_ONLY.fullmatch(name))
    refs = {name: ref for name, ref in refs.items() if name not in skipped}
    cfg_model = checkpoint.cfg.get("model")
    cfg = ModelCfg(cfg_model if isinstance(cfg_model, dict) else {})
    weight_norm = _OLD_WEIGHT_NORM
    if _NEW_WEIGHT_NORM.direction in refs:
        weight_norm = _NEW_WEIGHT_NORM
    config = _config(refs, cfg, weight_norm, finetuned)
    faults = _key_faults(refs, _expected_shapes(config, weight_norm)) + cfg.contradictions(config)
    _refuse(checkpoint.file_name, faults)
    return ImportedEncoder(
        config=config,
        labels=config.labels,
        kind="finetuned" if finetuned else "pretrained",
        tensors=LazyTensors(_loaders(refs, config, weight_norm)),
        skipped=skipped,
        assumed=tuple(cfg.assumed),
    )


def _refuse(file_name: str, faults: list[str]) -> None:
    """Raise BadCheckpoint if there are faults."""
    if not faults:
        return
    listed = "; ".join(faults[:MAX_LISTED_FAULTS])
    more = len(faults) - MAX_LISTED_FAULTS
    if more > 0:
        listed += f"; and {more} more"
    raise BadCheckpoint(f"{file_name} is not an ECG-FM that can be served: {listed}")


# Sizes


def _config(
    refs: Refs, cfg: ModelCfg, weight_norm: _WeightNormNames, finetuned: bool
) -> EcgFmConfig:
    """Return the sizes: from the tensors, or from cfg where tensors cannot tell."""
    (width,) = _shape(refs, "encoder.layer_norm.weight", 1)
    _, in_leads, _ = _shape(refs, "feature_extractor.conv_layers.0.0.weight", 3)
    ffn_width, _ = _shape(refs, "encoder.layers.0.fc1.weight", 2)
    _, group_width, kernel = _shape(refs, weight_norm.direction, 3)
    labels = _shape(refs, "proj.weight", 2)[0] if finetuned else 0
    heads = cfg.number("encoder_attention_heads", max(1, width // DEFAULT_HEAD_WIDTH))
    if width % heads or width % group_width:
        raise BadCheckpoint(
            f"{width} channels cannot be split into {heads} heads and positional groups of "
            f"{group_width}"
        )
    return EcgFmConfig(
        conv_layers=_conv_layers(refs, cfg.conv_layers()),
        width=width,
        ffn_width=ffn_width,
        depth=_count(refs, "encoder.layers"),
        heads=heads,
        conv_pos_kernel=kernel,
        conv_pos_groups=width // group_width,
        layer_norm_first=cfg.flag("layer_norm_first", default=False),
        conv_bias="feature_extractor.conv_layers.0.0.bias" in refs,
        in_leads=in_leads,
        labels=labels,
    )


def _conv_layers(refs: Refs, from_cfg: tuple[ConvLayer, ...] | None) -> tuple[ConvLayer, ...]:
    """Return cfg's layers, checked against the tensors; without cfg the stride is the kernel."""
    layers: list[ConvLayer] = []
    for number in range(_count(refs, "feature_extractor.conv_layers")):
        shape = _shape(refs, f"feature_extractor.conv_layers.{number}.0.weight", 3)
        width, _, kernel = shape
        layers.append(ConvLayer(width, kernel, stride=kernel))
    if from_cfg is None:
        return tuple(layers)
    sizes = [(layer.width, layer.kernel) for layer in layers]
    if [(layer.width, layer.kernel) for layer in from_cfg] != sizes:
        raise BadCheckpoint(
            "cfg.model.conv_feature_layers does not fit the tensors, which are (width, kernel) "
            + ", ".join(str(size) for size in sizes)
        )
    return from_cfg


def _shape(refs: Refs, name: str, dimensions: int) -> tuple[int, ...]:
    """Return the shape of a tensor that gives the model's sizes."""
    if name not in refs:
        raise BadCheckpoint(f"no tensor {name}: this is not an ECG-FM of fairseq-signals")
    shape = refs[name].shape
    if len(shape) != dimensions or min(shape) < 1:
        raise BadCheckpoint(f"{name}: shape {shape}; {dimensions} sizes of 1 or more are required")
    return shape


def _count(refs: Refs, stem: str) -> int:
    """Return the number of `stem`'s numbered parts. A gap shows later as missing tensors."""
    pattern = re.compile(re.escape(stem) + r"\.([0-9]{1,4})\.")
    matches = [pattern.match(name) for name in refs]
    return 1 + max(int(match[1]) for match in matches if match)


# Keys


def _expected_shapes(config: EcgFmConfig, weight_norm: _WeightNormNames) -> Shapes:
    """Return every tensor that an ECG-FM of these sizes has, under fairseq-signals' names."""
    width = config.width
    kernel = config.conv_pos_kernel
    shapes: Shapes = {
        weight_norm.gain: (1, 1, kernel),
        weight_norm.direction: (width, width // config.conv_pos_groups, kernel),
        f"{POSITIONAL_CONV}.bias": (width,),
    }
    inputs = config.in_leads
    for number, layer in enumerate(config.conv_layers):
        conv = f"feature_extractor.conv_layers.{number}.0"
        shapes[f"{conv}.weight"] = (layer.width, inputs, layer.kernel)
        if config.conv_bias:
            shapes[f"{conv}.bias"] = (layer.width,)
        inputs = layer.width
    shapes |= _pair("feature_extractor.conv_layers.0.2", config.conv_layers[0].width)
    shapes |= _pair("layer_norm", config.conv_width)
    shapes |= _pair("encoder.layer_norm", width)
    if config.has_projection:
        shapes |= _pair("post_extract_proj", width, config.conv_width)
    if config.labels:
        shapes |= _pair("proj", config.labels, width)
    for number in range(config.depth):
        shapes |= _expected_layer_shapes(f"encoder.layers.{number}", width, config.ffn_width)
    return shapes


def _expected_layer_shapes(layer: str, width: int, ffn_width: int) -> Shapes:
    shapes: Shapes = {}
    for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
        shapes |= _pair(f"{layer}.self_attn.{part}", width, width)
    shapes |= _pair(f"{layer}.self_attn_layer_norm", width)
    shapes |= _pair(f"{layer}.final_layer_norm", width)
    shapes |= _pair(f"{layer}.fc1", ffn_width, width)
    shapes |= _pair(f"{layer}.fc2", width, ffn_width)
    return shapes


def _pair(stem: str, *shape: int) -> Shapes:
    return {f"{stem}.weight": shape, f"{stem}.bias": shape[:1]}


def _key_faults(refs: Refs, expected: Shapes) -> list[str]:
    missing = [f"{name} is missing" for name in expected if name not in refs]
    unknown = [f"{name[:SHOWN_CHARACTERS]} is unknown" for name in refs if name not in expected]
    wrong: list[str] = []
    for name, shape in expected.items():
        if name in refs and refs[name].shape != shape:
            wrong.append(f"{name} has shape {refs[name].shape}; {shape} is required")
    return missing + unknown + wrong


# Weights


def _loaders(refs: Refs, config: EcgFmConfig, weight_norm: _WeightNormNames) -> dict[str, Loader]:
    """Return our name -> what reads the tensor and, if needed, concatenates or folds it."""
    loaders: dict[str, Loader] = {}
    for ours, theirs in _module_names(config).items():
        for end in ("weight", "bias"):
            # Convolutions have a bias only with conv_bias; all other names were checked.
            if f"{theirs}.{end}" in refs:
                loaders[f"{ours}.{end}"] = refs[f"{theirs}.{end}"].load
    for number in range(config.depth):
        attention = f"encoder.layers.{number}.self_attn"
        for end in ("weight", "bias"):
            parts = [refs[f"{attention}.{part}_proj.{end}"] for part in "qkv"]
            loaders[f"layers.{number}.attention.qkv.{end}"] = _concatenation(parts)
    gain, direction = refs[weight_norm.gain], refs[weight_norm.direction]
    loaders["position.weight"] = lambda: fold_weight_norm(gain.load(), direction.load())
    loaders["position.bias"] = refs[f"{POSITIONAL_CONV}.bias"].load
    return loaders


def _module_names(config: EcgFmConfig) -> dict[str, str]:
    """Return our name -> fairseq-signals' name, of the modules whose tensors are equal."""
    names = dict(_SAME_MODULES)
    if config.has_projection:
        names["projection"] = "post_extract_proj"
    if config.labels:
        names["classifier"] = "proj"
    for number in range(len(config.conv_layers)):
        names[f"convs.{number}"] = f"feature_extractor.conv_layers.{number}.0"
    for number in range(config.depth):
        for ours, theirs in _SAME_LAYER_MODULES.items():
            names[f"layers.{number}.{ours}"] = f"encoder.layers.{number}.{theirs}"
    return names


def _concatenation(parts: list[TensorRef]) -> Loader:
    return lambda: np.concatenate([part.load() for part in parts])


def fold_weight_norm(gain: Array, direction: Array) -> Array:
    """Return the weight of a convolution with weight norm.

    gain (1, 1, K) and direction (D, D / groups, K) give a weight of direction's shape: for each
    kernel position k, W[:, :, k] = g[k] v[:, :, k] / |v[:, :, k]|. fairseq normalises over dim=2;
    PyTorch's default, dim=0, would be another network.
    Raises BadCheckpoint if a norm is 0.
    """
    norms = np.sqrt(np.square(direction, dtype=np.float64).sum(axis=(0, 1), keepdims=True))
    if not norms.all():
        raise BadCheckpoint("the positional convolution's weight norm divides by 0")
    return np.asarray(direction * (gain / norms).astype(np.float32), np.float32)
