"""A compact network for a machine without a GPU: 10 s of 12 leads at 100 Hz -> labels and an embedding.

A residual network over time with squeeze-and-excitation (He et al. 2016; Hu et al. 2018), as benchmarks on PTB-XL found good
(Strodthoff et al., IEEE JBHI 2021); pooled by mean, maximum and learned weights. A thirteenth row is 1 where the recording is and 0
after its end, where nothing is read; it is -1 where the units are unknown. What training alone needs, the norms, is fold_norms into the
convolutions (`fold_norms`). Several networks, each trained by itself, stand side by side (`joined`): their embeddings and hidden states
follow one another, and the logits are the mean of theirs (deep ensembles: Lakshminarayanan et al., NeurIPS 2017).

Time is the width of an image of height 1: so PyTorch keeps channels last on a CPU, which costs a seventh less than Conv1d.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, cast

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from encoder.config import CompactConfig, ConvLayer
from encoder.ecg_fm import EncoderOutput
from errors import LayerOutOfRange

FAR_BELOW = -1e4  # a score that softmax makes 0 in every dtype


class Conv(nn.Module):
    """Convolution and, while training, batch norm; (B, C, 1, T) -> (B, C', 1, ceil(T / stride))."""

    def __init__(self, before: int, layer: ConvLayer, normed: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            before,
            layer.width,
            (1, layer.kernel),
            (1, layer.stride),
            (0, layer.kernel // 2),
            bias=not normed,
        )
        self.norm = nn.BatchNorm2d(layer.width) if normed else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x if self.norm is None else cast(Tensor, self.norm(x))

    @torch.no_grad()
    def fold_into(self, other: Conv) -> None:
        """Give `other`, which has no norm, the same outputs as this one has in evaluation."""
        assert self.norm is not None and other.conv.bias is not None, (
            "only a normed convolution is fold_norms into one without. This is a bug."
        )
        mean, variance = cast(Tensor, self.norm.running_mean), cast(Tensor, self.norm.running_var)
        scale = self.norm.weight / torch.sqrt(variance + self.norm.eps)
        other.conv.weight.copy_(self.conv.weight * scale[:, None, None, None])
        other.conv.bias.copy_(self.norm.bias - mean * scale)


class Block(nn.Module):
    """Two convolutions, channels weighted by their means, and the way around them."""

    def __init__(self, before: int, layer: ConvLayer, squeeze: int, normed: bool) -> None:
        super().__init__()
        self.first = Conv(before, layer, normed)
        self.second = Conv(layer.width, ConvLayer(layer.width, layer.kernel, 1), normed)
        self.around = Conv(before, ConvLayer(layer.width, 1, layer.stride), normed)
        self.squeeze = nn.Linear(layer.width, layer.width // squeeze)
        self.excite = nn.Linear(layer.width // squeeze, layer.width)

    def forward(self, x: Tensor, there: Tensor | None) -> Tensor:
        """x (B, C, 1, T); there (B, 1, 1, T') of the output, 1 where something is read, None where everything is."""
        inner = F.relu(self.first(x))
        inner = self.second(inner if there is None else inner * there)
        gain = torch.sigmoid(self.excite(F.relu(self.squeeze(masked_mean(inner, there)))))
        out = F.relu(inner * gain[:, :, None, None] + self.around(x))
        return out if there is None else out * there


class Member(nn.Module):
    """One network up to its embedding."""

    def __init__(self, config: CompactConfig, normed: bool, dropout: float) -> None:
        super().__init__()
        self.config = config
        widths = [config.stem.width, *(block.width for block in config.blocks)]
        self.stem = Conv(config.in_leads, config.stem, normed)
        self.blocks = nn.ModuleList(
            Block(before, layer, config.squeeze, normed)
            for before, layer in zip(widths, config.blocks, strict=False)
        )
        self.scores = nn.Conv2d(widths[-1], config.attention, 1)
        self.hidden = nn.Linear(config.pooled, config.hidden)
        self.dropout = dropout

    def forward(
        self, segments: Tensor, there: Tensor | None, layers: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, dict[int, Tensor], Tensor]:
        """segments (B, 13, 1, L) -> embedding (B, hidden), tokens (B, T, C), the hidden states asked for, weights (B, T, heads)."""
        hidden: dict[int, Tensor] = {}
        x, there = self._stem(segments, there)
        for number, block in enumerate([None, *self.blocks]):
            if block is not None:
                there = (
                    None if there is None else there[..., :: self.config.blocks[number - 1].stride]
                )
                x = block(x, there)
            if number in layers:
                hidden[number] = _tokens(x)
        weights = self._weights(x, there)
        pooled = F.dropout(self._pooled(x, there, weights), self.dropout, self.training)
        return F.relu(self.hidden(pooled)), _tokens(x), hidden, weights.transpose(1, 2)

    def _stem(self, segments: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x = F.relu(self.stem(segments))
        if there is None:
            return x, None
        there = there[..., :: self.config.stem.stride]
        return x * there, there

    def _weights(self, x: Tensor, there: Tensor | None) -> Tensor:
        """(B, heads, T), each row's sum 1."""
        scores = self.scores(x).float()
        if there is not None:
            scores = scores.masked_fill(there == 0, FAR_BELOW)
        return cast(Tensor, scores.flatten(2).softmax(dim=2).to(x.dtype))

    def _pooled(self, x: Tensor, there: Tensor | None, weights: Tensor) -> Tensor:
        """(B, C, 1, T) -> (B, pooled). What is not read is 0 after ReLU, the least there can be."""
        return torch.cat(
            [masked_mean(x, there), x.amax(dim=(2, 3)), (weights @ _tokens(x)).flatten(1)], dim=1
        )


class Compact(nn.Module):
    """All members and the classifier; `normed` for training, without it (the default) for inference."""

    FLOAT32_PARTS: ClassVar[tuple[str, ...]] = ("classifier",)

    def __init__(
        self, config: CompactConfig, *, normed: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(Member(config, normed, dropout) for _ in range(config.members))
        self.classifier = nn.Linear(config.width, config.labels)
        self.dropout = dropout

    def forward(
        self, segments: Tensor, *, layers: tuple[int, ...] = (), attention: bool = False
    ) -> EncoderOutput:
        """segments (B, 13, L) in mV as the bundle's preprocessing makes them.

        layers: which hidden states to keep, 0 (the stem) .. depth. attention: the pooling's weights, (B, T, heads of all members).
        Raises LayerOutOfRange for another layer.
        """
        wrong = sorted(set(layers) - set(range(self.config.depth + 1)))
        if wrong:
            raise LayerOutOfRange(
                f"layers: found {wrong[0]}, this encoder has 0 to {self.config.depth}"
            )
        segments = segments[:, :, None].contiguous(memory_format=torch.channels_last)
        there = None if self.training else _there(segments)
        found = [member(segments, there, layers) for member in self.members]
        embedding, tokens = (torch.cat([each[part] for each in found], dim=-1) for part in (0, 1))
        hidden = {layer: torch.cat([each[2][layer] for each in found], dim=-1) for layer in layers}
        logits = self.classifier(F.dropout(embedding, self.dropout, self.training).float())
        weights = torch.cat([each[3] for each in found], dim=-1).float() if attention else None
        return EncoderOutput(embedding.float(), logits, tokens, hidden, weights)


def fold_norms(net: Compact) -> Compact:
    """A network for inference with the outputs that a trained, normed one has in evaluation."""
    plain = Compact(net.config)
    own = dict(plain.named_modules())
    for name, module in net.named_modules():
        if isinstance(module, Conv):
            module.fold_into(cast(Conv, own[name]))
    kept = {
        name: value
        for name, value in net.state_dict().items()
        if name in plain.state_dict() and ".conv." not in name
    }
    plain.load_state_dict(kept, strict=False)
    return plain.eval()


def join_networks(nets: Sequence[Compact]) -> Compact:
    """Networks of one member each side by side, for inference: their embeddings one after the other, the mean of their logits."""
    first, count = nets[0].config, len(nets)
    whole = Compact(replace(first, width=first.width * count, members=count))
    for member, net in zip(whole.members, nets, strict=True):
        member.load_state_dict(net.members[0].state_dict())
    with torch.no_grad():
        whole.classifier.weight.copy_(
            torch.cat([net.classifier.weight for net in nets], dim=1) / count
        )
        whole.classifier.bias.copy_(torch.stack([net.classifier.bias for net in nets]).mean(dim=0))
    return whole.eval()


def masked_mean(x: Tensor, there: Tensor | None) -> Tensor:
    """(B, C, 1, T) -> (B, C): the mean over what is there, over everything where that is None."""
    if there is None:
        return x.mean(dim=(2, 3))
    return (x * there).sum(dim=(2, 3)) / there.sum(dim=(2, 3)).clamp(min=1)


def _tokens(x: Tensor) -> Tensor:
    """(B, C, 1, T) -> (B, T, C)"""
    return x[:, :, 0].transpose(1, 2)


def _there(segments: Tensor) -> Tensor:
    """(B, 13, 1, L) -> (B, 1, 1, L): 1 where the recording is."""
    return segments[:, -1:].abs()
