"""A head with one hidden layer, in PyTorch: AdamW, dropout, early stopping on the patients of each fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from training.heads.linear_fit import Scaling, positive_weights

if TYPE_CHECKING:
    from training.heads.fit import Examples, FitOptions, Fitted

MAX_EPOCHS: Final = 100
PATIENCE: Final = 8  # epochs without a better loss on the fold's patients
BATCH: Final = 64
LEARNING_RATE: Final = 1e-3
WEIGHT_DECAY: Final = 1e-2
DROPOUT: Final = 0.3


class Perceptron(nn.Module):
    def __init__(self, width: int, hidden: int, labels: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(width, hidden), nn.Linear(hidden, labels)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.dropout(F.relu(self.first(x)), DROPOUT, self.training))  # type: ignore[no-any-return]


def fit_mlp(examples: Examples, folds: NDArray[np.intp], options: FitOptions) -> Fitted:
    """Each fold stops where its own patients' loss is lowest; the whole is then trained for the median of those epochs."""
    from training.heads.fit import Fitted

    torch.manual_seed(options.seed)
    out_of_fold = np.zeros(examples.truth.shape)
    epochs = []
    for fold in np.unique(folds):
        epoch, logits = _stopped(examples.at(folds != fold), examples.at(folds == fold), options)
        epochs.append(epoch)
        out_of_fold[folds == fold] = logits
    chosen = int(np.median(epochs))
    scaling = Scaling.of(examples.x)
    trainer = _Trainer(scaling.apply(examples.x), examples.truth, options)
    for _ in range(chosen):
        trainer.epoch()
    first, last = trainer.net.first, trainer.net.last
    folded = scaling.fold_into(
        first.weight.detach().double().numpy(), first.bias.detach().double().numpy()
    )
    layers = (folded, (last.weight.detach().numpy().copy(), last.bias.detach().numpy().copy()))
    return Fitted(layers, out_of_fold, {"hidden": options.hidden, "epochs": chosen})


def _stopped(
    seen: Examples, unseen: Examples, options: FitOptions
) -> tuple[int, NDArray[np.float64]]:
    """(epochs, logits of the unseen) where their loss was lowest."""
    scaling = Scaling.of(seen.x)
    trainer = _Trainer(scaling.apply(seen.x), seen.truth, options)
    held = torch.from_numpy(scaling.apply(unseen.x).astype(np.float32))
    truth, known = _targets(unseen.truth)
    best: tuple[float, int, Any] = (float("inf"), 1, None)
    for epoch in range(1, MAX_EPOCHS + 1):
        trainer.epoch()
        logits = trainer.logits(held)
        loss = float(_loss(logits, truth, known, trainer.weights))
        if loss < best[0]:
            best = (loss, epoch, logits.double().numpy())
        elif epoch - best[1] >= PATIENCE:
            break
    return best[1], best[2]


class _Trainer:
    """One network on its way; `epoch` goes through the records once, in a new order."""

    def __init__(
        self, x: NDArray[np.float64], truth: NDArray[np.float64], options: FitOptions
    ) -> None:
        self.x = torch.from_numpy(x.astype(np.float32))
        self.truth, self.known = _targets(truth)
        self.weights = torch.from_numpy(
            positive_weights(truth, options.class_weights == "balanced").astype(np.float32)
        )
        self.net = Perceptron(x.shape[1], options.hidden, truth.shape[1])
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )

    def epoch(self) -> None:
        self.net.train()
        for rows in torch.split(torch.randperm(len(self.x)), BATCH):
            loss = _loss(self.net(self.x[rows]), self.truth[rows], self.known[rows], self.weights)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()

    def logits(self, x: Tensor) -> Tensor:
        self.net.eval()
        with torch.inference_mode():
            return self.net(x)  # type: ignore[no-any-return]


def _targets(truth: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(np.nan_to_num(truth).astype(np.float32)), torch.from_numpy(
        (~np.isnan(truth)).astype(np.float32)
    )


def _loss(logits: Tensor, truth: Tensor, known: Tensor, weights: Tensor) -> Tensor:
    each = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weights, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)
