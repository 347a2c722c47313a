"""The sizes of the networks.

This module imports no torch, because signal workers and the model store read the sizes too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConvLayer:
    """The sizes of a convolution over time.

    width   output channels
    kernel  samples that one output depends on
    stride  samples from one output to the next
    """

    width: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class EcgFmConfig:
    """The options that determine ECG-FM's layers and their order (fairseq-signals 6b9e137).

    conv_layers       convolutions of the feature extractor, which turns samples into tokens
    width             width of the transformer and of the embedding
    ffn_width         width of the hidden layer in the feed-forward networks
    depth             number of transformer layers
    heads             number of attention heads in each layer
    conv_pos_kernel   kernel of the positional convolution, in tokens
    conv_pos_groups   groups of the positional convolution
    layer_norm_first  whether a layer norm precedes attention and feed-forward network (pre-LN);
                      if not, it follows their residual sums (post-LN)
    conv_bias         whether the feature extractor's convolutions have a bias
    in_leads          number of leads in a segment
    labels            number of labels; 0 for a pretrained encoder, which has no classifier
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
        """Return the number of channels of the feature extractor's output."""
        return self.conv_layers[-1].width

    @property
    def has_projection(self) -> bool:
        """Return whether a linear layer projects the extracted features to the transformer's width.

        fairseq-signals has one only if the two widths differ.
        """
        return self.conv_width != self.width

    def token_count(self, samples: int) -> int:
        """Return the number of tokens of a segment with this many samples."""
        for layer in self.conv_layers:
            samples = (samples - layer.kernel) // layer.stride + 1
        return samples


@dataclass(frozen=True)
class CompactConfig:
    """The sizes of the compact convolutional network (encoder/compact.py).

    stem       the first convolution
    blocks     sizes of the residual blocks; both convolutions of a block have the same width and
               kernel, and only the first has the stride
    squeeze    in the squeeze-and-excitation, the block's width divided by the bottleneck's width
    attention  number of heads of the attention pooling
    width      width of the embedding, which concatenates the members' hidden layers
    labels     number of labels
    in_leads   number of rows of a segment: twelve leads, and a row that marks where the recording
               is present and whether its units are known
    members    number of networks with these sizes, each trained from another seed; they share the
               classifier
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
        """Return the number of blocks."""
        return len(self.blocks)

    @property
    def hidden_width(self) -> int:
        """Return the width of each member's hidden layer."""
        return self.width // self.members

    @property
    def pooled_width(self) -> int:
        """Return the number of values of each member after pooling.

        These are each channel's mean, its maximum, and a weighted mean for each attention head.
        """
        return self.blocks[-1].width * (2 + self.attention)
