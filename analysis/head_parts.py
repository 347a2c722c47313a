"""The parts that installed heads give: `superclass`, by the head of that name, and `heads`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.answer_types import HeadAnswer, Superclass
from analysis.deployment import SUPERCLASS_HEAD, HeadUse
from analysis.forward import Encoded, mean_over_segments
from analysis.options import AnalyzeOptions
from analysis.plan import heads_wanted
from analysis.prepare import Prepared
from analysis.superclass import superclass_part
from errors import ModelStoreError
from heads.head import Head, Prediction
from model_store.manifest import Role

HeadOf = Callable[[str, int], Head]
"""Returns an installed head by name and version; raises ModelStoreError if it is not installed any
more."""


@dataclass(frozen=True)
class HeadParts:
    """The parts as in the answer, None where no head gives them.

    superclass_model  name and version of the head that `superclass` comes from, None if an
                      encoder's labels give it
    """

    superclass: Superclass | None
    heads: dict[str, HeadAnswer] | None
    superclass_model: str | None
    warnings: list[str]


@dataclass(frozen=True)
class _Predictions:
    """The predictions of the heads that take part, and why others give none; by name."""

    by_head: dict[str, tuple[HeadUse, Prediction]]
    missing: dict[str, str]


def head_parts(prepared: Prepared, encoded: Mapping[Role, Encoded], head_of: HeadOf) -> HeadParts:
    """Run the heads that the options ask for on the recording's embeddings."""
    options = prepared.options
    assert isinstance(options, AnalyzeOptions), "heads need analyze options. This is a bug."
    if prepared.judgement.is_withheld:
        return HeadParts(None, None, _superclass_model(prepared), [])
    predictions = _predict(prepared, encoded, head_of)
    warnings: list[str] = []
    superclass = None
    if "superclass" in options.include:
        if SUPERCLASS_HEAD in predictions.missing:
            reason = predictions.missing[SUPERCLASS_HEAD]
            warnings.append(f"superclass: the installed head gives no result: {reason}")
        if SUPERCLASS_HEAD in predictions.by_head:
            _, prediction = predictions.by_head[SUPERCLASS_HEAD]
            superclass = _superclass_of_head(prediction, options.thresholds)
    heads = None
    if "heads" in options.include:
        if prepared.no_model:
            warnings.append(f"heads: {prepared.no_model}")
        else:
            heads = _heads_part(predictions)
            warnings += [f"heads: {name}: {why}" for name, why in predictions.missing.items()]
    return HeadParts(superclass, heads, _superclass_model(prepared), warnings)


def _superclass_of_head(prediction: Prediction, thresholds: Mapping[str, float]) -> Superclass:
    """Return the part `superclass`; `thresholds` replace the head's own, by superclass."""
    positive = set(prediction.positive)
    for name, threshold in thresholds.items():
        if name in prediction.probabilities:
            positive.discard(name)
            if prediction.probabilities[name] >= threshold:
                positive.add(name)
    return superclass_part(prediction.probabilities, positive)


def _predict(prepared: Prepared, encoded: Mapping[Role, Encoded], head_of: HeadOf) -> _Predictions:
    by_head: dict[str, tuple[HeadUse, Prediction]] = {}
    missing = dict(prepared.unusable_heads)
    for use in heads_wanted(prepared.options, prepared.heads):
        if use.role not in encoded:
            continue  # `Prepared.no_model` is the reason for all heads
        embedding = mean_over_segments(encoded[use.role].pooled)
        try:
            by_head[use.name] = (use, head_of(use.name, use.version).predict(embedding))
        except ModelStoreError as error:
            missing[use.name] = error.detail
    return _Predictions(by_head, missing)


def _heads_part(predictions: _Predictions) -> dict[str, HeadAnswer]:
    part: dict[str, HeadAnswer] = {}
    for use, prediction in predictions.by_head.values():
        part[use.name] = {
            "version": use.version,
            "probabilities": prediction.probabilities,
            "positive": prediction.positive,
        }
    return part


def _superclass_model(prepared: Prepared) -> str | None:
    for use in prepared.heads:
        if use.name == SUPERCLASS_HEAD:
            return f"heads/{use.name}@{use.version}"
    return None
