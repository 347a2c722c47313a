"""From a fairseq-signals checkpoint to our own ECG-FM: its sizes, and its weights under `encoder.ecg_fm`'s names.

Source: bowang-lab/ECG-FM 9cc0d3f on Jwoo5/fairseq-signals 6b9e137. Sizes come from the tensors; what tensors cannot tell (heads,
strides, order of norms) from the checkpoint's own `cfg["model"]`. A file in which the two contradict each other, or whose keys are
not exactly those of the model, is refused: weights loaded by half give answers that look like answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from encoder.config import ConvLayer, EcgFmConfig
from errors import BadCheckpoint
from model_store.checkpoint import Checkpoint, TensorRef

Array = NDArray[np.float32]
Refs = Mapping[str, TensorRef]
Sources = dict[str, tuple[int, ...]]  # fairseq-signals' name -> shape

HEAD_WIDTH = 64  # ECG-FM's, where cfg does not give the number of heads
NAMED_AT_MOST = 5  # faults listed in one error
MAX_CONV_LAYERS = 64
MAX_CONV_EXPRESSION = 1000  # characters
POSITION = "conv_pos.pos_conv.0"
# Weight norm's g and v, before and since fairseq-signals' change of 2025-01-20
SPELLINGS = (
    (f"{POSITION}.weight_g", f"{POSITION}.weight_v"),
    (
        f"{POSITION}.parametrizations.weight.original0",
        f"{POSITION}.parametrizations.weight.original1",
    ),
)
PRETRAINING_ONLY = re.compile(
    r"mask_emb|quantizer\.(vars|weight_proj\.(weight|bias))|(project_q|final_proj)\.(weight|bias)"
)
_MODEL_NAMES = {
    "ecg_transformer_classifier": True,
    "wav2vec2_cmsc": False,
}  # `_name` -> has a classifier

# our name -> fairseq-signals'; of the layers' also {n}
_SAME = {
    "conv_norm": "feature_extractor.conv_layers.0.2",
    "token_norm": "layer_norm",
    "encoder_norm": "encoder.layer_norm",
}
_SAME_IN_LAYER = {
    "attention.out": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "fc1": "fc1",
    "fc2": "fc2",
    "ffn_norm": "final_layer_norm",
}


class LazyTensors(Mapping[str, Array]):
    """Our names -> weights, each made from the file when it is asked for and kept by nobody."""

    def __init__(self, makers: dict[str, Callable[[], Array]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Array:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True)
class ImportedEncoder:
    """An encoder as it can be served.

    labels   rows of the classifier, 0 for a pretrained one
    tensors  the names of `EcgFm(config).state_dict()`, read lazily
    skipped  tensors of the file that only pretraining used
    assumed  fields that cfg lacks and tensors cannot tell, with what was taken: "layer_norm_first = False"
    """

    config: EcgFmConfig
    labels: int
    kind: Literal["finetuned", "pretrained"]
    tensors: LazyTensors
    skipped: tuple[str, ...]
    assumed: tuple[str, ...]


def import_fairseq(checkpoint: Checkpoint) -> ImportedEncoder:
    """Raises BadCheckpoint that lists what is missing, unknown, of another shape or contradictory."""
    finetuned = any(name.startswith("encoder.encoder.") for name in checkpoint.model)
    # `encoder.layer_norm` is the narrow norm in one kind of file and the wide one in the other: strip only where it is doubled
    refs = {
        name.removeprefix("encoder.") if finetuned else name: ref
        for name, ref in checkpoint.model.items()
    }
    if len(refs) != len(checkpoint.model):
        raise BadCheckpoint(
            f"{checkpoint.file_name} has the same tensor with and without the prefix `encoder.`"
        )
    skipped = tuple(name for name in refs if not finetuned and PRETRAINING_ONLY.fullmatch(name))
    refs = {name: ref for name, ref in refs.items() if name not in skipped}
    cfg = checkpoint.cfg.get("model")
    reading = _Cfg(cfg if isinstance(cfg, dict) else {})
    config = _config(refs, reading, finetuned)
    spelling = SPELLINGS[1] if SPELLINGS[1][1] in refs else SPELLINGS[0]
    _refuse(
        checkpoint.file_name,
        _key_faults(refs, _expected(config, spelling)) + reading.contradictions(config),
    )
    tensors = LazyTensors(_makers(refs, config, spelling))
    return ImportedEncoder(
        config,
        config.labels,
        "finetuned" if finetuned else "pretrained",
        tensors,
        skipped,
        tuple(reading.assumed),
    )


def _refuse(file_name: str, faults: list[str]) -> None:
    if faults:
        more = len(faults) - NAMED_AT_MOST
        listed = "; ".join(faults[:NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")
        raise BadCheckpoint(f"{file_name} is not an ECG-FM that can be served: {listed}")


# Sizes


class _Cfg:
    """`cfg["model"]`, asked only for what tensors cannot tell; `assumed` collects the answers it did not have."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.assumed: list[str] = []

    def number(self, name: str, default: int) -> int:
        value = self.fields.get(name)
        if value is None:
            self.assumed.append(f"{name} = {default}")
            return default
        if type(value) is not int or value < 1:
            raise BadCheckpoint(
                f"cfg.model.{name}: found {_shown(value)}, a positive integer is needed"
            )
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.fields.get(name)
        if value is None:
            self.assumed.append(f"{name} = {default}")
            return default
        if type(value) is not bool:
            raise BadCheckpoint(f"cfg.model.{name}: found {_shown(value)}, allowed true, false")
        return value

    def conv_layers(self) -> tuple[ConvLayer, ...] | None:
        value = self.fields.get("conv_feature_layers")
        if value is None:
            self.assumed.append("conv strides = kernels")
            return None
        if not isinstance(value, str):
            raise BadCheckpoint(
                f"cfg.model.conv_feature_layers: found {_shown(value)}, an expression such as [(256, 2, 2)] * 4 is needed"
            )
        return parse_conv_layers(value)

    def contradictions(self, config: EcgFmConfig) -> list[str]:
        """Where cfg says something else than the tensors."""
        from_tensors: dict[str, Any] = {
            "encoder_layers": config.depth,
            "encoder_embed_dim": config.width,
            "encoder_ffn_embed_dim": config.ffn_width,
            "conv_bias": config.conv_bias,
            "in_d": config.in_leads,
            "conv_pos": config.conv_pos_kernel,
            "conv_pos_groups": config.conv_pos_groups,
        }
        if config.labels:
            from_tensors["num_labels"] = config.labels
        wrong = [
            f"cfg.model.{name} is {_shown(self.fields[name])}, the tensors say {value}"
            for name, value in from_tensors.items()
            if self.fields.get(name) is not None and self.fields[name] != value
        ]
        mode = self.fields.get("extractor_mode")
        if mode not in (None, "default"):
            wrong.append(f"cfg.model.extractor_mode is {_shown(mode)}, allowed default")
        kind = self.fields.get("_name")
        if isinstance(kind, str) and _MODEL_NAMES.get(kind, bool(config.labels)) != bool(
            config.labels
        ):
            wrong.append(
                f"cfg.model._name is {kind}, the tensors have {config.labels or 'no'} labels"
            )
        return wrong


def _config(refs: Refs, cfg: _Cfg, finetuned: bool) -> EcgFmConfig:
    """The tensors' sizes, with cfg's word on the rest."""
    width = _shape(refs, "encoder.layer_norm.weight", 1)[0]
    first = _shape(refs, "feature_extractor.conv_layers.0.0.weight", 3)
    ffn_width = _shape(refs, "encoder.layers.0.fc1.weight", 2)[0]
    direction = SPELLINGS[1][1] if SPELLINGS[1][1] in refs else SPELLINGS[0][1]
    _, group_width, kernel = _shape(refs, direction, 3)
    labels = _shape(refs, "proj.weight", 2)[0] if finetuned else 0
    heads = cfg.number("encoder_attention_heads", max(1, width // HEAD_WIDTH))
    if width % heads or width % group_width:
        raise BadCheckpoint(
            f"{width} channels cannot be split into {heads} heads and positional groups of {group_width}"
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
        in_leads=first[1],
        labels=labels,
    )


def _conv_layers(refs: Refs, said: tuple[ConvLayer, ...] | None) -> tuple[ConvLayer, ...]:
    """Widths and kernels of the tensors, strides of cfg; without cfg the stride is the kernel."""
    shapes = [
        _shape(refs, f"feature_extractor.conv_layers.{number}.0.weight", 3)
        for number in range(_count(refs, "feature_extractor.conv_layers"))
    ]
    found = tuple(ConvLayer(width, kernel, kernel) for width, _, kernel in shapes)
    if said is None:
        return found
    if [(layer.width, layer.kernel) for layer in said] != [
        (layer.width, layer.kernel) for layer in found
    ]:
        sizes = ", ".join(f"({layer.width}, {layer.kernel})" for layer in found)
        raise BadCheckpoint(
            f"cfg.model.conv_feature_layers does not fit the tensors, which are (width, kernel) {sizes}"
        )
    return said


def _shape(refs: Refs, name: str, dimensions: int) -> tuple[int, ...]:
    """The shape of a tensor without which there is no telling the sizes."""
    if name not in refs:
        raise BadCheckpoint(f"no tensor {name}: this is no ECG-FM of fairseq-signals")
    shape = refs[name].shape
    if len(shape) != dimensions or min(shape) < 1:
        raise BadCheckpoint(
            f"{name}: found shape {shape}, {dimensions} sizes of 1 or more are needed"
        )
    return shape


def _count(refs: Refs, stem: str) -> int:
    """How many numbered parts `stem` has; a gap in the numbers shows up later as missing tensors."""
    numbered = re.compile(re.escape(stem) + r"\.([0-9]{1,4})\.")
    return 1 + max(int(match[1]) for match in map(numbered.match, refs) if match)


def parse_conv_layers(expression: str) -> tuple[ConvLayer, ...]:
    """`[(256, 2, 2)] * 4` or `[(512,10,5)] + [(512,3,2)]*4`: (width, kernel, stride) of each layer.

    fairseq evaluates this as Python; here it is read: sums of lists, each perhaps times a number. Raises BadCheckpoint for any
    other text and for more than MAX_CONV_LAYERS layers.
    """
    layers: list[ConvLayer] = []
    if len(expression) <= MAX_CONV_EXPRESSION and _SUM.fullmatch(expression):
        for term in _TERM.finditer(expression):
            triples = [
                ConvLayer(*(int(number) for number in triple))
                for triple in _TRIPLE.findall(term["list"])
            ]
            if len(layers) + len(triples) * int(term["times"] or 1) > MAX_CONV_LAYERS:
                raise BadCheckpoint(
                    f"cfg.model.conv_feature_layers has more than {MAX_CONV_LAYERS} layers"
                )
            layers += triples * int(term["times"] or 1)
    if not layers or min(min(layer.width, layer.kernel, layer.stride) for layer in layers) < 1:
        raise BadCheckpoint(
            f"cfg.model.conv_feature_layers: found {_shown(expression)}, an expression such as [(256, 2, 2)] * 4 is needed"
        )
    return tuple(layers)


_TRIPLE = re.compile(r"\(\s*([0-9]{1,6})\s*,\s*([0-9]{1,6})\s*,\s*([0-9]{1,6})\s*,?\s*\)")
_ONE = r"\(\s*[0-9]{1,6}\s*,\s*[0-9]{1,6}\s*,\s*[0-9]{1,6}\s*,?\s*\)"
_TERM = re.compile(
    rf"\[\s*(?P<list>{_ONE}(?:\s*,\s*{_ONE})*)\s*,?\s*\](?:\s*\*\s*(?P<times>[0-9]{{1,3}}))?",
    re.ASCII,
)
_SUM_TERM = _TERM.pattern.replace("?P<list>", "?:").replace("?P<times>", "?:")
_SUM = re.compile(rf"\s*{_SUM_TERM}(?:\s*\+\s*{_SUM_TERM})*\s*", re.ASCII)


def _shown(value: Any) -> str:
    return (
        repr(value)[:80]
        if isinstance(value, str | int | float | bool | None)
        else f"a {type(value).__name__}"
    )


# Keys


def _expected(config: EcgFmConfig, spelling: tuple[str, str]) -> Sources:
    """Every tensor that an ECG-FM of these sizes has, under fairseq-signals' names."""
    wide, group_width = config.width, config.width // config.conv_pos_groups
    shapes: Sources = {
        spelling[0]: (1, 1, config.conv_pos_kernel),
        spelling[1]: (wide, group_width, config.conv_pos_kernel),
    }
    shapes[f"{POSITION}.bias"] = (wide,)
    before = config.in_leads
    for number, layer in enumerate(config.conv_layers):
        shapes[f"feature_extractor.conv_layers.{number}.0.weight"] = (
            layer.width,
            before,
            layer.kernel,
        )
        if config.conv_bias:
            shapes[f"feature_extractor.conv_layers.{number}.0.bias"] = (layer.width,)
        before = layer.width
    shapes |= _pair("feature_extractor.conv_layers.0.2", config.conv_layers[0].width)
    shapes |= _pair("layer_norm", config.conv_width)
    shapes |= _pair("encoder.layer_norm", wide)
    if config.has_projection:
        shapes |= _pair("post_extract_proj", wide, config.conv_width)
    if config.labels:
        shapes |= _pair("proj", config.labels, wide)
    for number in range(config.depth):
        shapes |= _expected_layer(f"encoder.layers.{number}", wide, config.ffn_width)
    return shapes


def _expected_layer(layer: str, wide: int, ffn_wide: int) -> Sources:
    shapes: Sources = {}
    for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
        shapes |= _pair(f"{layer}.self_attn.{part}", wide, wide)
    shapes |= _pair(f"{layer}.self_attn_layer_norm", wide) | _pair(
        f"{layer}.final_layer_norm", wide
    )
    return shapes | _pair(f"{layer}.fc1", ffn_wide, wide) | _pair(f"{layer}.fc2", wide, ffn_wide)


def _pair(stem: str, *shape: int) -> Sources:
    return {f"{stem}.weight": shape, f"{stem}.bias": shape[:1]}


def _key_faults(refs: Refs, expected: Sources) -> list[str]:
    missing = [f"{name} is missing" for name in expected if name not in refs]
    unknown = [f"{name[:80]} is unknown" for name in refs if name not in expected]
    wrong = [
        f"{name} has shape {refs[name].shape}, {shape} fits the rest"
        for name, shape in expected.items()
        if name in refs and refs[name].shape != shape
    ]
    return missing + unknown + wrong


# Weights


def _makers(
    refs: Refs, config: EcgFmConfig, spelling: tuple[str, str]
) -> dict[str, Callable[[], Array]]:
    """Our name -> what reads and, where needed, joins or folds it."""
    sources = dict(_SAME)
    if config.has_projection:
        sources["projection"] = "post_extract_proj"
    if config.labels:
        sources["classifier"] = "proj"
    for number in range(len(config.conv_layers)):
        sources[f"convs.{number}"] = f"feature_extractor.conv_layers.{number}.0"
    for number in range(config.depth):
        sources |= {
            f"layers.{number}.{ours}": f"encoder.layers.{number}.{theirs}"
            for ours, theirs in _SAME_IN_LAYER.items()
        }
    makers: dict[str, Callable[[], Array]] = {}
    for ours, theirs in sources.items():
        for end in ("weight", "bias"):
            if (
                f"{theirs}.{end}" in refs
            ):  # convolutions have no bias unless conv_bias; all others were checked
                makers[f"{ours}.{end}"] = refs[f"{theirs}.{end}"].load
    for number in range(config.depth):
        for end in ("weight", "bias"):
            parts = [refs[f"encoder.layers.{number}.self_attn.{part}_proj.{end}"] for part in "qkv"]
            makers[f"layers.{number}.attention.qkv.{end}"] = lambda parts=parts: np.concatenate(
                [part.load() for part in parts]
            )  # type: ignore[misc]
    gain, direction = refs[spelling[0]], refs[spelling[1]]
    makers["position.weight"] = lambda: fold_weight_norm(gain.load(), direction.load())
    makers["position.bias"] = refs[f"{POSITION}.bias"].load
    return makers


def fold_weight_norm(gain: Array, direction: Array) -> Array:
    """g (1, 1, K), v (D, D / groups, K) -> W like v: for each kernel position k, W[:, :, k] = g[k] v[:, :, k] / |v[:, :, k]|.

    fairseq norms over dim=2; PyTorch's usual dim=0 would be another, wrong network. Raises BadCheckpoint for a norm of 0.
    """
    norms = np.sqrt(np.square(direction, dtype=np.float64).sum(axis=(0, 1), keepdims=True))
    if not norms.all():
        raise BadCheckpoint("the positional convolution's weight norm divides by 0")
    return np.asarray(direction * (gain / norms).astype(np.float32), np.float32)
