"""What an answer says of the rhythm of each recording of a data set, by labels and rules together.

The labels are those of the embedded model. `benchmarks.rhythm.words` and `benchmarks.rhythm.ptbxl`
count the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.answer import analysis_answer
from analysis.deployment import deployment_of
from analysis.encoders import load_runners
from analysis.forward import Piece, forward
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from heads.cache import HeadCache
from model_store.choose import choose_models
from model_store.manifest import default_models_dir
from signals.leads import LEADS
from signals.record import EcgRecord

MAX_SECONDS: Final = 600.0
PARTS: Final = frozenset({"clinical_analysis", "findings"})


@dataclass(frozen=True)
class RhythmAnswer:
    """One recording: what its source says, and what the answer says.

    rhythm         the word of `clinical_analysis`
    abnormalities  of `clinical_analysis`
    statements     of `findings`, by code; the first is the rhythm's
    """

    truth: frozenset[str]
    rhythm: str
    abnormalities: tuple[str, ...]
    statements: dict[str, str]
    heart_rate: float | None
    pr_ms: float | None


def rhythm_answers(
    recordings: Iterable[tuple[frozenset[str], Any]], fs: float
) -> Iterator[RhythmAnswer]:
    """Yield the answer to each recording: its truth, and (12, samples) mV."""
    choice = choose_models(
        "embedded",
        clinical_checkpoint=None,
        features_checkpoint=None,
        models_dir=default_models_dir(),
        cuda=False,
    )
    deployment = deployment_of(choice)
    runners, runtime = load_runners(deployment, "cpu", "float32")
    head_of = HeadCache(default_models_dir()).head
    options = AnalyzeOptions(PARTS, features_role=deployment.features_role())
    for truth, signal in recordings:
        record = EcgRecord(np.asarray(signal, np.float32), fs, LEADS)
        prepared = prepare(record, options, deployment, max_seconds=MAX_SECONDS)
        piece = Piece(prepared.segments, prepared.needs, prepared.extra_segments)
        encoded = forward([piece], runners)[0] if len(prepared.segments) else {}
        answer = analysis_answer(prepared, encoded, deployment, runtime, head_of)
        clinical = answer["clinical_analysis"]
        assert clinical is not None, "the part was asked for. This is a bug."
        statements = {each["code"]: each["statement"] for each in answer["findings"] or ()}
        yield RhythmAnswer(
            truth,
            clinical["rhythm"],
            tuple(clinical["abnormalities"]),
            statements,
            clinical["heart_rate"],
            clinical["pr_interval"],
        )


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, J Am Stat Assoc 1927;22:209)."""
    z = 1.96
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def share_cell(hits: int, total: int) -> str:
    """Return a share as a cell of a table, with its 95 % interval."""
    if total == 0:
        return "0 of 0"
    low, high = wilson_interval(hits, total)
    return f"{hits} of {total} ({low:.3f}-{high:.3f})"
