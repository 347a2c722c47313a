"""Score the rhythm of an answer, by labels and rules together, on recordings of other hospitals.

    OMP_NUM_THREADS=1 python -m benchmarks.rhythm_words --hospitals FOLDER --cpsc FOLDER

Both folders are packed data sets with a load.py (500 Hz, twelve leads). The labels are those of the
embedded model, which was trained on PTB-XL alone. The table is written between its marks in
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
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
from training.datasets.packed import loader_of
from training.page import ACCURACY_PAGE, write_between

FS_HZ: Final = 500.0
MAX_SECONDS: Final = 600.0
PARTS: Final = frozenset({"clinical_analysis", "findings"})
BEGIN: Final = "<!-- rhythm words: written by python -m benchmarks.rhythm_words -->\n"
END: Final = "<!-- end of rhythm words -->\n"
FIBRILLATION: Final = frozenset({"atrial fibrillation", "AF"})
FLUTTER: Final = frozenset({"atrial flutter"})
VENTRICULAR: Final = frozenset({"paroxysmal ventricular tachycardia"})


@dataclass(frozen=True)
class _Named:
    """One recording: what its source says, and what the answer names.

    rhythm      the word of `clinical_analysis`
    statements  of `findings`
    """

    truth: frozenset[str]
    rhythm: str
    statements: tuple[str, ...]


def main(arguments: list[str] | None = None) -> None:
    """Analyse the recordings, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    named = list(_named([*_hospitals(options.hospitals), *_cpsc2018(options.cpsc)]))
    text = section(named)
    print(text)
    write_between(options.page, BEGIN, END, text)


def section(named: Collection[_Named]) -> str:
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

    python -m benchmarks.rhythm_words --hospitals HOSPITALS --cpsc CPSC2018

| by the source | as it should be |
|---|---|
{table}
"""


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, J Am Stat Assoc 1927;22:209)."""
    z = 1.96
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def _row(title: str, named: Collection[_Named], truth: Collection[str], words: Any) -> str:
    of_truth = [each for each in named if each.truth.intersection(truth)]
    return _line(title, sum(each.rhythm in words for each in of_truth), len(of_truth))


def _line(title: str, hits: int, total: int) -> str:
    low, high = wilson_interval(hits, total)
    return f"| {title} | {hits} of {total} ({low:.2f}-{high:.2f}) |"


def _says_ventricular(each: _Named) -> bool:
    statements = " ".join((each.rhythm, *each.statements)).lower()
    return "ventricular tachycardia" in statements.replace("supraventricular", "") or (
        "wide-complex" in statements
    )


def _named(recordings: list[tuple[frozenset[str], Any]]) -> Iterator[_Named]:
    """Yield what the answer names for each recording, (12, samples) mV."""
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
        record = EcgRecord(np.asarray(signal, np.float32), FS_HZ, LEADS)
        prepared = prepare(record, options, deployment, max_seconds=MAX_SECONDS)
        piece = Piece(prepared.segments, prepared.needs, prepared.extra_segments)
        encoded = forward([piece], runners)[0] if len(prepared.segments) else {}
        answer = analysis_answer(prepared, encoded, deployment, runtime, head_of)
        clinical = answer["clinical_analysis"]
        assert clinical is not None, "the part was asked for. This is a bug."
        statements = tuple(finding["statement"] for finding in answer["findings"] or ())
        yield _Named(truth, clinical["rhythm"], statements)


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
