"""Fit a perceptron with one hidden layer in PyTorch: AdamW, dropout, early stopping by fold."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from training.heads.examples import Examples
from training.heads.fitted import FitOptions, Fitted
from training.heads.linear_fit import Scaling, positive_weights

Array = NDArray[np.float64]

MAX_EPOCHS: Final = 100
PATIENCE: Final = 8  # epochs without a lower loss on the fold's patients
BATCH: Final = 64
LEARNING_RATE: Final = 1e-3
WEIGHT_DECAY: Final = 1e-2
DROPOUT: Final = 0.3


class _Perceptron(nn.Module):
    """One hidden layer with ReLU and dropout."""

    def __init__(self, width: int, hidden: int, labels: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, labels)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.dropout(F.relu(self.first(x)), DROPOUT, self.training)
        return self.last(hidden)  # type: ignore[no-any-return]


def fit_mlp(examples: Examples, folds: NDArray[np.intp], options: FitOptions) -> Fitted:
    """Fit a perceptron.

    In each fold, training stops at the lowest loss on the fold's patients. The network that ships
    is trained on all patients for the median of those numbers of epochs.

    folds  (records,)
    """
    torch.manual_seed(options.seed)
    out_of_fold = np.zeros(examples.truth.shape)
    best_epochs = []
    for fold in np.unique(folds):
        held = folds == fold
        epoch, logits = _train_until_best(examples.at(~held), examples.at(held), options)
        best_epochs.append(epoch)
        out_of_fold[held] = logits
    epochs = int(np.median(best_epochs))
    scaling = Scaling.of(examples.x)
    trainer = _Trainer(scaling.apply(examples.x), examples.truth, options)
    for _ in range(epochs):
        trainer.train_epoch()
    first = trainer.net.first
    last = trainer.net.last
    # The scaling is folded into the first layer in double precision.
    first_layer = scaling.fold_into(
        first.weight.detach().double().numpy(), first.bias.detach().double().numpy()
    )
    last_layer = (last.weight.detach().numpy().copy(), last.bias.detach().numpy().copy())
    chosen: dict[str, float] = {"hidden": options.hidden, "epochs": epochs}
    return Fitted((first_layer, last_layer), out_of_fold, chosen)


def _train_until_best(seen: Examples, held: Examples, options: FitOptions) -> tuple[int, Array]:
    """Train on `seen`; return the epoch of the lowest loss on `held`, and its logits of `held`."""
    scaling = Scaling.of(seen.x)
    trainer = _Trainer(scaling.apply(seen.x), seen.truth, options)
    held_x = torch.from_numpy(scaling.apply(held.x).astype(np.float32))
    truth, known = _targets(held.truth)
    best_loss = float("inf")
    best_epoch = 1
    best_logits: Array | None = None
    for epoch in range(1, MAX_EPOCHS + 1):
        trainer.train_epoch()
        logits = trainer.logits(held_x)
        loss = float(_loss(logits, truth, known, trainer.weights))
        if loss < best_loss:
            best_loss = loss
            best_epoch = epoch
            best_logits = logits.double().numpy()
        elif epoch - best_epoch >= PATIENCE:
            break
    assert best_logits is not None, "the loss of a fold is finite. This is a bug."
    return best_epoch, best_logits


class _Trainer:
    """One network in training."""

    def __init__(self, x: Array, truth: Array, options: FitOptions) -> None:
        self.x = torch.from_numpy(x.astype(np.float32))
        self.truth, self.known = _targets(truth)
        weights = positive_weights(truth, options.class_weights == "balanced")
        self.weights = torch.from_numpy(weights.astype(np.float32))
        self.net = _Perceptron(x.shape[1], options.hidden, truth.shape[1])
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )

    def train_epoch(self) -> None:
        """Train on every record once, in a new random order."""
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


def _targets(truth: Array) -> tuple[Tensor, Tensor]:
    """Return targets, 0 where unknown, and a mask of the known ones, both float32."""
    target = np.nan_to_num(truth).astype(np.float32)
    known = (~np.isnan(truth)).astype(np.float32)
    return torch.from_numpy(target), torch.from_numpy(known)


def _loss(logits: Tensor, truth: Tensor, known: Tensor, weights: Tensor) -> Tensor:
    """Return the mean cross-entropy over known truths."""
    losses = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weights, reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)
