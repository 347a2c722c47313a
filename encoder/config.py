"""The sizes of the networks. No torch here: signal workers and the model store read them too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConvLayer:
    """Width (output channels), kernel and stride of a convolution over time."""

    width: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class EcgFmConfig:
    """All options that ECG-FM's shape and order of operations depend on (fairseq-signals 6b9e137).

    conv_layers       the feature extractor, which turns samples into tokens
    width             of the transformer and of the embedding
    ffn_width         of the hidden layer in the feed-forward networks
    depth             number of transformer layers
    heads             of the attention
    conv_pos_kernel   of the positional convolution
    conv_pos_groups   of the positional convolution
    layer_norm_first  whether norms precede attention and feed-forward network (pre-LN)
    conv_bias         whether the feature extractor's convolutions have a bias
    in_leads          rows of a segment
    labels            rows of the classifier; 0 for a pretrained encoder without one
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
        """Channels of the feature extractor's output."""
        return self.conv_layers[-1].width

    @property
    def has_projection(self) -> bool:
        """fairseq-signals projects only if the convolutions' width is not the transformer's."""
        return self.conv_width != self.width

    def tokens(self, samples: int) -> int:
        """Return the number of tokens of a segment with this many samples."""
        for layer in self.conv_layers:
            samples = (samples - layer.kernel) // layer.stride + 1
        return samples


@dataclass(frozen=True)
class CompactConfig:
    """The sizes of the compact convolutional network (encoder/compact.py).

    stem       the first convolution
    blocks     kernel and width of each residual block's two convolutions; the stride is the first's
    squeeze    the squeeze-and-excitation's bottleneck is the block's width divided by this
    attention  heads of the attention pooling
    width      of the embedding, the concatenation of the members' hidden layers
    labels     rows of the classifier
    in_leads   rows of a segment: twelve leads, and one that states where the recording is present
               and whether its units are known
    members    networks of these sizes, each trained from another seed; they share the classifier
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
        """Number of blocks."""
        return len(self.blocks)

    @property
    def hidden(self) -> int:
        """Width of each member's hidden layer."""
        return self.width // self.members

    @property
    def pooled(self) -> int:
        """Channels after each member's pooling: mean, maximum and one weighted mean per head."""
        return self.blocks[-1].width * (2 + self.attention)
