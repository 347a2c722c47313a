"""Score the rhythm of an answer, by labels and rules together, against PTB-XL's statements.

    OMP_NUM_THREADS=1 python -m benchmarks.rhythm.ptbxl --data FOLDER [--others 2500] [--seed 0]

FOLDER is PTB-XL as downloaded or packed; its 100 Hz signals are used. All recordings with a
statement that is counted take part, and so many others, drawn by the seed. The embedded model was
trained on folds 1-9, so its labels are in sample; the rules learnt nothing from them. The table is
written between its marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.rhythm.answers import RhythmAnswer, rhythm_answers, share_cell
from intervals.rhythm import SLOW_PER_MIN
from training.datasets.ptbxl import MICROVOLTS_PER_MV, RATE_HZ, PtbXl, read_signals, read_table
from training.page import ACCURACY_PAGE, write_between

BEGIN: Final = "<!-- rhythm ptbxl: written by python -m benchmarks.rhythm.ptbxl -->\n"
END: Final = "<!-- end of rhythm ptbxl -->\n"
FIBRILLATION_OR_FLUTTER: Final = frozenset({"AFIB", "AFLT"})
SECOND_DEGREE, THIRD_DEGREE = frozenset({"2AVB"}), frozenset({"3AVB"})
HIGHER_BLOCK: Final = SECOND_DEGREE | THIRD_DEGREE
COUNTED: Final = FIBRILLATION_OR_FLUTTER | HIGHER_BLOCK | {"1AVB", "PSVT", "SVTAC"}
PACED: Final = "PACE"
# The columns of the table. Fold 10 is used nowhere.
FOLDS: Final = {"folds 1-6": range(1, 7), "folds 7-9": range(7, 10)}

Predicate = Callable[[RhythmAnswer], bool]


@dataclass(frozen=True)
class _Row:
    """One line of the table: of the recordings `among`, those that are as they should be."""

    title: str
    among: Predicate
    hit: Predicate


def main(arguments: list[str] | None = None) -> None:
    """Analyse the sample, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    table = read_table(options.data)
    sample = draw_sample(table, options.others, options.seed)
    signals = read_signals(table)[sample]
    truths = [table.statements[index] for index in sample.tolist()]
    recordings = (
        (truth, signal / MICROVOLTS_PER_MV) for truth, signal in zip(truths, signals, strict=True)
    )
    answers = list(rhythm_answers(recordings, RATE_HZ))
    text = section(answers, table.fold[sample], options)
    print(text)
    write_between(options.page, BEGIN, END, text)


def draw_sample(table: PtbXl, others: int, seed: int) -> NDArray[np.intp]:
    """Return the rows of all recordings with a counted statement, and of so many others."""
    usable = ~table.with_any_statement(frozenset({PACED})) & (table.fold < 10)
    is_counted = table.with_any_statement(COUNTED)
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(np.flatnonzero(usable & ~is_counted))[:others]
    return np.sort(np.concatenate([np.flatnonzero(usable & is_counted), drawn]))


def section(
    answers: Sequence[RhythmAnswer], folds: NDArray[np.int64], options: argparse.Namespace
) -> str:
    """Return the section of docs/accuracy.md.

    folds  (answers,) of each recording
    """
    lines = []
    for row in _rows():
        cells = []
        for numbers in FOLDS.values():
            of_folds = [
                answer
                for answer, fold in zip(answers, folds.tolist(), strict=True)
                if fold in numbers and row.among(answer)
            ]
            cells.append(share_cell(sum(map(row.hit, of_folds)), len(of_folds)))
        lines.append(f"| {row.title} | {' | '.join(cells)} |")
    table = "\n".join(lines)
    return f"""## Rhythm on PTB-XL

{len(answers)} recordings at 100 Hz without a pacemaker: all with fibrillation, flutter, another
supraventricular tachycardia or a block between atria and ventricles, and {options.others} others
drawn at random. The embedded model was trained on these folds, so its labels are in sample; the
rules learn nothing, and their limits were chosen on folds 1-6, except for the blocks of the second
and third degree, which are so few that those of all folds were looked at. Some of the recordings
with 2AVB are atrial tachycardia or flutter, in which the rules name no block. In brackets the 95 %
interval of the share (Wilson). Written by

    python -m benchmarks.rhythm.ptbxl --data PTBXL --others {options.others} --seed {options.seed}

| by the statements | {" | ".join(FOLDS)} |
|---|---|---|
{table}
"""


def _rows() -> list[_Row]:
    return [
        _Row("fibrillation or flutter, rhythm named either",
             _has(FIBRILLATION_OR_FLUTTER), _names_fibrillation_or_flutter),
        _Row("neither, rhythm named neither", _lacks(FIBRILLATION_OR_FLUTTER),
             lambda answer: not _names_fibrillation_or_flutter(answer)),
        _Row("flutter, named flutter", _has(frozenset({"AFLT"})),
             lambda answer: answer.rhythm == "Atrial flutter"),
        _Row("measured rate below 60, said in the rhythm's word", _is_slow,
             lambda answer: "bradycardia" in answer.rhythm.lower()),
        _Row("the same, said in the rhythm's statement or in abnormalities", _is_slow, _says_slow),
        _Row("1AVB, PR given", _has(frozenset({"1AVB"})), lambda answer: answer.pr_ms is not None),
        _Row("2AVB, block of the second or third degree named",
             _has(SECOND_DEGREE), _names_higher_block),
        _Row("3AVB, third degree or dissociation named", _has(THIRD_DEGREE), _names_complete_block),
        _Row("3AVB, third or second degree named", _has(THIRD_DEGREE), _names_higher_block),
        _Row("2AVB, rhythm named a sinus rhythm without a word of the block", _has(SECOND_DEGREE),
             _is_plain_sinus),
        _Row("3AVB, rhythm named a sinus rhythm without a word of the block", _has(THIRD_DEGREE),
             _is_plain_sinus),
        _Row("neither 2AVB nor 3AVB, no such block named", _lacks(HIGHER_BLOCK),
             lambda answer: not _names_higher_block(answer)),
    ]  # fmt: skip


def _has(statements: frozenset[str]) -> Predicate:
    return lambda answer: bool(answer.truth & statements)


def _lacks(statements: frozenset[str]) -> Predicate:
    return lambda answer: not answer.truth & statements


def _names_fibrillation_or_flutter(answer: RhythmAnswer) -> bool:
    return answer.rhythm in ("Atrial fibrillation", "Atrial flutter")


def _is_slow(answer: RhythmAnswer) -> bool:
    return answer.heart_rate is not None and answer.heart_rate < SLOW_PER_MIN


def _says_slow(answer: RhythmAnswer) -> bool:
    words = " ".join([*answer.statements.values(), *answer.abnormalities]).lower()
    return "bradycardia" in words or "slow ventricular response" in words


def _said(answer: RhythmAnswer) -> str:
    return " ".join([answer.rhythm, *answer.statements.values()]).lower()


def _names_complete_block(answer: RhythmAnswer) -> bool:
    return "3rd degree" in _said(answer) or "dissociation" in _said(answer)


def _names_higher_block(answer: RhythmAnswer) -> bool:
    return "2nd degree" in _said(answer) or _names_complete_block(answer)


def _is_plain_sinus(answer: RhythmAnswer) -> bool:
    return answer.rhythm.startswith("Sinus") and not _names_higher_block(answer)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="PTB-XL as downloaded, or packed with a load.py"
    )
    parser.add_argument("--others", type=int, default=2500, help="recordings without a statement")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of the others")
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


if __name__ == "__main__":
    main()
