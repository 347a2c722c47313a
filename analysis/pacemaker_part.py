"""The part `pacemaker` of /analyze: all evidence of pacing as one probability."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.answer_types import Pacemaker
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord
from heads import pacemaker


def pacemaker_part(
    measured: MeasuredRecord | None, labels: Sequence[JoinedLabel] | None
) -> tuple[Pacemaker | None, list[str]]:
    """Return the part, None where there is no evidence, and the warnings with the reasons."""
    recorded = None if measured is None else measured.pacemaker
    if recorded is None:
        return None, ["pacemaker: not assessed, because the recording cannot be read"]
    label = _pacemaker_label(labels)
    evidence = None
    if label is not None:
        evidence = pacemaker.LabelEvidence(label.probability, label.label.pos_weight)
    head = pacemaker.shipped_head()
    probability = head.probability(recorded, evidence)
    warnings = list(recorded.warnings)
    if probability is None:
        return None, warnings
    present = head.present(probability)
    if label is not None and label.positive != present:
        warnings.append(_disagreement(present))
    part: Pacemaker = {
        "present": present,
        "probability": probability,
        "evidence": {
            "spikes": recorded.spikes,
            "chamber": recorded.chamber,
            "morphology": recorded.morphology_probability,
            "label": None if label is None else label.probability,
        },
        "visible": recorded.visible,
    }
    return part, warnings


def _pacemaker_label(labels: Sequence[JoinedLabel] | None) -> JoinedLabel | None:
    for joined in labels or ():
        if joined.label.name == pacemaker.PACEMAKER_LABEL:
            return joined
    return None


def _disagreement(present: bool) -> str:
    label = f"labels: {pacemaker.PACEMAKER_LABEL}"
    if present:
        return f"{label} is not positive, but label, spikes and morphology together indicate one"
    return f"{label} is positive, but label, spikes and morphology together indicate none"
