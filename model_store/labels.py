"""What the rows of a classifier mean: names, joining over segments, training weights, thresholds.

ECG-FM's own seventeen labels are in ecg_fm_labels.json (source: bowang-lab/ECG-FM,
data/mimic_iv_ecg/labels; pos_weight as in its fine-tuning configuration). A user's own labels come
from a JSON list of names or objects.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from errors import ModelStoreError

Joining = Literal["mean", "max"]

ECG_FM_LABELS = Path(__file__).with_name("ecg_fm_labels.json")
_ECG_FM_ROWS = 17
_SAME_WEIGHT = 1e-5  # relative; the published weights are printed with six decimals


@dataclass(frozen=True)
class Label:
    """One row of the classifier.

    joining     how a record's probability follows from those of its segments
    pos_weight  weight of the positives in training, which multiplies the odds; None if the model is
                calibrated
    threshold   a probability of this value or more counts as positive
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    joining: Joining
    pos_weight: float | None
    threshold: float
    description: str = ""


@dataclass(frozen=True)
class _LabelEntry:
    """A label in a file of labels; missing fields have defaults."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    joining: Joining = "mean"
    pos_weight: float | None = None
    threshold: float | None = None
    description: str = ""


def default_threshold(pos_weight: float | None) -> float:
    """Return the probability that means 'more likely than not' after the prior correction.

    With the training weight w, sigmoid(logit - ln w) >= 0.5 is sigmoid(logit) >= w / (1 + w).
    """
    return 0.5 if pos_weight is None else pos_weight / (1.0 + pos_weight)


def ecg_fm_labels() -> tuple[Label, ...]:
    """Return ECG-FM's own seventeen labels, in the order of its classifier's rows."""
    return read_labels(ECG_FM_LABELS)


def read_labels(path: Path) -> tuple[Label, ...]:
    """Read labels from a JSON list of names, or of label objects.

    An object is {name, joining, pos_weight, threshold, description}; only `name` is required.
    Raises ModelStoreError if the file cannot be read or is not such a list.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        objects = [{"name": value} if isinstance(value, str) else value for value in values]
        entries = TypeAdapter(list[_LabelEntry]).validate_python(objects)
    except OSError as error:
        raise ModelStoreError(f"labels: {path} cannot be read ({error.strerror})") from error
    except (TypeError, ValueError) as error:
        raise ModelStoreError(
            f"labels: {path.name} is not a JSON list of names or of label objects "
            f"({_first_line(error)})"
        ) from error
    _check(path.name, entries)
    return tuple(_label_of(entry) for entry in entries)


def labels_for(
    rows: int, pos_weights: Sequence[float] | None, labels: Sequence[Label] | None
) -> tuple[tuple[Label, ...], str]:
    """Return the labels of a classifier with this many rows, and a sentence on their origin.

    pos_weights  the checkpoint's own, None if it has none
    labels       those that the user gave, None to use ECG-FM's if the rows are ECG-FM's
    Raises ModelStoreError if the meaning of the rows is unknown, or the labels do not fit the rows:
    names are never invented.
    """
    if labels is not None:
        if len(labels) != rows:
            raise ModelStoreError(
                f"labels: {len(labels)} given, but the classifier has {rows} rows"
            )
        return _add_weights(labels, pos_weights), f"{rows} labels as given"
    if rows != _ECG_FM_ROWS:
        raise ModelStoreError(
            f"the classifier has {rows} rows, and the checkpoint does not state what they mean: "
            "name them in a JSON list, in the order of the rows, and pass it with --labels FILE"
        )
    ecg_fm = ecg_fm_labels()
    if pos_weights is None:
        return ecg_fm, (
            "17 rows: ECG-FM's own labels are assumed (the checkpoint states no pos_weight that "
            "would confirm it)"
        )
    if not _have_weights(ecg_fm, pos_weights):
        raise ModelStoreError(
            "the classifier has 17 rows, as ECG-FM's has, but was trained with other pos_weights, "
            "so its labels may differ: pass --labels ecg-fm if they are ECG-FM's, otherwise "
            "--labels FILE"
        )
    return ecg_fm, "17 rows trained with ECG-FM's pos_weights: ECG-FM's own labels"


def _check(file_name: str, entries: Sequence[_LabelEntry]) -> None:
    names = {entry.name for entry in entries}
    if not names or len(names) != len(entries):
        raise ModelStoreError(f"labels: {file_name} needs one name or more, all different")
    for entry in entries:
        field = f"labels: {file_name}: {entry.name}"
        if entry.pos_weight is not None and not 0 < entry.pos_weight < float("inf"):
            raise ModelStoreError(
                f"{field}: pos_weight is {entry.pos_weight}; a positive number is required"
            )
        if entry.threshold is not None and not 0 <= entry.threshold <= 1:
            raise ModelStoreError(f"{field}: threshold is {entry.threshold}; 0 to 1 is allowed")


def _label_of(entry: _LabelEntry) -> Label:
    threshold = entry.threshold
    if threshold is None:
        threshold = default_threshold(entry.pos_weight)
    return Label(entry.name, entry.joining, entry.pos_weight, threshold, entry.description)


def _add_weights(labels: Sequence[Label], pos_weights: Sequence[float] | None) -> tuple[Label, ...]:
    """Give labels without a pos_weight that of the checkpoint."""
    if pos_weights is None:
        return tuple(labels)
    if len(pos_weights) != len(labels):
        raise ModelStoreError(
            f"the checkpoint was trained with {len(pos_weights)} pos_weights, but its classifier "
            f"has {len(labels)} rows"
        )
    return tuple(map(_add_weight, labels, pos_weights))


def _add_weight(label: Label, pos_weight: float) -> Label:
    if label.pos_weight is not None:
        return label
    threshold = label.threshold
    if threshold == default_threshold(None):
        threshold = default_threshold(pos_weight)
    return replace(label, pos_weight=pos_weight, threshold=threshold)


def _have_weights(labels: Sequence[Label], pos_weights: Sequence[float]) -> bool:
    """Return whether the labels' own training weights are these."""
    if len(labels) != len(pos_weights):
        return False
    for label, pos_weight in zip(labels, pos_weights, strict=True):
        if abs((label.pos_weight or 0.0) - pos_weight) > _SAME_WEIGHT * abs(pos_weight):
            return False
    return True


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return f"{field}: {first['msg']}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
