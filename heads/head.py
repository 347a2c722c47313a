"""A head: from an encoder's embedding to the probabilities of its labels, in numpy.

Linear, or a multi-layer perceptron with rectified linear units; the scaling of its input is folded into the first layer.
Each label's logit is calibrated by Platt's method (Platt 1999: sigmoid(slope * logit + offset)).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from errors import BadHead, WrongEncoder
from signals.logistic import sigmoid

Kind = Literal["linear", "mlp"]
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]

SHOWN_SHA256 = 12  # hex digits, as in the other names that tell a checksum


@dataclass(frozen=True)
class EncoderReference:
    """The encoder whose embeddings a head reads. Its weights' sha256 is its identity; name and revision are for people."""

    name: str
    revision: str | None
    sha256: str

    def __str__(self) -> str:
        return (
            f"{self.name} (revision {self.revision or 'none'}, sha256 {self.sha256[:SHOWN_SHA256]})"
        )


@dataclass(frozen=True)
class HeadLabel:
    """threshold is on the calibrated probability, sigmoid(slope * logit + offset)."""

    name: str
    threshold: float = 0.5
    slope: float = 1.0
    offset: float = 0.0
    description: str = ""


@dataclass(frozen=True)
class Prediction:
    """One recording's answer; label -> calibrated probability, and the labels at or above their thresholds."""

    probabilities: dict[str, float]
    positive: list[str]


@dataclass(frozen=True, eq=False)
class Head:
    """One trained head; nothing in it changes.

    layers      weight (out, in) and bias (out,), float32, from the embedding to the logits
    trained_on  (patients,) uint64, sorted: digests of the patients whose recordings chose its weights, calibration or thresholds
    made        how it was trained, for people
    """

    name: str
    encoder: EncoderReference
    labels: tuple[HeadLabel, ...]
    layers: tuple[Layer, ...]
    trained_on: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    made: Mapping[str, Any] = field(default_factory=dict)
    card: str | None = None

    @property
    def kind(self) -> Kind:
        return "linear" if len(self.layers) == 1 else "mlp"

    @property
    def width(self) -> int:
        return int(self.layers[0][0].shape[1])

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    def check_encoder(self, encoder: EncoderReference) -> None:
        """Raises WrongEncoder where the embeddings at hand are another encoder's."""
        if encoder.sha256 != self.encoder.sha256:
            raise WrongEncoder(
                f"head {self.name} was trained on embeddings of {self.encoder}; these are of {encoder}"
            )

    def logits(self, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(..., labels) from (..., width), not calibrated. Raises BadHead for another width."""
        x = np.asarray(embeddings, np.float64)
        if x.ndim == 0 or x.shape[-1] != self.width:
            raise BadHead(
                f"head {self.name} reads embeddings of {self.width} numbers, found shape {x.shape}"
            )
        last = len(self.layers) - 1
        for number, (weight, bias) in enumerate(self.layers):
            x = x @ weight.T.astype(np.float64) + bias
            if number < last:
                x = np.maximum(x, 0.0)
        return x

    def probabilities(self, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(..., labels), calibrated."""
        slope = np.array([label.slope for label in self.labels])
        offset = np.array([label.offset for label in self.labels])
        return sigmoid(slope * self.logits(embeddings) + offset)

    def predict(self, embedding: NDArray[np.floating[Any]]) -> Prediction:
        """One recording from its embedding (width,). Raises BadHead where that has another width or holds no finite numbers."""
        if not np.isfinite(embedding).all():
            raise BadHead(f"head {self.name}: the embedding holds values that are not finite")
        found = {
            name: float(value)
            for name, value in zip(self.label_names, self.probabilities(embedding), strict=True)
        }
        return Prediction(
            found, [label.name for label in self.labels if found[label.name] >= label.threshold]
        )


def patient_digests(patients: Iterable[str]) -> NDArray[np.uint64]:
    """(patients,) uint64, sorted, each once: the first 8 bytes of each id's sha256, enough to tell whether one was trained on."""
    found = {
        int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "little")
        for patient in patients
    }
    return np.array(sorted(found), np.uint64)
