"""Whether a recording is judged at all: the one gate of every part that says what the heart does.

A network gives an answer for any input, even noise, and pacing spikes can be "found" where there
is no beat. So a recording that cannot be read, or on which no beats are found, is not judged:
labels, superclass and heads are null, the pacemaker is neither present nor absent, and the rhythm
is Undetermined unless a rule on the signal itself names it. A request may ask for a judgement all
the same (`judge_unreadable`); each part then has a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from analysis.measuring import MeasuredRecord
from intervals.measure import NO_BEATS
from signal_quality import Quality

# In the order of their warnings.
JUDGED_PARTS: Final = (
    "clinical_analysis",
    "findings",
    "labels",
    "labels_by_segment",
    "superclass",
    "heads",
    "pacemaker",
)
UNREADABLE: Final = "the recording is unreadable"


@dataclass(frozen=True)
class Judgement:
    """Whether the parts in JUDGED_PARTS are given.

    doubt   a clause: why the recording should not be judged; None if it can be
    forced  the request asks for them all the same
    """

    doubt: str | None = None
    forced: bool = False

    @property
    def is_withheld(self) -> bool:
        return self.doubt is not None and not self.forced

    def given(self, parts: frozenset[str]) -> frozenset[str]:
        """Return those of the parts that are given."""
        return parts.difference(JUDGED_PARTS) if self.is_withheld else parts

    def warnings(self, parts: Mapping[str, object]) -> Iterator[str]:
        """Yield a sentence for each part of an answer that the doubt concerns.

        A part that is null although a judgement is forced has a warning of its own.
        """
        if self.doubt is None:
            return
        for part in JUDGED_PARTS:
            if part not in parts:
                continue
            if not self.forced:
                yield (
                    f"{part}: not judged, because {self.doubt}; "
                    "judge_unreadable=true asks for it anyway"
                )
            elif parts[part] is not None:
                yield f"{part}: judged although {self.doubt} (judge_unreadable)"


def judgement_of(quality: Quality, measured: MeasuredRecord, *, forced: bool) -> Judgement:
    """Return whether a recording is judged, from its quality and its measurements."""
    return Judgement(_doubt(quality, measured), forced)


def _doubt(quality: Quality, measured: MeasuredRecord) -> str | None:
    if quality.signal_quality == "Unreadable":
        return UNREADABLE
    if measured.unmeasured is None:
        return None
    if measured.unmeasured == NO_BEATS:
        return NO_BEATS
    return f"{NO_BEATS} ({measured.unmeasured})"
