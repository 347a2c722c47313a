"""The embedded model's headline: the section of docs/accuracy.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.embedded.scores import Scores
from training.embedded.validated_fold import VALIDATED_FOLD, ValidatedFold
from training.page import write_between

BEGIN: Final = "<!-- embedded: written by python -m training.embedded -->\n"
END: Final = "<!-- end of embedded -->\n"


def write_headline(page: Path, scores: Scores, validated: ValidatedFold, judged: int) -> None:
    """Write the section between its marks.

    judged  recordings that were held out
    """
    write_between(page, BEGIN, END, _headline(scores, validated, judged))


def _headline(scores: Scores, validated: ValidatedFold, judged: int) -> str:
    largest = max(label.error for label in scores.labels[: len(validated.labels)])
    return f"""## Embedded model

The mean AUROC of PTB-XL's five superclasses, each recording judged by a network that was not
trained on its patient. People validated each recording of folds {VALIDATED_FOLD} and 10, but not
all of the others: compare the figure of fold {VALIDATED_FOLD} with others'. All labels are in
[the card](models/embedded.md).

| | recordings | macro AUROC | largest calibration error of a superclass |
|---|---|---|---|
| fold {VALIDATED_FOLD}, calibrated on the other folds | {validated.recordings:,} \
| {validated.macro} | {validated.largest_error:.3f} |
| all folds held out | {judged:,} | {scores.macro} | {largest:.3f} |
"""
