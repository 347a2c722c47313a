"""Does the promotion gate keep its word? Simulated on real embeddings and labels, with heads really trained.

    python -m training.gate_check --embeddings PARQUET (--labels TABLE | --ptbxl FOLDER --recipe superclass) [--seeds 20]

For each seed patients are dealt into a gate set and the rest. The champion is trained on 300 recordings. Candidates are
trained on the same 300 again (nothing new; another seed, which a linear head does not depend on), on 1,200 (honest growth),
and on 1,200 of which the 900 new ones have wrong labels in one of three ways: 60 % of the entries flipped; 60 % of the
recordings with another recording's labels; 60 % with a label drawn at random.
`--page docs/heads.md` writes the table between its marks.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from errors import ModelStoreError
from heads.gate import GateSet, Limits, Verdict, judge
from heads.head import EncoderReference
from training.heads.embeddings_file import read_embeddings
from training.heads.fit import Examples, FitOptions, fit_head
from training.heads.label_table import Labelled, join, read_labels
from training.heads.recipes import Recipe, recipe_labels

FEW, MANY = 300, 1200  # recordings
CORRUPTED: Final = 0.6
BEGIN: Final = "<!-- gate: written by python -m training.gate_check -->\n"
END: Final = "<!-- end of gate -->\n"

Array = NDArray[np.float64]
Corruption = Callable[[Array, np.random.Generator], Array]


def flipped(truth: Array, random: np.random.Generator) -> Array:
    """60 % of the entries say the contrary."""
    return np.where(random.random(truth.shape) < CORRUPTED, 1 - truth, truth)


def mixed_up(truth: Array, random: np.random.Generator) -> Array:
    """60 % of the recordings have the labels of another of them."""
    wrong = np.flatnonzero(random.random(len(truth)) < CORRUPTED)
    found = truth.copy()
    found[wrong] = truth[random.permutation(wrong)]
    return found


def drawn(truth: Array, random: np.random.Generator) -> Array:
    """60 % of the recordings have one label, any."""
    wrong = random.random(len(truth)) < CORRUPTED
    found = truth.copy()
    found[wrong] = np.eye(truth.shape[1])[random.integers(0, truth.shape[1], int(wrong.sum()))]
    return found


SCENARIOS: Final[tuple[tuple[str, int, Corruption | None], ...]] = (
    ("nothing new: the same 300 again", FEW, None),
    ("300 grown to 1,200, honest", MANY, None),
    ("900 new, 60 % of the entries flipped", MANY, flipped),
    ("900 new, 60 % with another recording's labels", MANY, mixed_up),
    ("900 new, 60 % with one label drawn at random", MANY, drawn),
)


@dataclass(frozen=True)
class Outcome:
    scenario: str
    seed: int
    verdict: Verdict
    champion: float


def main(arguments: list[str] | None = None) -> int:
    typed = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--ptbxl", type=Path)
    parser.add_argument("--recipe", choices=get_args(Recipe), default="superclass")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--gate-patients", type=int, default=1000)
    parser.add_argument(
        "--page", type=Path, help="a document with the marks between which the figures go"
    )
    options = parser.parse_args(typed)
    if bool(options.labels) == bool(options.ptbxl):
        parser.error("one of --labels and --ptbxl is needed")
    try:
        table = (
            read_labels(options.labels)
            if options.labels
            else recipe_labels(options.recipe, options.ptbxl)
        )
        embeddings = read_embeddings(options.embeddings)
        labelled = join(embeddings, table)
        outcomes = list(
            simulate(labelled, embeddings.encoder, range(options.seeds), options.gate_patients)
        )
    except ModelStoreError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return 1
    said = report(
        outcomes, embeddings.encoder, f"python -m training.gate_check {shlex.join(_named(typed))}"
    )
    print(said)
    if options.page:
        write_page(options.page, said)
    return 0


def simulate(
    labelled: Labelled, encoder: EncoderReference, seeds: Iterable[int], gate_patients: int
) -> Iterator[Outcome]:
    for seed in seeds:
        started = time.monotonic()
        random = np.random.default_rng(seed)
        examples = labelled.examples
        of_gate = np.isin(
            examples.patients, random.permutation(np.unique(examples.patients))[:gate_patients]
        )
        rest = random.permutation(np.flatnonzero(~of_gate))[:MANY]
        if len(rest) < MANY:
            raise ModelStoreError(
                f"{len(rest)} recordings beside the gate set's; {MANY} are needed (fewer --gate-patients?)"
            )
        held, pool = examples.at(of_gate), examples.at(rest)
        gate = GateSet(labelled.labels, held.truth, held.patients)

        def trained(examples: Examples, seed: int, x: Array = held.x) -> Array:
            return fit_head(
                examples, labelled.labels, "check", encoder, FitOptions(seed=seed)
            ).probabilities(x)

        champion = trained(pool.at(np.arange(FEW)), seed)
        for scenario, count, corrupt in SCENARIOS:
            verdict = judge(
                gate,
                champion,
                trained(_made(pool, count, corrupt, random), seed + 1000),
                Limits(seed=seed),
            )
            known = [label.champion for label in verdict.labels if label.champion is not None]
            yield Outcome(scenario, seed, verdict, float(np.mean(known)))
        print(f"seed {seed}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _made(
    pool: Examples, count: int, corrupt: Corruption | None, random: np.random.Generator
) -> Examples:
    """The first `count` recordings; those that are new, corrupted."""
    if corrupt is None:
        return pool.at(np.arange(count))
    truth = np.concatenate([pool.truth[:FEW], corrupt(pool.truth[FEW:count], random)])
    return Examples(pool.x[:count], truth, pool.patients[:count])


def report(outcomes: list[Outcome], encoder: EncoderReference, command: str) -> str:
    """The table, in Markdown."""
    first, limits = outcomes[0].verdict, Limits()
    lines = [
        f"Embeddings of {encoder}; {len({one.seed for one in outcomes})} seeds; a gate set of {first.patients} patients; linear heads; "
        f"the champion's macro AUROC is {np.mean([one.champion for one in outcomes]):.3f} in the mean. "
        f"Margin {100 * limits.margin:g} %, "
        f"no label may lose more than {limits.max_label_loss:g} of AUROC. Lowest to highest over the seeds. Written by",
        "",
        f"    {command}",
        "",
        "| the candidate was trained on | promoted | gain in log loss | its 5 % bound | macro AUROC |",
        "|---|---|---|---|---|",
    ]
    for scenario, _, _ in SCENARIOS:
        found = [one.verdict for one in outcomes if one.scenario == scenario]
        gain, bound, change = (
            [getattr(verdict, name) or 0.0 for verdict in found]
            for name in ("gain", "gain_bound", "auroc_gain")
        )
        promoted = f"{sum(verdict.promote for verdict in found)} of {len(found)}"
        lines.append(
            f"| {scenario} | {promoted} | {_percent(gain)} | {_percent(bound)} | {min(change):+.3f} to {max(change):+.3f} |"
        )
    return "\n".join(lines)


def _percent(shares: list[float]) -> str:
    return f"{100 * min(shares):+.1f} to {100 * max(shares):+.1f} %"


def write_page(page: Path, text: str) -> None:
    """Between the marks that the page has."""
    before, marked, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (marked and ended):
        raise ModelStoreError(f"{page}: no marks {BEGIN.strip()} and {END.strip()}")
    page.write_text(f"{before}{BEGIN}{text}\n{END}{after}", encoding="utf-8")


def _named(typed: list[str]) -> list[str]:
    """The arguments with files and folders by their names: the command as anybody would type it."""
    return [Path(word).name if "/" in word else word for word in typed]


if __name__ == "__main__":
    sys.exit(main())
