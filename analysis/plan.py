"""Choose the encoders, layers and heads that a request's recordings need, from its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.deployment import SUPERCLASS_HEAD, Deployment, Encoder, HeadUse
from analysis.options import AnalyzeOptions, FeatureOptions, Options
from heads.pacemaker import PACEMAKER_LABEL
from model_store.manifest import Role

# The parts of an answer that consist of, or are derived from, the clinical encoder's labels.
LABEL_PARTS = frozenset({"clinical_analysis", "findings", "labels", "labels_by_segment"})


@dataclass(frozen=True)
class Need:
    """What a recording needs from one encoder besides the pooled embedding and the logits.

    layer      the layer whose token states, (tokens, width) for each segment, are needed; None if
               no token states are needed; -1 is the layer from which the embedding is pooled
    attention  whether the last layer's attention is needed
    """

    layer: int | None = None
    attention: bool = False


Needs = dict[Role, Need]
"""The encoders that have to run, by role, and what is needed from each."""


def needs_of(options: Options, deployment: Deployment) -> Needs:
    """Return what a request's recordings need from each encoder; empty if no encoder has to run."""
    if isinstance(options, FeatureOptions):
        return {options.role: Need(layer=_token_layer(options))}
    if isinstance(options, AnalyzeOptions):
        return _analysis_needs(options, deployment)
    return {}


def heads_wanted(options: Options, heads: Sequence[HeadUse]) -> tuple[HeadUse, ...]:
    """Return the heads among `heads` whose results are in the answer.

    The answer's part `heads` needs all heads; the part `superclass` needs the head of that name.
    """
    if not isinstance(options, AnalyzeOptions):
        return ()
    if "heads" in options.include:
        return tuple(heads)
    if "superclass" in options.include:
        return tuple(head for head in heads if head.name == SUPERCLASS_HEAD)
    return ()


def _token_layer(options: FeatureOptions) -> int | None:
    """Return the layer whose token states are needed, or None if the pooled embedding is enough.

    The pooled embedding is the mean over tokens of layer -1.
    """
    if options.layer == -1 and options.pooling == "mean" and options.level != "token":
        return None
    return options.layer


def _analysis_needs(options: AnalyzeOptions, deployment: Deployment) -> Needs:
    """Return what the parts of an /analyze answer need from each encoder."""
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
        saliency_role = clinical_role or options.features_role
        if saliency_role:
            needs[saliency_role] = Need(attention=True)
    return needs


def _needs_labels(options: AnalyzeOptions, clinical: Encoder) -> bool:
    """Return whether a part of the answer depends on the labels of the clinical encoder.

    The part `pacemaker` does if one of the labels is the pacemaker label.
    """
    if options.include & LABEL_PARTS:
        return True
    return "pacemaker" in options.include and any(
        label.name == PACEMAKER_LABEL for label in clinical.labels
    )
