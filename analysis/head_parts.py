"""What installed heads say of a recording: `superclass` by the head of that name, and `heads` for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.deployment import SUPERCLASS, HeadUse
from analysis.forward import Encoded, mean_over_segments
from analysis.labels import superclass
from analysis.options import AnalyzeOptions
from analysis.plan import heads_wanted
from analysis.prepare import Prepared
from errors import ModelStoreError
from heads.head import Head, Prediction
from model_store.manifest import Role

HeadOf = Callable[[str, int], Head]


@dataclass(frozen=True)
class HeadParts:
    """superclass and heads as the answer has them, None where no head gives them; what `model` says of a head that speaks."""

    superclass: dict[str, Any] | None
    heads: dict[str, Any] | None
    warnings: list[str]
    model: dict[str, str]


def head_parts(prepared: Prepared, encoded: Mapping[Role, Encoded], head_of: HeadOf) -> HeadParts:
    """head_of  gives an installed version by name and number; raises ModelStoreError where it is there no more."""
    options = prepared.options
    assert isinstance(options, AnalyzeOptions), (
        "heads are asked for by analyze options. This is a bug."
    )
    said, silent = _ask(prepared, encoded, head_of)
    warnings: list[str] = []
    if SUPERCLASS in options.include and SUPERCLASS in silent:
        warnings.append(f"superclass: the installed head does not answer: {silent[SUPERCLASS]}")
    heads = None
    if "heads" in options.include and prepared.no_model:
        warnings.append(f"heads: {prepared.no_model}")
    elif "heads" in options.include:
        heads = {use.name: _told(use, prediction) for use, prediction in said.values()}
        warnings += [f"heads: {name}: {why}" for name, why in silent.items()]
    diagnosis = None
    if SUPERCLASS in options.include and SUPERCLASS in said:
        prediction = said[SUPERCLASS][1]
        positive = _positive_labels(prediction, options.thresholds)
        diagnosis = superclass(prediction.probabilities, positive)
    speaker = next((use for use in prepared.heads if use.name == SUPERCLASS), None)
    model = {} if speaker is None else {SUPERCLASS: f"heads/{speaker.name}@{speaker.version}"}
    return HeadParts(diagnosis, heads, warnings, model)


def _ask(
    prepared: Prepared, encoded: Mapping[Role, Encoded], head_of: HeadOf
) -> tuple[dict[str, tuple[HeadUse, Prediction]], dict[str, str]]:
    """What each head that has a part in the answer says, and why the others say nothing."""
    said: dict[str, tuple[HeadUse, Prediction]] = {}
    silent = dict(prepared.unusable_heads)
    for use in heads_wanted(prepared.options, prepared.heads):
        if use.role not in encoded:
            continue  # no_model says why no encoder ran
        try:
            said[use.name] = (
                use,
                head_of(use.name, use.version).predict(
                    mean_over_segments(encoded[use.role].pooled)
                ),
            )
        except ModelStoreError as error:
            silent[use.name] = error.detail
    return said, silent


def _positive_labels(prediction: Prediction, thresholds: Mapping[str, float]) -> set[str]:
    """Return the labels at or above the requested threshold, or else the head's own threshold."""
    positive = set(prediction.positive) - thresholds.keys()
    for name, threshold in thresholds.items():
        probability = prediction.probabilities.get(name)
        if probability is not None and probability >= threshold:
            positive.add(name)
    return positive


def _told(use: HeadUse, prediction: Prediction) -> dict[str, Any]:
    return {
        "version": use.version,
        "probabilities": prediction.probabilities,
        "positive": prediction.positive,
    }
