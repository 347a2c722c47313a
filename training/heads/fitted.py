"""What a fit takes and what it returns, whatever the kind of head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heads.head import Kind, Layer


@dataclass(frozen=True)
class FitOptions:
    """Settings of a fit.

    class_weights  "balanced" weights positives by negatives / positives
    hidden         units of the hidden layer; an mlp's only
    folds          in which patients are kept apart, to choose settings and to calibrate
    """

    kind: Kind = "linear"
    class_weights: Literal["balanced", "none"] = "balanced"
    hidden: int = 128
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted network, not calibrated.

    layers       as `Head.layers`, fitted on all examples
    out_of_fold  (records, labels) logits by networks that were not fitted on the record's patient
    chosen       settings that were chosen on those patients, by name
    """

    layers: tuple[Layer, ...]
    out_of_fold: NDArray[np.float64]
    chosen: dict[str, float]
