"""Ectopic beats as findings: their share, and the patterns in which they come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from intervals.findings.finding import Finding
from intervals.findings.sources import CHOICE, STATEMENTS
from intervals.measurements import Measurements

# Ectopic beats are frequent from this share of the beats on, if there are at least MIN_ECTOPIC
# (a choice).
FREQUENT_ECTOPIC_SHARE: Final = 0.1
MIN_ECTOPIC: Final = 2
# Bigeminy: at least this share of the pairs of successive beats is one normal and one ectopic beat.
# Trigeminy: at least this share of the groups of three successive beats has one ectopic beat.
PATTERN_SHARE: Final = 0.8
MIN_BIGEMINY_BEATS: Final = 4
MIN_TRIGEMINY_BEATS: Final = 7  # two ectopic beats, each with two normal ones on either side


def ectopy_findings(measurements: Measurements) -> tuple[Finding, ...]:
    """Return the finding on ectopic beats, or none. Noisy beats are left out.

    Only beats of another morphology count: a premature beat with the same QRS complex is not seen
    here.
    """
    beat_classes = [beat.beat_class for beat in measurements.fiducials]
    is_ectopic = [kind == "ectopic" for kind in beat_classes if kind != "noisy"]
    beats, ectopic = len(is_ectopic), sum(is_ectopic)
    if ectopic < MIN_ECTOPIC or ectopic < FREQUENT_ECTOPIC_SHARE * beats:
        return ()
    evidence = {"ectopic_beats": float(ectopic), "beats": float(beats)}
    if _is_bigeminy(is_ectopic):
        return (Finding("bigeminy", "Bigeminy", "abnormal", evidence, STATEMENTS),)
    if _is_trigeminy(is_ectopic):
        return (Finding("trigeminy", "Trigeminy", "abnormal", evidence, STATEMENTS),)
    name = "Frequent ectopic beats"
    source = f"{CHOICE}: a tenth of the beats and more"
    return (Finding("frequent_ectopic_beats", name, "abnormal", evidence, source),)


def _is_bigeminy(is_ectopic: Sequence[bool]) -> bool:
    pairs = list(pairwise(is_ectopic))
    alternating = sum(earlier != later for earlier, later in pairs)
    return len(is_ectopic) >= MIN_BIGEMINY_BEATS and alternating >= PATTERN_SHARE * len(pairs)


def _is_trigeminy(is_ectopic: Sequence[bool]) -> bool:
    triples = list(zip(is_ectopic, is_ectopic[1:], is_ectopic[2:], strict=False))
    with_one = sum(sum(triple) == 1 for triple in triples)
    return len(is_ectopic) >= MIN_TRIGEMINY_BEATS and with_one >= PATTERN_SHARE * len(triples)
