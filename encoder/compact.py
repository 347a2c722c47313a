"""A compact network for machines without a GPU: 10 s of 12 leads at 100 Hz -> labels, embedding.

A residual network over time with squeeze-and-excitation (He et al. 2016; Hu et al. 2018), an
architecture that benchmarks on PTB-XL found good (Strodthoff et al., IEEE JBHI 2021). Its tokens
are pooled by mean, maximum and learned weights. A thirteenth row marks where the recording is
present: 1 there, or -1 if the units are unknown, and 0 after its end, where nothing is read.

Only training needs the batch norms; `fold_norms` folds them into the convolutions. A network may
hold several members, each trained separately (`join_networks`): their embeddings and hidden states
are concatenated, and the logits are the mean of theirs (deep ensembles: Lakshminarayanan et al.,
NeurIPS 2017).

Time is the width of an image of height 1, because PyTorch then keeps channels last on a CPU, which
takes a seventh less time than Conv1d.
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

MASKED_SCORE = -1e4  # softmax gives 0 for it in every dtype


class _Conv(nn.Module):
    """A convolution, with batch norm in training; (B, C, 1, T) -> (B, C', 1, ceil(T / stride))."""

    def __init__(self, inputs: int, layer: ConvLayer, normed: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs,
            layer.width,
            kernel_size=(1, layer.kernel),
            stride=(1, layer.stride),
            padding=(0, layer.kernel // 2),
            bias=not normed,
        )
        self.norm = nn.BatchNorm2d(layer.width) if normed else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x if self.norm is None else cast(Tensor, self.norm(x))

    @torch.no_grad()
    def fold_into(self, other: _Conv) -> None:
        """Give `other`, which has no norm, the outputs that this module has in evaluation."""
        assert self.norm is not None and other.conv.bias is not None, (
            "only a normed convolution is folded into one without. This is a bug."
        )
        mean = cast(Tensor, self.norm.running_mean)
        variance = cast(Tensor, self.norm.running_var)
        scale = self.norm.weight / torch.sqrt(variance + self.norm.eps)
        other.conv.weight.copy_(self.conv.weight * scale[:, None, None, None])
        other.conv.bias.copy_(self.norm.bias - mean * scale)


class _Block(nn.Module):
    """A residual block: two convolutions with squeeze-and-excitation, and a shortcut, `around`."""

    def __init__(self, inputs: int, layer: ConvLayer, squeeze: int, normed: bool) -> None:
        super().__init__()
        squeezed = layer.width // squeeze
        self.first = _Conv(inputs, layer, normed)
        self.second = _Conv(layer.width, ConvLayer(layer.width, layer.kernel, 1), normed)
        self.around = _Conv(inputs, ConvLayer(layer.width, 1, layer.stride), normed)
        self.squeeze = nn.Linear(layer.width, squeezed)
        self.excite = nn.Linear(squeezed, layer.width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, C', 1, T') for x (B, C, 1, T).

        mask  (B, 1, 1, T') of the output, 1 where the recording is present; None for everywhere
        """
        inner = F.relu(self.first(x))
        inner = self.second(inner if mask is None else inner * mask)
        squeezed = F.relu(self.squeeze(_masked_mean(inner, mask)))
        gain = torch.sigmoid(self.excite(squeezed))
        out = F.relu(inner * gain[:, :, None, None] + self.around(x))
        return out if mask is None else out * mask


class _Member(nn.Module):
    """One member: a network from segments to its part of the embedding."""

    def __init__(self, config: CompactConfig, normed: bool, dropout: float) -> None:
        super().__init__()
        self.config = config
        widths = [config.stem.width, *(block.width for block in config.blocks)]
        self.stem = _Conv(config.in_leads, config.stem, normed)
        self.blocks = nn.ModuleList(
            _Block(inputs, layer, config.squeeze, normed)
            for inputs, layer in zip(widths, config.blocks, strict=False)
        )
        self.scores = nn.Conv2d(widths[-1], config.attention, 1)
        self.hidden = nn.Linear(config.pooled_width, config.hidden_width)
        self.dropout = dropout

    def forward(
        self, segments: Tensor, mask: Tensor | None, layers: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, dict[int, Tensor], Tensor]:
        """Run segments (B, 13, 1, L) with their mask (B, 1, 1, L).

        Returns the embedding (B, hidden), the tokens (B, T, C), the requested hidden states by
        layer, and the pooling weights (B, T, heads).
        """
        hidden: dict[int, Tensor] = {}
        x, mask = self._run_stem(segments, mask)
        if 0 in layers:
            hidden[0] = _tokens(x)
        for number, (block, sizes) in enumerate(zip(self.blocks, self.config.blocks, strict=True)):
            if mask is not None:
                mask = mask[..., :: sizes.stride]
            x = block(x, mask)
            if number + 1 in layers:
                hidden[number + 1] = _tokens(x)
        weights = self._pooling_weights(x, mask)
        pooled = F.dropout(self._pool(x, mask, weights), self.dropout, self.training)
        return F.relu(self.hidden(pooled)), _tokens(x), hidden, weights.transpose(1, 2)

    def _run_stem(self, segments: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x = F.relu(self.stem(segments))
        if mask is None:
            return x, None
        mask = mask[..., :: self.config.stem.stride]
        return x * mask, mask

    def _pooling_weights(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, heads, T); the sum over T is 1."""
        scores = self.scores(x).float()
        if mask is not None:
            scores = scores.masked_fill(mask == 0, MASKED_SCORE)
        return cast(Tensor, scores.flatten(2).softmax(dim=2).to(x.dtype))

    def _pool(self, x: Tensor, mask: Tensor | None, weights: Tensor) -> Tensor:
        """Pool x (B, C, 1, T) to (B, pooled)."""
        mean = _masked_mean(x, mask)
        # The maximum needs no mask: masked values are 0, and ReLU leaves none below 0.
        maximum = x.amax(dim=(2, 3))
        weighted = (weights @ _tokens(x)).flatten(1)
        return torch.cat([mean, maximum, weighted], dim=1)


class Compact(nn.Module):
    """All members and the classifier; `normed` for training, without norms for inference."""

    FLOAT32_PARTS: ClassVar[tuple[str, ...]] = ("classifier",)

    def __init__(
        self, config: CompactConfig, *, normed: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(
            _Member(config, normed, dropout) for _ in range(config.members)
        )
        self.classifier = nn.Linear(config.width, config.labels)
        self.dropout = dropout

    def forward(
        self, segments: Tensor, *, layers: tuple[int, ...] = (), attention: bool = False
    ) -> EncoderOutput:
        """Run segments (B, 13, L) in mV, as the bundle's preprocessing makes them.

        layers     the hidden states to return, 0 (the stem) to depth
        attention  whether to return the pooling weights (B, T, heads of all members)
        Raises LayerOutOfRange for another layer.
        """
        invalid = sorted(set(layers) - set(range(self.config.depth + 1)))
        if invalid:
            raise LayerOutOfRange(
                f"layers: found {invalid[0]}, this encoder has 0 to {self.config.depth}"
            )
        segments = segments[:, :, None].contiguous(memory_format=torch.channels_last)
        mask = None if self.training else _mask(segments)
        outputs = [member(segments, mask, layers) for member in self.members]
        embeddings, tokens, hidden_states, weights = zip(*outputs, strict=True)
        embedding = torch.cat(embeddings, dim=-1)
        hidden: dict[int, Tensor] = {}
        for layer in layers:
            hidden[layer] = torch.cat([states[layer] for states in hidden_states], dim=-1)
        dropped = F.dropout(embedding, self.dropout, self.training)
        return EncoderOutput(
            pooled=embedding.float(),
            logits=self.classifier(dropped.float()),
            tokens=torch.cat(tokens, dim=-1),
            hidden=hidden,
            attention=torch.cat(weights, dim=-1).float() if attention else None,
        )


def fold_norms(net: Compact) -> Compact:
    """Return a network without norms that has the outputs of a trained one in evaluation."""
    plain = Compact(net.config)
    plain_modules = dict(plain.named_modules())
    for name, module in net.named_modules():
        if isinstance(module, _Conv):
            module.fold_into(cast(_Conv, plain_modules[name]))
    plain_names = plain.state_dict().keys()
    other_weights = {
        name: value
        for name, value in net.state_dict().items()
        if name in plain_names and ".conv." not in name
    }
    plain.load_state_dict(other_weights, strict=False)
    return plain.eval()


def join_networks(nets: Sequence[Compact]) -> Compact:
    """Return one network, for inference, of several networks of one member each.

    Its embedding is the concatenation of theirs, its logits the mean of theirs.
    """
    config = nets[0].config
    count = len(nets)
    joined = Compact(replace(config, width=config.width * count, members=count))
    for member, net in zip(joined.members, nets, strict=True):
        member.load_state_dict(net.members[0].state_dict())
    with torch.no_grad():
        weights = torch.cat([net.classifier.weight for net in nets], dim=1)
        biases = torch.stack([net.classifier.bias for net in nets])
        joined.classifier.weight.copy_(weights / count)
        joined.classifier.bias.copy_(biases.mean(dim=0))
    return joined.eval()


def _masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean (B, C) of x (B, C, 1, T) over the time that is not masked."""
    if mask is None:
        return x.mean(dim=(2, 3))
    return (x * mask).sum(dim=(2, 3)) / mask.sum(dim=(2, 3)).clamp(min=1)


def _tokens(x: Tensor) -> Tensor:
    """(B, C, 1, T) -> (B, T, C)."""
    return x[:, :, 0].transpose(1, 2)


def _mask(segments: Tensor) -> Tensor:
    """(B, 13, 1, L) -> (B, 1, 1, L): 1 where the recording is present, else 0."""
    return segments[:, -1:].abs()
