"""The embedded model's headline: the section of docs/accuracy.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.embedded.checked import CHECKED_FOLD, Checked
from training.embedded.scores import Scores
from training.page import write_between

BEGIN: Final = "<!-- embedded: written by python -m training.embedded -->\n"
END: Final = "<!-- end of embedded -->\n"


def write_headline(page: Path, scores: Scores, checked: Checked, judged: int) -> None:
    """Write the section between its marks.

    judged  recordings that were held out
    """
    write_between(page, BEGIN, END, _headline(scores, checked, judged))


def _headline(scores: Scores, checked: Checked, judged: int) -> str:
    largest = max(label.error for label in scores.labels[: len(checked.labels)])
    return f"""## Embedded model

The mean AUROC of PTB-XL's five superclasses, each recording judged by a network that was not
trained on its patient. People validated each recording of folds {CHECKED_FOLD} and 10, but not all
of the others: compare the figure of fold {CHECKED_FOLD} with others'. All labels are in
[the card](models/embedded.md).

| | recordings | macro AUROC | largest calibration error of a superclass |
|---|---|---|---|
| fold {CHECKED_FOLD}, calibrated on the other folds | {checked.recordings:,} | {checked.macro} \
| {checked.largest_error:.3f} |
| all folds held out | {judged:,} | {scores.macro} | {largest:.3f} |
"""
