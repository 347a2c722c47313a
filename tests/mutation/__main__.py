"""Put small faults into modules, one at a time, and see whether the tests notice.

    scripts/mutate [MODULE.py ...] [--mutants 30] [--seed 21] [--page]

Without modules the default ones are used, chosen by a seed from every room. The faults are put
into a copy of the tree. Each run of the tests is a fork of a process that has loaded the large
libraries.
Results are kept in tests/mutation/results.json; --page writes them to docs/testing.md.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.house.tree import ROOT
from tests.mutation import results
from tests.mutation.faults import Fault, faults_of
from tests.mutation.runner import Tree, copy_tree, preload
from tests.mutation.selection import SEED, default_modules, runs_elsewhere, select_tests


def main() -> int:
    options = _parser().parse_args()
    if options.page:
        results.write_page()
        return 0
    preload()
    modules = options.modules or default_modules(options.mutants)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copy_tree(ROOT, Path(folder) / "tree")
        for module in modules:
            outcome = _mutate(module, tree, options.mutants, options.seed)
            if outcome is None:
                return 1
            results.keep(outcome)
            _print(outcome)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE.py")
    parser.add_argument("--mutants", type=int, default=30, help="faults put into each module")
    parser.add_argument("--seed", type=int, default=SEED, help="chooses the faults")
    parser.add_argument("--page", action="store_true", help="only write docs/testing.md")
    return parser


def _mutate(module: str, tree: Tree, mutants: int, seed: int) -> results.Outcome | None:
    source = (tree.root / module).read_text(encoding="utf-8")
    tests = select_tests(module, tree.root)
    baseline = tree.baseline(module, tests)
    if baseline is None:
        print(f"{module}: its tests fail without a fault:", file=sys.stderr)
        print(tree.log.read_text(encoding="utf-8")[-3000:], file=sys.stderr)
        return None
    survivors: list[tuple[Fault, str]] = []
    faults = chosen_faults(source, module, mutants, seed)
    for fault in faults:
        selected = baseline.selected(fault)
        if runs_elsewhere(module):
            selected += [test for test in baseline.seconds if test not in selected]
        usual_s = sum(baseline.seconds[test] for test in selected)
        if tree.notices(module, fault, selected, usual_s):
            continue
        line = source.split("\n")[fault.line - 1].strip()
        survivors.append((fault, line))
        print(f"  {module}:{fault.line}: survived: {fault.change}   | {line}", flush=True)
    return results.Outcome.of(module, source, seed, len(faults), survivors)


def chosen_faults(source: str, module: str, mutants: int, seed: int) -> list[Fault]:
    """Draw faults by a seed. The draw depends on the module's name and source only."""
    faults = faults_of(source)
    drawn = random.Random(f"{seed} {module}").sample(faults, min(mutants, len(faults)))
    return sorted(drawn, key=lambda fault: fault.start)


def _print(outcome: results.Outcome) -> None:
    noticed = outcome.mutants - len(outcome.survivors)
    print(f"{outcome.module}: {noticed} of {outcome.mutants} noticed", flush=True)


if __name__ == "__main__":
    sys.exit(main())
