"""A head computes the probabilities of its labels from an encoder's embedding, in numpy.

It is linear, or a multi-layer perceptron with ReLU. The first layer's weights include the scaling
of the input. Each label's logit is calibrated by Platt's method: sigmoid(slope * logit + offset)
(Platt, Probabilistic outputs for support vector machines, 1999).
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
# (weight (out, in), bias (out,))
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]

# The hexadecimal digits of a checksum in a message. The server's other texts show 12, too.
SHOWN_SHA256_DIGITS = 12
# The length of a patient's digest. Collisions are unlikely among millions of patients.
DIGEST_BYTES = 8


@dataclass(frozen=True)
class EncoderReference:
    """The encoder whose embeddings a head reads.

    The sha256 of its weights identifies it. Name and revision are only shown to people.
    """

    name: str
    revision: str | None
    sha256: str

    def __str__(self) -> str:
        revision = self.revision or "none"
        return f"{self.name} (revision {revision}, sha256 {self.sha256[:SHOWN_SHA256_DIGITS]})"


@dataclass(frozen=True)
class HeadLabel:
    """One output of a head.

    threshold      the calibrated probability from which the label is positive
    slope, offset  the calibration: sigmoid(slope * logit + offset)
    description    what the label means, for people; may be empty
    """

    name: str
    threshold: float = 0.5
    slope: float = 1.0
    offset: float = 0.0
    description: str = ""


@dataclass(frozen=True)
class Prediction:
    """A head's answer for one recording: calibrated probabilities by label, the positive labels."""

    probabilities: dict[str, float]
    positive: list[str]


@dataclass(frozen=True, eq=False)
class Head:
    """One trained head, immutable.

    layers      from the embedding to the logits; ReLU after each layer but the last
    trained_on  (patients,) uint64, sorted: digests of all patients whose recordings determined the
                weights, the calibration or the thresholds
    training    how it was trained: the options, and the numbers of recordings and patients
    card        a sentence about the head, for people; /models shows it
    """

    name: str
    encoder: EncoderReference
    labels: tuple[HeadLabel, ...]
    layers: tuple[Layer, ...]
    trained_on: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    training: Mapping[str, Any] = field(default_factory=dict)
    card: str | None = None

    @property
    def kind(self) -> Kind:
        return "linear" if len(self.layers) == 1 else "mlp"

    @property
    def width(self) -> int:
        """Return the width of the embeddings that the head reads."""
        return int(self.layers[0][0].shape[1])

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    def check_encoder(self, encoder: EncoderReference) -> None:
        """Raise WrongEncoder if the head was trained on another encoder's embeddings."""
        if encoder.sha256 != self.encoder.sha256:
            raise WrongEncoder(
                f"head {self.name} was trained on embeddings of {self.encoder}; "
                f"these are of {encoder}"
            )

    def logits(self, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return uncalibrated logits: (..., width) -> (..., labels).

        Raises BadHead for embeddings of another width.
        """
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
        """Return calibrated probabilities: (..., width) -> (..., labels)."""
        slope = np.array([label.slope for label in self.labels])
        offset = np.array([label.offset for label in self.labels])
        return sigmoid(slope * self.logits(embeddings) + offset)

    def predict(self, embedding: NDArray[np.floating[Any]]) -> Prediction:
        """Return the prediction for one recording's embedding (width,).

        Raises BadHead if the embedding has another width or holds values that are not finite.
        """
        if not np.isfinite(embedding).all():
            raise BadHead(f"head {self.name}: the embedding holds values that are not finite")
        values = self.probabilities(embedding).tolist()
        probabilities = dict(zip(self.label_names, values, strict=True))
        positive = [
            label.name for label in self.labels if probabilities[label.name] >= label.threshold
        ]
        return Prediction(probabilities, positive)


def patient_digests(patients: Iterable[str]) -> NDArray[np.uint64]:
    """Return the digests of patient ids, sorted and without duplicates: (patients,) uint64.

    A digest is the first 8 bytes of the sha256 of the id.
    """
    digests = set()
    for patient in patients:
        sha256 = hashlib.sha256(patient.encode()).digest()
        digests.add(int.from_bytes(sha256[:DIGEST_BYTES], "little"))
    return np.array(sorted(digests), np.uint64)
