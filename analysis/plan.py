"""From one request's options: what has to be computed for each of its recordings, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.deployment import SUPERCLASS, Deployment, Encoder, HeadUse
from analysis.options import AnalyzeOptions, FeatureOptions, Options
from heads.pacemaker import PACEMAKER_LABEL
from model_store.manifest import Role


@dataclass(frozen=True)
class Need:
    """What is wanted of one encoder beside what is always cheap (pooled embedding and logits).

    layer      whose token states are wanted, (tokens, width) a segment; None for none. -1 is what is pooled
    attention  the last layer's attention
    """

    layer: int | None = None
    attention: bool = False


Needs = dict[Role, Need]


def needs_of(options: Options, deployment: Deployment) -> Needs:
    if isinstance(options, FeatureOptions):
        return {options.role: Need(layer=_token_layer(options))}
    if isinstance(options, AnalyzeOptions):
        return _analysis_needs(options, deployment)
    return {}


def heads_wanted(options: Options, heads: Sequence[HeadUse]) -> tuple[HeadUse, ...]:
    """The installed heads that have a part in the answer: all of them in `heads`, one of its own for superclass."""
    if not isinstance(options, AnalyzeOptions):
        return ()
    return tuple(
        head
        for head in heads
        if "heads" in options.include or (head.name == SUPERCLASS and SUPERCLASS in options.include)
    )


def _token_layer(options: FeatureOptions) -> int | None:
    """The pooled embedding comes for nothing; every other layer, pooling or level needs the token states."""
    cheap = options.layer == -1 and options.pooling == "mean" and options.level != "token"
    return None if cheap else options.layer


LABEL_PARTS = frozenset({"clinical_analysis", "labels", "labels_by_segment"})


def _knows_pacing(encoder: Encoder) -> bool:
    """Whether one of its labels is evidence of a pacemaker."""
    return any(label.name == PACEMAKER_LABEL for label in encoder.labels)


def _analysis_needs(options: AnalyzeOptions, deployment: Deployment) -> Needs:
    needs: Needs = {}
    clinical = deployment.clinical_role()
    if clinical and (
        options.include & LABEL_PARTS
        or ("pacemaker" in options.include and _knows_pacing(deployment.encoders[clinical]))
    ):
        needs[clinical] = Need()
    if options.features_role and "features" in options.include:
        needs.setdefault(options.features_role, Need())
    for head in heads_wanted(options, deployment.heads):
        needs.setdefault(head.role, Need())
    if (
        SUPERCLASS in options.include
        and deployment.superclass_head() is None
        and (diagnosing := deployment.superclass_role())
    ):
        needs.setdefault(diagnosing, Need())
    if "saliency" in options.include and (explained := clinical or options.features_role):
        needs[explained] = Need(attention=True)
    return needs
