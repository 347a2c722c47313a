"""Deployments without weights, and a runner that computes sums instead of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.deployment import Deployment, Encoder, Runtime
from analysis.options import DEFAULT_PARTS, PARTS, AnalyzeOptions, encoder_role
from encoder.config import ConvLayer, EcgFmConfig
from encoder.output import EncodedBatch
from model_store.labels import Label, ecg_fm_labels
from model_store.manifest import Role
from signals.record import EcgRecord
from signals.segments import ECG_FM
from tests.intervals.synthetic import synthetic

DEPTH, WIDTH, TOKENS = 3, 4, 5
CONFIG = EcgFmConfig((ConvLayer(4, 2, 2),), WIDTH, 8, DEPTH, 2, 2, 2)
RUNTIME = Runtime("float32", "cpu")
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def encoder(role: Role, labels: tuple[Label, ...] = ()) -> Encoder:
    return Encoder(
        role=role,
        name=f"tiny-{role}",
        revision="r1",
        sha256="0" * 64,
        config=CONFIG,
        preprocessing=ECG_FM,
        labels=labels,
        licence="MIT",
        card=None,
        folder="/nowhere",
    )


BOTH = Deployment(
    "auto",
    "tiny",
    "for tests",
    {"clinical": encoder("clinical", ecg_fm_labels()), "features": encoder("features")},
)
ONLY_FEATURES = Deployment("auto", "tiny", "for tests", {"features": encoder("features")})
ONLY_CLINICAL = Deployment(
    "auto", "tiny", "for tests", {"clinical": encoder("clinical", ecg_fm_labels())}
)
NOTHING = Deployment("none", "none", "as asked for", {})


def asked(
    deployment: Deployment,
    *,
    include: str = ",".join(DEFAULT_PARTS),
    model: str | None = None,
    **options: Any,
) -> AnalyzeOptions:
    """Analyze options as the server builds them; `include` is "all" or comma-separated."""
    parts = PARTS if include == "all" else include.split(",")
    role = deployment.features_role() if model is None else encoder_role(model, deployment)
    return AnalyzeOptions(frozenset(parts), features_role=role, **options)


@dataclass
class SumRunner:
    """A runner whose `pooled` is a segment's sum times `factor`.

    Each row of an answer can be traced to its segment.
    """

    factor: float
    labels: int = 0
    calls: list[dict[str, object]] = field(default_factory=list)

    def run(
        self, segments: np.ndarray, *, layers: tuple[int, ...], attention: bool, final_tokens: bool
    ) -> EncodedBatch:
        self.calls.append(
            {
                "segments": len(segments),
                "layers": layers,
                "attention": attention,
                "final_tokens": final_tokens,
            }
        )
        sums = (self.factor * segments.sum(axis=(1, 2))).astype(np.float32)
        states = {
            layer: np.broadcast_to(sums[:, None, None] + layer, (len(sums), TOKENS, WIDTH))
            for layer in (*layers, -1)
        }
        return EncodedBatch(
            pooled=np.broadcast_to(sums[:, None], (len(sums), WIDTH)),
            logits=np.broadcast_to(sums[:, None], (len(sums), self.labels))
            if self.labels
            else None,
            tokens=states[-1] if final_tokens else None,
            hidden={layer: states[layer] for layer in layers},
            attention=np.broadcast_to(sums[:, None, None], (len(sums), TOKENS, TOKENS))
            if attention
            else None,
        )


def record(
    seconds: float = 10.0, leads: tuple[str, ...] = LEADS, fs: float = 500.0, **more: object
) -> EcgRecord:
    """A sinus rhythm of 70.6 per minute, different in every lead, that keeps Einthoven's law."""
    signal = synthetic(fs=fs, seconds=seconds)
    rows = [signal[LEADS.index(lead)] for lead in leads]
    return EcgRecord(np.array(rows, np.float32), fs, leads, **more)  # type: ignore[arg-type]
