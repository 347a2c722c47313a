"""The sizes of an ECG-FM encoder. No torch here: signal workers and the model store read it too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConvLayer:
    width: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class EcgFmConfig:
    """Everything the network's shape and order of operations depend on (REFERENCE: fairseq-signals 6b9e137).

    labels  rows of the classifier; 0 for a pretrained encoder without one
    """

    conv_layers: tuple[ConvLayer, ...]
    width: int
    ffn_width: int
    depth: int
    heads: int
    conv_pos_kernel: int
    conv_pos_groups: int
    layer_norm_first: bool = False
    conv_bias: bool = False
    in_leads: int = 12
    labels: int = 0

    @property
    def conv_width(self) -> int:
        return self.conv_layers[-1].width

    @property
    def has_projection(self) -> bool:
        """fairseq-signals projects only where the convolutions' width differs from the transformer's."""
        return self.conv_width != self.width

    def tokens(self, samples: int) -> int:
        for layer in self.conv_layers:
            samples = (samples - layer.kernel) // layer.stride + 1
        return samples
