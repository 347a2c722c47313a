"""Score the rhythm of an answer, by labels and rules together, on recordings of other hospitals.

    OMP_NUM_THREADS=1 python -m benchmarks.rhythm.words --hospitals FOLDER --cpsc FOLDER

Both folders are packed data sets with a load.py (500 Hz, twelve leads). The labels are those of the
embedded model, which was trained on PTB-XL alone. The table is written between its marks in
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.rhythm.answers import RhythmAnswer, rhythm_answers, wilson_interval
from training.datasets.packed import loader_of
from training.page import ACCURACY_PAGE, write_between

FS_HZ: Final = 500.0
BEGIN: Final = "<!-- rhythm words: written by python -m benchmarks.rhythm.words -->\n"
END: Final = "<!-- end of rhythm words -->\n"
FIBRILLATION: Final = frozenset({"atrial fibrillation", "AF"})
FLUTTER: Final = frozenset({"atrial flutter"})
VENTRICULAR: Final = frozenset({"paroxysmal ventricular tachycardia"})


def main(arguments: list[str] | None = None) -> None:
    """Analyse the recordings, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    recordings = [*_hospitals(options.hospitals), *_cpsc2018(options.cpsc)]
    named = list(rhythm_answers(recordings, FS_HZ))
    text = section(named)
    print(text)
    write_between(options.page, BEGIN, END, text)


def section(named: Collection[RhythmAnswer]) -> str:
    """Return the section of docs/accuracy.md."""
    ventricular = [each for each in named if each.truth & VENTRICULAR]
    others = [each for each in named if not each.truth & (FIBRILLATION | FLUTTER)]
    rows = [
        _row("atrial flutter, named flutter", named, FLUTTER, ("Atrial flutter",)),
        _row("ventricular tachycardia, rhythm named so or as wide-complex", named, VENTRICULAR,
             ("Ventricular tachycardia", "Wide-complex tachycardia")),
        _line("the same, or a run of ectopic beats in `findings`",
              sum(_says_ventricular(each) for each in ventricular), len(ventricular)),
        _row("ventricular tachycardia, named fibrillation", named, VENTRICULAR,
             ("Atrial fibrillation",)),
        _row("sinus bradycardia", named, {"sinus bradycardia"}, ("Sinus bradycardia",)),
        _row("sinus tachycardia", named, {"sinus tachycardia"}, ("Sinus tachycardia",)),
        _row("atrial fibrillation, named it or flutter", named, FIBRILLATION,
             ("Atrial fibrillation", "Atrial flutter")),
        _line("neither fibrillation nor flutter, named neither",
              sum(not each.rhythm.startswith("Atrial f") for each in others), len(others)),
    ]  # fmt: skip
    table = "\n".join(rows)
    return f"""## Rhythm by labels and rules

{len(named)} recordings of other hospitals at 500 Hz (PhysioNet/CinC Challenge 2020 and 2021), with
the labels of the embedded model, which was trained on PTB-XL alone. The limits of the decision were
chosen on PTB-XL's folds 1-8 and on these recordings, so the figures are in sample. In brackets the
95 % interval of the share (Wilson). Written by

    python -m benchmarks.rhythm.words --hospitals HOSPITALS --cpsc CPSC2018

| by the source | as it should be |
|---|---|
{table}
"""


def _row(title: str, named: Collection[RhythmAnswer], truth: Collection[str], words: Any) -> str:
    of_truth = [each for each in named if each.truth.intersection(truth)]
    return _line(title, sum(each.rhythm in words for each in of_truth), len(of_truth))


def _line(title: str, hits: int, total: int) -> str:
    low, high = wilson_interval(hits, total)
    return f"| {title} | {hits} of {total} ({low:.2f}-{high:.2f}) |"


def _says_ventricular(each: RhythmAnswer) -> bool:
    statements = " ".join((each.rhythm, *each.statements.values())).lower()
    return "ventricular tachycardia" in statements.replace("supraventricular", "") or (
        "wide-complex" in statements
    )


def _hospitals(folder: Path) -> Iterator[tuple[frozenset[str], Any]]:
    for row, signal in loader_of(folder).records():
        yield frozenset(row["labels"].split("; ")), signal


def _cpsc2018(folder: Path) -> Iterator[tuple[frozenset[str], Any]]:
    for row, signal in loader_of(folder).records():
        yield frozenset(row["label"].split("+")), signal


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--hospitals", "--cpsc"):
        parser.add_argument(name, type=Path, required=True, help="a folder with load.py")
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


if __name__ == "__main__":
    main()
