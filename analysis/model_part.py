"""The part `model` of every answer: which encoder, bundles and heads give it, and how they run."""

from __future__ import annotations

from analysis.answer_types import Encoder as EncoderPart
from analysis.answer_types import Model
from analysis.deployment import Deployment, Encoder, Runtime
from model_store.manifest import Role


def model_part(
    deployment: Deployment,
    runtime: Runtime | None,
    features_role: Role | None,
    *,
    labels: str | None = None,
    pacemaker: str | None = None,
    superclass: str | None = None,
) -> Model:
    """Return the part.

    features_role  the encoder of the embedding; the clinical one is named if there is none
    labels         name and version of the one-lead model, if it gives the labels instead of
                   the clinical encoder
    pacemaker      name and version of the pacemaker head, if it is used
    superclass     name and version of the installed head that gives the superclass instead of an
                   encoder's labels
    """
    clinical_role = deployment.clinical_role()
    return {
        "encoder": _encoder_part(deployment, features_role or clinical_role),
        "labels": labels or clinical_model(deployment),
        "superclass": superclass or _versioned_name(deployment, deployment.superclass_role()),
        "pacemaker": pacemaker,
        "dtype": None if runtime is None else runtime.dtype,
        "device": None if runtime is None else runtime.device,
    }


def clinical_model(deployment: Deployment) -> str | None:
    """Return name and version of the clinical encoder; None if none is loaded."""
    return _versioned_name(deployment, deployment.clinical_role())


def _encoder_part(deployment: Deployment, role: Role | None) -> EncoderPart | None:
    if role is None:
        return None
    encoder = deployment.encoders[role]
    return {
        "name": encoder.name,
        "revision": encoder.revision,
        "sha256": encoder.sha256,
        "source": f"{deployment.requested}: {deployment.reason}",
    }


def _versioned_name(deployment: Deployment, role: Role | None) -> str | None:
    """Return a bundle's name with its revision, or with its weights' checksum if it has none."""
    if role is None:
        return None
    encoder: Encoder = deployment.encoders[role]
    return f"{encoder.name}@{encoder.revision or encoder.sha256[:12]}"
