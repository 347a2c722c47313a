"""The part `pacemaker` of /analyze: one probability of pacing, from all evidence."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.answer_types import Pacemaker
from analysis.judgement import Judgement
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord
from heads.pacemaker import PACEMAKER_LABEL, LabelEvidence, PacemakerEvidence, shipped_head


def pacemaker_part(
    measured: MeasuredRecord, labels: Sequence[JoinedLabel] | None, judgement: Judgement
) -> tuple[Pacemaker | None, list[str]]:
    """Return the part and its warnings.

    The part is None if there is no evidence; the warnings then give the reason. If the recording is
    not judged, a pacemaker is neither present nor absent: no beat is found that spikes pace.

    labels  of the clinical encoder; None if no such encoder was run
    """
    evidence = measured.pacemaker
    if judgement.is_withheld or evidence is None:
        return _not_judged(evidence), []
    label = _pacemaker_label(labels)
    label_evidence = None
    if label is not None:
        label_evidence = LabelEvidence(label.probability, label.label.pos_weight)
    head = shipped_head()
    probability = head.probability(evidence, label_evidence)
    warnings = list(evidence.warnings)
    if probability is None:
        return None, warnings
    present = head.present(probability)
    if label is not None and label.positive != present:
        warnings.append(_disagreement_warning(present))
    part: Pacemaker = {
        "present": present,
        "probability": probability,
        "evidence": {
            "spikes": evidence.spikes,
            "spike_times_s": _spike_times_s(evidence),
            "chamber": evidence.chamber,
            "morphology": evidence.morphology_probability,
            "label": None if label is None else label.probability,
        },
        "visible": evidence.visible,
    }
    return part, warnings


def _not_judged(evidence: PacemakerEvidence | None) -> Pacemaker:
    """Return the part of a recording that is not judged; `evidence` is None if it is unreadable."""
    return {
        "present": None,
        "probability": None,
        "evidence": {
            "spikes": None if evidence is None else evidence.spikes,
            "spike_times_s": None if evidence is None else _spike_times_s(evidence),
            "chamber": None,
            "morphology": None,
            "label": None,
        },
        "visible": evidence is not None and evidence.visible,
    }


def _spike_times_s(evidence: PacemakerEvidence) -> list[float] | None:
    """Return the times of the spikes to a tenth of a ms, None if the recording cannot show any."""
    if evidence.spikes is None:
        return None
    return [round(time_s, 4) for time_s in evidence.spike_times_s]


def _pacemaker_label(labels: Sequence[JoinedLabel] | None) -> JoinedLabel | None:
    """Return the label of pacemakers, or None if the encoder does not have it."""
    for label in labels or ():
        if label.label.name == PACEMAKER_LABEL:
            return label
    return None


def _disagreement_warning(present: bool) -> str:
    """Return the warning for a label that contradicts the part.

    present  whether all evidence together indicates a pacemaker
    """
    start = f"labels: {PACEMAKER_LABEL}"
    if present:
        return f"{start} is not positive, but label, spikes and morphology together indicate one"
    return f"{start} is positive, but label, spikes and morphology together indicate none"
