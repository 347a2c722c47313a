"""The configuration of a model in a fairseq-signals checkpoint, `cfg["model"]`."""

from __future__ import annotations

import re
from typing import Any

from encoder.config import ConvLayer, EcgFmConfig
from errors import BadCheckpoint

MAX_CONV_LAYERS = 64
MAX_CONV_EXPRESSION = 1000  # characters
SHOWN_CHARACTERS = 80  # of a name or value in a message

# cfg's `_name` -> whether the model has a classifier
_HAS_CLASSIFIER = {"ecg_transformer_classifier": True, "wav2vec2_cmsc": False}


class ModelCfg:
    """`cfg["model"]`, for what tensors cannot tell; `assumed` collects the fields that it lacks."""

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
                f"cfg.model.{name} is {_shown(value)}; a positive integer is required"
            )
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.fields.get(name)
        if value is None:
            self.assumed.append(f"{name} = {default}")
            return default
        if type(value) is not bool:
            raise BadCheckpoint(f"cfg.model.{name} is {_shown(value)}; true or false is allowed")
        return value

    def conv_layers(self) -> tuple[ConvLayer, ...] | None:
        value = self.fields.get("conv_feature_layers")
        if value is None:
            self.assumed.append("conv strides = kernels")
            return None
        if not isinstance(value, str):
            raise _bad_conv_layers(value)
        return parse_conv_layers(value)

    def contradictions(self, config: EcgFmConfig) -> list[str]:
        """Return the fields of cfg that differ from the tensors, each as a message."""
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
        faults: list[str] = []
        for name, value in from_tensors.items():
            stated = self.fields.get(name)
            if stated is not None and stated != value:
                faults.append(f"cfg.model.{name} is {_shown(stated)}, but the tensors have {value}")
        mode = self.fields.get("extractor_mode")
        if mode not in (None, "default"):
            faults.append(f"cfg.model.extractor_mode is {_shown(mode)}; default is allowed")
        class_name = self.fields.get("_name")
        has_classifier = bool(config.labels)
        expected = has_classifier
        if isinstance(class_name, str):
            expected = _HAS_CLASSIFIER.get(class_name, has_classifier)
        if expected != has_classifier:
            labels = config.labels or "no"
            faults.append(f"cfg.model._name is {class_name}, but the tensors have {labels} labels")
        return faults


# The elements of a sum of lists of triples, such as [(512, 10, 5)] + [(512, 3, 2)] * 4.
_TRIPLE = re.compile(r"\(\s*([0-9]{1,6})\s*,\s*([0-9]{1,6})\s*,\s*([0-9]{1,6})\s*,?\s*\)")
_ANY_TRIPLE = r"\(\s*[0-9]{1,6}\s*,\s*[0-9]{1,6}\s*,\s*[0-9]{1,6}\s*,?\s*\)"
_TERM = re.compile(
    rf"\[\s*(?P<list>{_ANY_TRIPLE}(?:\s*,\s*{_ANY_TRIPLE})*)\s*,?\s*\]"
    r"(?:\s*\*\s*(?P<times>[0-9]{1,3}))?",
    re.ASCII,
)
_ANY_TERM = _TERM.pattern.replace("?P<list>", "?:").replace("?P<times>", "?:")
_SUM = re.compile(rf"\s*{_ANY_TERM}(?:\s*\+\s*{_ANY_TERM})*\s*", re.ASCII)


def parse_conv_layers(expression: str) -> tuple[ConvLayer, ...]:
    """Parse `[(256, 2, 2)] * 4` or `[(512,10,5)] + [(512,3,2)]*4`: (width, kernel, stride) a layer.

    fairseq evaluates this string as Python. Here it is parsed: a sum of lists, each optionally
    multiplied by a number.
    Raises BadCheckpoint for any other string and for more than MAX_CONV_LAYERS layers.
    """
    if len(expression) > MAX_CONV_EXPRESSION or not _SUM.fullmatch(expression):
        raise _bad_conv_layers(expression)
    layers: list[ConvLayer] = []
    for term in _TERM.finditer(expression):
        triples = [tuple(map(int, triple)) for triple in _TRIPLE.findall(term["list"])]
        times = int(term["times"] or 1)
        # Checked before the list is multiplied, which could take much memory.
        if len(layers) + len(triples) * times > MAX_CONV_LAYERS:
            raise BadCheckpoint(
                f"cfg.model.conv_feature_layers has more than {MAX_CONV_LAYERS} layers"
            )
        layers += [ConvLayer(*triple) for triple in triples] * times
    if not layers or min(min(layer.width, layer.kernel, layer.stride) for layer in layers) < 1:
        raise _bad_conv_layers(expression)
    return tuple(layers)


def _bad_conv_layers(value: Any) -> BadCheckpoint:
    return BadCheckpoint(
        f"cfg.model.conv_feature_layers is {_shown(value)}; an expression such as "
        "[(256, 2, 2)] * 4 is required"
    )


def _shown(value: Any) -> str:
    """Return a value as a message shows it: containers only by their type."""
    if isinstance(value, str | int | float | bool | None):
        return repr(value)[:SHOWN_CHARACTERS]
    return f"a {type(value).__name__}"
