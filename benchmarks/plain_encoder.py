"""ECG-FM without optimisations, the baseline of the encoder's benchmark: float32, eager PyTorch.

Its modules are those of fairseq-signals: separate q, k and v, an explicit softmax, a positional
kernel that weight norm computes in every call, and convolutions with time as the last axis. Its
weights come from an `encoder.ecg_fm.EcgFm`: norms, projection, classifier and the bias of the
positional convolution are shared with it, all others are copies.

Shapes: B segments, T tokens, D channels of a token.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.config import EcgFmConfig
from encoder.ecg_fm import EcgFm, Layer


class PlainLayer(nn.Module):
    """One transformer layer as in the published model: (B, T, D) -> (B, T, D).

    A layer norm follows each residual sum (post-LN).
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        attention = layer.attention
        self.heads = attention.heads
        weights = attention.qkv.weight.chunk(3)
        biases = attention.qkv.bias.chunk(3)
        self.query, self.key, self.value = map(_linear, weights, biases)
        self.out = _linear(attention.out.weight, attention.out.bias)
        self.attention_norm = layer.attention_norm
        self.ffn_norm = layer.ffn_norm
        self.fc1 = _linear(layer.fc1.weight, layer.fc1.bias)
        self.fc2 = _linear(layer.fc2.weight, layer.fc2.bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        head_width = width // self.heads
        shape = (batch, tokens, self.heads, head_width)
        query = (self.query(x) * head_width**-0.5).view(shape).transpose(1, 2)
        key = self.key(x).view(shape).transpose(1, 2)
        value = self.value(x).view(shape).transpose(1, 2)
        weights = torch.softmax(torch.matmul(query, key.transpose(2, 3)), dim=-1)
        attended = torch.matmul(weights, value).transpose(1, 2).reshape(batch, tokens, width)
        x = self.attention_norm(x + self.out(attended))
        inner = F.gelu(self.fc1(x))
        return cast(Tensor, self.ffn_norm(x + self.fc2(inner)))


class PlainEncoder(nn.Module):
    """The network: segments (B, leads, samples) -> embeddings (B, D), logits (B, labels); float32.

    encoder  the source of the weights; it must have post-LN, a projection and a classifier
    """

    def __init__(self, encoder: EcgFm) -> None:
        super().__init__()
        config: EcgFmConfig = encoder.config
        assert (
            not config.layer_norm_first
            and encoder.projection is not None
            and encoder.classifier is not None
        ), "a plain encoder needs post-LN, a projection and a classifier, as in the published model"
        self.strides = [layer.stride for layer in config.conv_layers]
        self.convs = nn.ParameterList(
            cast(Tensor, conv.weight).detach().clone() for conv in encoder.convs
        )
        self.conv_norm = encoder.conv_norm
        self.encoder_norm = encoder.encoder_norm
        self.token_norm: nn.LayerNorm = encoder.token_norm
        self.projection: nn.Linear = encoder.projection
        self.classifier: nn.Linear = encoder.classifier
        # Weight norm: the kernel is computed from a direction and one gain for each of its taps.
        weight = encoder.position.weight.detach()
        self.direction = nn.Parameter(weight.clone())
        self.gain = nn.Parameter(weight.norm(dim=(0, 1), keepdim=True))
        self.position_bias = encoder.position.bias
        self.padding = config.conv_pos_kernel // 2
        self.groups = config.conv_pos_groups
        self.layers = nn.ModuleList(PlainLayer(cast(Layer, layer)) for layer in encoder.layers)

    def forward(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        x = segments
        for number, (weight, stride) in enumerate(zip(self.convs, self.strides, strict=True)):
            x = F.conv1d(x, weight, stride=stride)
            x = F.gelu(self.conv_norm(x) if number == 0 else x)
        x = self.projection(self.token_norm(x.transpose(1, 2)))
        kernel = self.gain * self.direction / self.direction.norm(dim=(0, 1), keepdim=True)
        positions = F.conv1d(
            x.transpose(1, 2), kernel, self.position_bias, padding=self.padding, groups=self.groups
        )
        # An even kernel with this padding gives one token too many.
        positions = F.gelu(positions[:, :, : x.shape[1]])
        x = self.encoder_norm(x + positions.transpose(1, 2))
        for layer in self.layers:
            x = layer(x)
        # fairseq-signals divides by the number of a channel's tokens that are not 0; see
        # encoder.ecg_fm.pool.
        pooled = x.sum(dim=1) / (x != 0).sum(dim=1)
        return pooled, self.classifier(pooled)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with copies of these weights (out, in) and biases (out,)."""
    # On the meta device no memory is allocated for the weights that are replaced.
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    linear.weight = nn.Parameter(weight.detach().clone())
    linear.bias = nn.Parameter(bias.detach().clone())
    return linear
