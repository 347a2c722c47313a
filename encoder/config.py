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


@dataclass(frozen=True)
class CompactConfig:
    """The sizes of compact convolutional networks side by side (encoder/compact.py): a stem, residual blocks, pooling, one hidden layer.

    blocks     kernel and width of each block's two convolutions; the stride is the first one's
    squeeze    the squeeze-and-excitation's bottleneck is the block's width over this
    attention  heads of the attention pooling
    width      of the embedding, which the members' hidden layers make up together
    labels     rows of the classifier
    in_leads   rows of a segment: twelve leads, and one that says where the recording is and whether its units are known
    members    networks of these sizes, each trained from a seed of its own; they share the classifier
    """

    stem: ConvLayer
    blocks: tuple[ConvLayer, ...]
    squeeze: int
    attention: int
    width: int
    labels: int
    in_leads: int = 13
    members: int = 1

    @property
    def depth(self) -> int:
        return len(self.blocks)

    @property
    def hidden(self) -> int:
        """Width of each member's hidden layer."""
        return self.width // self.members

    @property
    def pooled(self) -> int:
        """Channels that pooling gives in each member: mean, maximum and one weighted mean for each head."""
        return self.blocks[-1].width * (2 + self.attention)
