"""What the rows of a classifier mean: names, joining over segments, training weights, thresholds.

ECG-FM's own seventeen are in ecg_fm_labels.json (source: bowang-lab/ECG-FM, data/mimic_iv_ecg/labels; pos_weight as in its
fine-tuning configuration). A user's own come from a JSON list of names or objects.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from errors import ModelStoreError

Joining = Literal["mean", "max"]

ECG_FM_LABELS = Path(__file__).with_name("ecg_fm_labels.json")
ROWS_OF_ECG_FM = 17
SAME_WEIGHT = 1e-5  # relative: the published weights are printed with six decimals


@dataclass(frozen=True)
class Label:
    """One row of the classifier.

    joining     how a record's probability follows from its segments'
    pos_weight  weight of the positives in training, which inflates the odds by as much; None where the model is calibrated
    threshold   a probability from there on counts as positive
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    joining: Joining
    pos_weight: float | None
    threshold: float
    description: str = ""


@dataclass(frozen=True)
class _Stated:
    """A label as a file states it; what is missing follows from the rest."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    joining: Joining = "mean"
    pos_weight: float | None = None
    threshold: float | None = None
    description: str = ""


def default_threshold(pos_weight: float | None) -> float:
    """'More likely than not' once the training weight w is taken out: sigmoid(logit - ln w) >= 0.5 is sigmoid(logit) >= w / (1 + w)."""
    return 0.5 if pos_weight is None else pos_weight / (1.0 + pos_weight)


def ecg_fm_labels() -> tuple[Label, ...]:
    """ECG-FM's own seventeen, in the order of its classifier's rows."""
    return read_labels(ECG_FM_LABELS)


def read_labels(path: Path) -> tuple[Label, ...]:
    """Labels from a JSON list of names, or of objects {name, joining, pos_weight, threshold, description}.

    Raises ModelStoreError that says what is wrong with the file.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        stated = TypeAdapter(list[_Stated]).validate_python([_named(entry) for entry in entries])
    except OSError as error:
        raise ModelStoreError(f"labels: {path} cannot be read ({error.strerror})") from error
    except (TypeError, ValueError) as error:
        raise ModelStoreError(
            f"labels: {path.name} is not a JSON list of names or of label objects ({_first_line(error)})"
        ) from error
    _check(path.name, stated)
    return tuple(_completed(label) for label in stated)


def labels_for(
    rows: int, trained_with: Sequence[float] | None, given: Sequence[Label] | None
) -> tuple[tuple[Label, ...], str]:
    """The labels of a classifier with so many rows, and a sentence on where they come from.

    trained_with  the checkpoint's own pos_weight, None where it has none
    Raises ModelStoreError where nobody says what the rows mean, or what is said does not fit: names are never invented.
    """
    if given is not None:
        if len(given) != rows:
            raise ModelStoreError(f"labels: {len(given)} are named, the classifier has {rows} rows")
        return _weighted(given, trained_with), f"{rows} labels as given"
    if rows != ROWS_OF_ECG_FM:
        raise ModelStoreError(
            f"the classifier has {rows} rows and nothing in the checkpoint says what they mean: "
            "name them in a JSON list, in the order of the rows, and pass it with --labels FILE"
        )
    labels = ecg_fm_labels()
    if trained_with is None:
        return (
            labels,
            "17 rows: taken as ECG-FM's own labels (the checkpoint states no pos_weight that would confirm it)",
        )
    if not _same_weights(labels, trained_with):
        raise ModelStoreError(
            "the classifier has 17 rows as ECG-FM's has, but was trained with other pos_weights, so its labels may be others: "
            "pass --labels ecg-fm if they are ECG-FM's, else --labels FILE"
        )
    return labels, "17 rows trained with ECG-FM's pos_weights: ECG-FM's own labels"


def _named(entry: Any) -> Any:
    return {"name": entry} if isinstance(entry, str) else entry


def _check(source: str, stated: Sequence[_Stated]) -> None:
    names = [label.name for label in stated]
    if not names or len(set(names)) != len(names):
        raise ModelStoreError(f"labels: {source} needs one name or more, each once")
    for label in stated:
        if label.pos_weight is not None and not 0 < label.pos_weight < float("inf"):
            raise ModelStoreError(
                f"labels: {source}: {label.name}: pos_weight must be a positive number, found {label.pos_weight}"
            )
        if label.threshold is not None and not 0 <= label.threshold <= 1:
            raise ModelStoreError(
                f"labels: {source}: {label.name}: threshold must be within 0..1, found {label.threshold}"
            )


def _completed(label: _Stated) -> Label:
    threshold = default_threshold(label.pos_weight) if label.threshold is None else label.threshold
    return Label(label.name, label.joining, label.pos_weight, threshold, label.description)


def _weighted(labels: Sequence[Label], trained_with: Sequence[float] | None) -> tuple[Label, ...]:
    """The checkpoint's own training weights for labels whose file states none."""
    if trained_with is None:
        return tuple(labels)
    if len(trained_with) != len(labels):
        raise ModelStoreError(
            f"the checkpoint was trained with {len(trained_with)} pos_weights, its classifier has {len(labels)} rows"
        )
    return tuple(
        _with_weight(label, weight) for label, weight in zip(labels, trained_with, strict=True)
    )


def _with_weight(label: Label, weight: float) -> Label:
    if label.pos_weight is not None:
        return label
    stated_threshold = label.threshold != default_threshold(None)
    return replace(
        label,
        pos_weight=weight,
        threshold=label.threshold if stated_threshold else default_threshold(weight),
    )


def _same_weights(labels: Sequence[Label], trained_with: Sequence[float]) -> bool:
    known = [label.pos_weight or 0.0 for label in labels]
    return len(known) == len(trained_with) and all(
        abs(mine - theirs) <= SAME_WEIGHT * abs(theirs)
        for mine, theirs in zip(known, trained_with, strict=True)
    )


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
