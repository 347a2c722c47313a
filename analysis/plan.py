"""From one request's options: what has to be computed for each of its recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.deployment import SUPERCLASS_HEAD, Deployment, Encoder, HeadUse
from analysis.options import AnalyzeOptions, FeatureOptions, Options
from heads.pacemaker import PACEMAKER_LABEL
from model_store.manifest import Role

LABEL_PARTS = frozenset({"clinical_analysis", "labels", "labels_by_segment"})


@dataclass(frozen=True)
class Need:
    """What is needed from one encoder in addition to the pooled embedding and the logits.

    layer      the layer whose token states are needed, (tokens, width) a segment; None for none, -1
               for the pooled layer
    attention  whether the last layer's attention is needed
    """

    layer: int | None = None
    attention: bool = False


Needs = dict[Role, Need]


def needs_of(options: Options, deployment: Deployment) -> Needs:
    """Return the encoders that have to run, and what is needed from each."""
    if isinstance(options, FeatureOptions):
        return {options.role: Need(layer=_token_layer(options))}
    if isinstance(options, AnalyzeOptions):
        return _analysis_needs(options, deployment)
    return {}


def heads_wanted(options: Options, heads: Sequence[HeadUse]) -> tuple[HeadUse, ...]:
    """Return the installed heads that take part in the answer.

    `heads` asks for all of them, `superclass` for the head of that name.
    """
    if not isinstance(options, AnalyzeOptions):
        return ()
    if "heads" in options.include:
        return tuple(heads)
    if "superclass" in options.include:
        return tuple(head for head in heads if head.name == SUPERCLASS_HEAD)
    return ()


def _token_layer(options: FeatureOptions) -> int | None:
    """Return None if the pooled embedding is enough.

    Every other layer, pooling or level needs the token states.
    """
    if options.layer == -1 and options.pooling == "mean" and options.level != "token":
        return None
    return options.layer


def _analysis_needs(options: AnalyzeOptions, deployment: Deployment) -> Needs:
    needs: Needs = {}
    clinical_role = deployment.clinical_role()
    if clinical_role and _needs_labels(options, deployment.encoders[clinical_role]):
        needs[clinical_role] = Need()
    if options.features_role and "features" in options.include:
        needs.setdefault(options.features_role, Need())
    for head in heads_wanted(options, deployment.heads):
        needs.setdefault(head.role, Need())
    if "superclass" in options.include and deployment.superclass_head() is None:
        superclass_role = deployment.superclass_role()
        if superclass_role:
            needs.setdefault(superclass_role, Need())
    if "saliency" in options.include:
        explained_role = clinical_role or options.features_role
        if explained_role:
            needs[explained_role] = Need(attention=True)
    return needs


def _needs_labels(options: AnalyzeOptions, clinical: Encoder) -> bool:
    """Whether a part depends on the clinical labels; one of them is evidence of a pacemaker."""
    if options.include & LABEL_PARTS:
        return True
    return "pacemaker" in options.include and any(
        label.name == PACEMAKER_LABEL for label in clinical.labels
    )
