"""Check the promotion gate by simulation on real embeddings and labels, with trained heads.

    python -m training.gate_check --embeddings PARQUET [--seeds 20]
        (--labels TABLE | --ptbxl FOLDER --recipe RECIPE)

For each seed the patients are divided at random into a gate set and the rest. The champion is
trained on 300 recordings. Candidates are trained on the same 300 (nothing new; another seed, which
a linear head does not depend on), on 1,200 (honest growth), and on 1,200 of which the 900 new ones
have wrong labels in one of three ways: 60 % of the entries flipped; 60 % of the recordings with
another recording's labels; 60 % with one label drawn at random. `--page docs/heads.md` writes the
table between the marks of that page.
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
from heads.head import EncoderReference, Head
from training.heads.embeddings_file import read_embeddings
from training.heads.examples import Examples
from training.heads.fit import fit_head
from training.heads.fitted import FitOptions
from training.heads.label_table import Labelled, join, read_labels
from training.heads.recipes import Recipe, recipe_labels

FEW: Final = 300  # recordings
MANY: Final = 1200
CORRUPTED: Final = 0.6
CANDIDATE_SEED: Final = 1000  # added to the champion's seed
BEGIN: Final = "<!-- gate: written by python -m training.gate_check -->\n"
END: Final = "<!-- end of gate -->\n"

Array = NDArray[np.float64]
Random = np.random.Generator
Corruption = Callable[[Array, Random], Array]


def flip_entries(truth: Array, random: Random) -> Array:
    """Invert 60 % of the entries of truth (records, labels)."""
    return np.where(random.random(truth.shape) < CORRUPTED, 1 - truth, truth)


def mix_up_records(truth: Array, random: Random) -> Array:
    """Permute the labels of 60 % of the recordings among these recordings."""
    wrong = np.flatnonzero(random.random(len(truth)) < CORRUPTED)
    corrupted = truth.copy()
    corrupted[wrong] = truth[random.permutation(wrong)]
    return corrupted


def draw_labels(truth: Array, random: Random) -> Array:
    """Give 60 % of the recordings one label, drawn at random."""
    wrong = random.random(len(truth)) < CORRUPTED
    labels = truth.shape[1]
    drawn = random.integers(0, labels, int(wrong.sum()))
    corrupted = truth.copy()
    corrupted[wrong] = np.eye(labels)[drawn]
    return corrupted


@dataclass(frozen=True)
class _Scenario:
    """What a candidate is trained on: so many recordings; those that are new may be corrupted."""

    name: str
    recordings: int
    corrupt: Corruption | None = None


SCENARIOS: Final = (
    _Scenario("nothing new: the same 300 again", FEW),
    _Scenario("300 grown to 1,200, honest", MANY),
    _Scenario("900 new, 60 % of the entries flipped", MANY, flip_entries),
    _Scenario("900 new, 60 % with another recording's labels", MANY, mix_up_records),
    _Scenario("900 new, 60 % with one label drawn at random", MANY, draw_labels),
)


@dataclass(frozen=True)
class Outcome:
    """The gate's verdict on one scenario's candidate, and the champion's macro AUROC."""

    scenario: str
    seed: int
    verdict: Verdict
    champion: float


def main(arguments: list[str] | None = None) -> int:
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    options = parser.parse_args(command_line)
    if bool(options.labels) == bool(options.ptbxl):
        parser.error("one of --labels and --ptbxl is needed")
    try:
        if options.labels:
            table = read_labels(options.labels)
        else:
            table = recipe_labels(options.recipe, options.ptbxl)
        embeddings = read_embeddings(options.embeddings)
        labelled = join(embeddings, table)
        seeds = range(options.seeds)
        outcomes = list(simulate(labelled, embeddings.encoder, seeds, options.gate_patients))
    except ModelStoreError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return 1
    command = f"python -m training.gate_check {shlex.join(_without_folders(command_line))}"
    text = report(outcomes, embeddings.encoder, command)
    print(text)
    if options.page:
        write_page(options.page, text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--ptbxl", type=Path)
    parser.add_argument("--recipe", choices=get_args(Recipe), default="superclass")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--gate-patients", type=int, default=1000)
    parser.add_argument("--page", type=Path, help="write the figures between this page's marks")
    return parser


def simulate(
    labelled: Labelled, encoder: EncoderReference, seeds: Iterable[int], gate_patients: int
) -> Iterator[Outcome]:
    """Yield the outcome of each scenario for each seed.

    Raises ModelStoreError if fewer than MANY recordings are left outside the gate set.
    """
    for seed in seeds:
        started = time.monotonic()
        random = np.random.default_rng(seed)
        held, pool = _split(labelled.examples, gate_patients, random)
        gate = GateSet(labelled.labels, held.truth, held.patients)

        def train(examples: Examples, seed: int, labels: tuple[str, ...] = labelled.labels) -> Head:
            return fit_head(examples, labels, "check", encoder, FitOptions(seed=seed))

        champion = train(pool.at(np.arange(FEW)), seed).probabilities(held.x)
        for scenario in SCENARIOS:
            candidate = train(_candidate_examples(pool, scenario, random), seed + CANDIDATE_SEED)
            verdict = judge(gate, champion, candidate.probabilities(held.x), Limits(seed=seed))
            aurocs = [label.champion for label in verdict.labels if label.champion is not None]
            yield Outcome(scenario.name, seed, verdict, float(np.mean(aurocs)))
        print(f"seed {seed}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _split(examples: Examples, gate_patients: int, random: Random) -> tuple[Examples, Examples]:
    """Return the gate set's examples, and MANY others in random order."""
    patients = random.permutation(np.unique(examples.patients))
    of_gate = np.isin(examples.patients, patients[:gate_patients])
    others = random.permutation(np.flatnonzero(~of_gate))[:MANY]
    if len(others) < MANY:
        raise ModelStoreError(
            f"{len(others)} recordings outside the gate set; {MANY} are needed "
            "(fewer --gate-patients?)"
        )
    return examples.at(of_gate), examples.at(others)


def _candidate_examples(pool: Examples, scenario: _Scenario, random: Random) -> Examples:
    """Return the scenario's first recordings; those after the champion's are corrupted."""
    count = scenario.recordings
    if scenario.corrupt is None:
        return pool.at(np.arange(count))
    corrupted = scenario.corrupt(pool.truth[FEW:count], random)
    truth = np.concatenate([pool.truth[:FEW], corrupted])
    return Examples(pool.x[:count], truth, pool.patients[:count])


def report(outcomes: list[Outcome], encoder: EncoderReference, command: str) -> str:
    """Return the table in Markdown."""
    seeds = len({outcome.seed for outcome in outcomes})
    patients = outcomes[0].verdict.patients
    champion = np.mean([outcome.champion for outcome in outcomes])
    limits = Limits()
    lines = [
        f"Embeddings of {encoder}; {seeds} seeds; a gate set of {patients} patients; linear heads; "
        f"the champion's mean macro AUROC is {champion:.3f}. "
        f"Margin {100 * limits.margin:g} %, "
        f"no label may lose more than {limits.max_auroc_drop:g} of AUROC. "
        "Lowest to highest over the seeds. Written by",
        "",
        f"    {command}",
        "",
        "| the candidate was trained on | promoted | gain in log loss | its 5 % bound "
        "| macro AUROC |",
        "|---|---|---|---|---|",
    ]
    for scenario in SCENARIOS:
        verdicts = [outcome.verdict for outcome in outcomes if outcome.scenario == scenario.name]
        lines.append(_row(scenario.name, verdicts))
    return "\n".join(lines)


def _row(scenario: str, verdicts: list[Verdict]) -> str:
    promoted = f"{sum(verdict.promote for verdict in verdicts)} of {len(verdicts)}"
    gain = _percent_range([verdict.gain or 0.0 for verdict in verdicts])
    bound = _percent_range([verdict.gain_bound or 0.0 for verdict in verdicts])
    change = [verdict.auroc_gain or 0.0 for verdict in verdicts]
    auroc = f"{min(change):+.3f} to {max(change):+.3f}"
    return f"| {scenario} | {promoted} | {gain} | {bound} | {auroc} |"


def _percent_range(shares: list[float]) -> str:
    return f"{100 * min(shares):+.1f} to {100 * max(shares):+.1f} %"


def write_page(page: Path, text: str) -> None:
    """Replace what is between the marks of a page. Raises ModelStoreError if it has no marks."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ModelStoreError(f"{page}: no marks {BEGIN.strip()} and {END.strip()}")
    page.write_text(f"{before}{BEGIN}{text}\n{END}{after}", encoding="utf-8")


def _without_folders(command_line: list[str]) -> list[str]:
    """Return the arguments with files and folders by name only, as others would type them."""
    return [Path(word).name if "/" in word else word for word in command_line]


if __name__ == "__main__":
    sys.exit(main())
