"""ECG-FM in plain PyTorch, for inference.

Computes what bowang-lab/ECG-FM (9cc0d3f) on Jwoo5/fairseq-signals (6b9e137) computes, without the
parts that only training needs: convolutions over 12 leads -> tokens of 32 ms -> positional
convolution -> transformer -> mean over tokens -> classifier. Weights have other names than there:
q, k, v are one matrix, and the weight norm of the positional convolution is folded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.config import EcgFmConfig
from errors import LayerOutOfRange


@dataclass(frozen=True)
class EncoderOutput:
    """The outputs for B segments; T tokens of D channels.

    pooled     (B, D) float32, the embedding
    logits     (B, labels) float32, None without a classifier
    tokens     (B, T, D) what was pooled: the last state, after the final norm with pre-LN
    hidden     layer -> (B, T, D): 0 is the transformer's input before any norm, i the output of
               layer i
    attention  (B, T, T) float32 [query, key], last layer, after softmax, mean over heads; None
               unless requested
    """

    pooled: Tensor
    logits: Tensor | None
    tokens: Tensor
    hidden: dict[int, Tensor]
    attention: Tensor | None

    def rows(self, count: int) -> EncoderOutput:
        """Return the outputs of the first `count` segments, as views."""
        return EncoderOutput(
            pooled=self.pooled[:count],
            logits=None if self.logits is None else self.logits[:count],
            tokens=self.tokens[:count],
            hidden={layer: state[:count] for layer, state in self.hidden.items()},
            attention=None if self.attention is None else self.attention[:count],
        )


class LinearGelu(nn.Linear):
    """A linear layer and GELU in one module, which devices with a fused operator replace."""

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(super().forward(x))


class Frames(nn.Conv1d):
    """A convolution over time with channels last, (B, L, C) -> (B, T, C').

    If the windows do not overlap, it is computed as one matrix product.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size != self.stride:
            return super().forward(x.transpose(1, 2)).transpose(1, 2)
        return F.linear(split_windows(x, self.kernel_size[0]), self.matrix(), self.bias)

    def matrix(self) -> Tensor:
        """Return the weight as (C', kernel * C), in the order of `split_windows`."""
        return self.weight.transpose(1, 2).flatten(1)


class FramesGelu(Frames):
    """`Frames` followed by GELU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(super().forward(x))


class PositionalConv(nn.Conv1d):
    """The positional encoding: a grouped convolution over time and GELU, (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__(width, width, kernel, padding=kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        positions = super().forward(x.transpose(1, 2))
        # An even kernel gives one position too many, at the end.
        positions = positions[:, :, : x.shape[1]]
        return F.gelu(positions).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention over all tokens; x is (B, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self._heads(x)
        values = self.attend(query, key, value)
        return self.out(values.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    @staticmethod
    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return softmax(q k / sqrt(D / heads)) v; all are (B, heads, T, D / heads)."""
        return F.scaled_dot_product_attention(query, key, value)

    def weights(self, x: Tensor) -> Tensor:
        """Return (B, T, T) float32: each query's softmax over keys, mean over heads.

        Computed separately from `forward`, so that requesting it changes no bit of the other
        outputs.
        """
        query, key, _ = self._heads(x)
        scores = (query.float() * query.shape[-1] ** -0.5) @ key.float().transpose(-1, -2)
        return scores.softmax(dim=-1).mean(dim=1)  # type: ignore[no-any-return]

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k and v, each (B, heads, T, D / heads)."""
        split = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, heads, D / heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value


class Layer(nn.Module):
    """One transformer layer, (B, T, D) -> (B, T, D)."""

    def __init__(self, config: EcgFmConfig) -> None:
        super().__init__()
        self.norm_first = config.layer_norm_first
        self.attention = Attention(config.width, config.heads)
        self.attention_norm = nn.LayerNorm(config.width)
        self.fc1 = LinearGelu(config.width, config.ffn_width)
        self.fc2 = nn.Linear(config.ffn_width, config.width)
        self.ffn_norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            x = x + self.attention(self.attention_norm(x))
            return x + self._ffn(self.ffn_norm(x))
        x = self.attention_norm(x + self.attention(x))
        return self.ffn_norm(x + self._ffn(x))  # type: ignore[no-any-return]

    def attention_weights(self, x: Tensor) -> Tensor:
        """Return the attention (B, T, T) of this layer for its input (B, T, D)."""
        return self.attention.weights(self.attention_norm(x) if self.norm_first else x)

    def _ffn(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x))  # type: ignore[no-any-return]


class EcgFm(nn.Module):
    """The whole encoder; `config` has its sizes and its order of norms."""

    # These few numbers have a large effect: they stay in float32 in every dtype.
    FLOAT32_PARTS: ClassVar[tuple[str, ...]] = ("conv_norm", "classifier")

    def __init__(self, config: EcgFmConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.in_leads, *(layer.width for layer in config.conv_layers)]
        self.convs = nn.ModuleList()
        for number, (inputs, layer) in enumerate(zip(widths, config.conv_layers, strict=False)):
            # The first convolution is followed by a norm; `features` applies its GELU.
            frames = FramesGelu if number else Frames
            self.convs.append(
                frames(inputs, layer.width, layer.kernel, layer.stride, bias=config.conv_bias)
            )
        self.conv_norm = nn.GroupNorm(config.conv_layers[0].width, config.conv_layers[0].width)
        self.token_norm = nn.LayerNorm(config.conv_width)
        self.projection = (
            nn.Linear(config.conv_width, config.width) if config.has_projection else None
        )
        self.position = PositionalConv(config.width, config.conv_pos_kernel, config.conv_pos_groups)
        self.encoder_norm = nn.LayerNorm(config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.depth))
        self.classifier = nn.Linear(config.width, config.labels) if config.labels else None

    def forward(
        self, segments: Tensor, *, layers: tuple[int, ...] = (), attention: bool = False
    ) -> EncoderOutput:
        """Run standardised segments (B, leads, L) in the weights' dtype.

        L = 2500 at 500 Hz gives T = 156.

        layers     the hidden states to return, 0 to depth
        attention  whether to return the last layer's attention
        Raises LayerOutOfRange for another layer.
        """
        self._check_layers(layers)
        hidden: dict[int, Tensor] = {}
        weights: Tensor | None = None
        x = self.embed(self.features(segments))
        if 0 in layers:
            hidden[0] = x
        if not self.config.layer_norm_first:
            x = self.encoder_norm(x)
        for number, layer in enumerate(self.layers, start=1):
            if attention and number == len(self.layers):
                weights = layer.attention_weights(x)  # type: ignore[operator]
            x = layer(x)
            if number in layers:
                hidden[number] = x
        tokens = self.encoder_norm(x) if self.config.layer_norm_first else x
        pooled = pool(tokens)
        logits = None if self.classifier is None else self.classifier(pooled)
        return EncoderOutput(pooled, logits, tokens, hidden, weights)

    def features(self, segments: Tensor) -> Tensor:
        """(B, leads, L) -> (B, T, conv width): convolutions and LayerNorm; 16 samples a token."""
        first, *others = self.convs
        x = F.gelu(self._normed(first(segments.transpose(1, 2))))
        for conv in others:
            x = conv(x)
        return self.token_norm(x)  # type: ignore[no-any-return]

    def embed(self, features: Tensor) -> Tensor:
        """(B, T, conv width) -> (B, T, D): project, and add the positional encoding."""
        x = features if self.projection is None else self.projection(features)
        return x + self.position(x)  # type: ignore[no-any-return]

    def _normed(self, x: Tensor) -> Tensor:
        """(B, T, C): normalise each channel over time, in float32 as fairseq's Fp32GroupNorm."""
        # Time is last here: with channels last PyTorch computes the variance as E[x^2] - E[x]^2,
        # which is twice as fast and wrong for a lead with an offset.
        normed = self.conv_norm(x.transpose(1, 2).contiguous().float())
        return normed.to(x.dtype).transpose(1, 2)  # type: ignore[no-any-return]

    def _check_layers(self, layers: tuple[int, ...]) -> None:
        invalid = sorted(set(layers) - set(range(self.config.depth + 1)))
        if invalid:
            raise LayerOutOfRange(
                f"layers: found {invalid[0]}, this encoder has 0 to {self.config.depth}"
            )


def pool(tokens: Tensor) -> Tensor:
    """Return the mean over tokens of (B, T, D): (B, D) float32.

    As in fairseq-signals, each channel's sum is divided by its number of tokens that are not
    exactly 0. A channel that is 0 in every token, for which the original divides 0 by 0, gives 0.
    """
    counts = (tokens != 0).sum(dim=1).clamp(min=1)
    return tokens.sum(dim=1, dtype=torch.float32) / counts


def split_windows(x: Tensor, size: int) -> Tensor:
    """(B, L, C) -> (B, L // size, size * C): consecutive windows; an incomplete one is dropped."""
    count = x.shape[1] // size
    return x[:, : count * size].reshape(len(x), count, size * x.shape[2])
