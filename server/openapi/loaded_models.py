"""What /openapi.json says about the models of this server: their labels, and how long features are.

Heads may be installed while the server runs, so /models has them, and the document does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.deployment import Deployment, Encoder
from analysis.few_leads import few_leads_labels
from heads.one_lead.model import SHORTEST_S, shipped_description
from model_store.labels import Label

NO_LABELS = "No model with labels is loaded here: `labels` and `superclass` are null."
FEW_LEADS = (
    "A recording of fewer than six leads, derived ones included, has the labels of another model, "
    f"from {SHORTEST_S:g} s on. Their probabilities sum to 1."
)
CALIBRATED = """\
`probability` is calibrated for recordings in which the label is as frequent as in the training
data; `probability_prior_corrected` is null. The card of the model (/models) has the figures."""
INFLATED = """\
`probability` is the model's output. The model was trained with a weight *w* on the positives of
each label, which multiplies the odds by *w*: for rare labels a probability of 0.9 may still mean
*unlikely*. `probability_prior_corrected` undoes it, sigmoid(logit - ln w). The default `threshold`
of a label is w / (1 + w), which is *more likely than not* after that correction."""
ACCESSORY_PATHWAY = "Accessory pathway conduction"
NOT_WPW = f"""\
**{ACCESSORY_PATHWAY}** is not WPW. Nearly all of its positives in training were atrial fibrillation
or flutter, which the labeler's hierarchy files under re-entry, and re-entry under this name."""


@dataclass(frozen=True)
class LoadedModels:
    """The encoders that the documentation describes.

    classifiers  name and labels of the encoder of `labels`, and of that of `superclass` where it is
                 another one
    widths       name and width of each encoder of embeddings, the default one first
    """

    classifiers: tuple[tuple[str, tuple[Label, ...]], ...] = ()
    widths: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, deployment: Deployment) -> LoadedModels:
        roles = (deployment.clinical_role(), deployment.superclass_role())
        classifiers = [deployment.encoders[role] for role in dict.fromkeys(roles) if role]
        first = deployment.features_role()
        encoders = sorted(deployment.encoders.values(), key=lambda encoder: encoder.role != first)
        return cls(tuple(map(_labels_of, classifiers)), tuple(map(_width_of, encoders)))

    def labels_text(self) -> str:
        """Return the section about labels, in Markdown."""
        described = [_model_text(name, labels) for name, labels in self.classifiers]
        of_few_leads = _model_text(shipped_description().name, few_leads_labels())
        sections = "\n\n".join([*(described or [NO_LABELS]), FEW_LEADS, of_few_leads])
        rule = (
            "`positive` is `probability` >= `threshold`; a request can set its own `thresholds`. "
            "/models has the same table as JSON, and the labels of installed heads."
        )
        heading = "### The labels of this server, and what their probabilities mean"
        return f"{heading}\n{sections}\n\n{rule}"

    def widths_text(self) -> str:
        """Return how many values an embedding of each encoder has."""
        if not self.widths:
            return "No encoder is loaded here: the answer is 503."
        each = ", ".join(f"{width} from `{name}`" for name, width in self.widths)
        return f"The width is that of the encoder: {each}."


def _labels_of(encoder: Encoder) -> tuple[str, tuple[Label, ...]]:
    return encoder.name, encoder.labels


def _width_of(encoder: Encoder) -> tuple[str, int]:
    return encoder.name, encoder.width


def _model_text(name: str, labels: Sequence[Label]) -> str:
    is_calibrated = all(label.pos_weight is None for label in labels)
    paragraphs = [f"**{name}**. {CALIBRATED if is_calibrated else INFLATED}"]
    if any(label.name == ACCESSORY_PATHWAY for label in labels):
        paragraphs.append(NOT_WPW)
    rows = [
        f"| {label.name} | {label.joining} | {label.threshold:.3f} | {label.description} |"
        for label in labels
    ]
    head = "| label | joined over segments by | default threshold | meaning |\n|---|---|---|---|"
    return "\n\n".join([*paragraphs, "\n".join([head, *rows])])
