"""The faults that scripts/mutate puts in, and the tests that it selects for them."""

from __future__ import annotations

import pytest

from tests.house.tree import ROOT
from tests.mutation.__main__ import chosen_faults
from tests.mutation.faults import Fault, faults_of
from tests.mutation.runner import Baseline
from tests.mutation.selection import MODULES_BY_ROOM, default_modules, select_tests

SOURCE = '''"""Module, 1 < 2."""

LIMIT_MV = 5.0


def clip(values: list[float], limit: float = 3) -> list[float]:
    """Docstring with 7."""
    logger.info("µV %d", 8)
    assert limit > 0
    if not values and limit >= LIMIT_MV:
        raise ValueError(f"{limit + 1}")
    return [min(value, limit) - 1 for value in values]
'''


def mutants() -> dict[str, str]:
    """Return change -> the line that the fault changes, as it then reads."""
    changed = {}
    for fault in faults_of(SOURCE):
        changed[fault.change] = fault.applied(SOURCE).split("\n")[fault.line - 1].strip()
    return changed


def test_each_kind_of_fault_changes_its_one_place() -> None:
    assert mutants() == {
        "constant moved: 5.0 -> 5.5": "LIMIT_MV = 5.5",
        "constant moved: 3 -> 4": "def clip(values: list[float], limit: float = 4) -> list[float]:",
        "condition negated: not values and limit >= LIMIT_MV -> "
        "not (not values and limit >= LIMIT_MV)": "if not (not values and limit >= LIMIT_MV):",
        "not dropped: not values -> bool(values)": "if bool(values) and limit >= LIMIT_MV:",
        "and/or swapped: and -> or": "if not values or limit >= LIMIT_MV:",
        "comparison turned: >= -> >": "if not values and limit > LIMIT_MV:",
        'statement dropped: raise ValueError(f"{limit + 1}")': "pass",
        "function swapped: min -> max": "return [max(value, limit) - 1 for value in values]",
        "operator swapped: - -> +": "return [min(value, limit) + 1 for value in values]",
        "constant moved: 1 -> 2": "return [min(value, limit) - 2 for value in values]",
    }


def test_every_mutant_differs_from_the_source_and_compiles() -> None:
    source = (ROOT / "signals" / "gaps.py").read_text(encoding="utf-8")
    faults = faults_of(source)
    assert len(faults) > 30
    for fault in faults:
        mutant = fault.applied(source)
        assert mutant != source
        compile(mutant, "mutant", "exec")


def test_faults_are_drawn_by_the_seed_alone() -> None:
    source = (ROOT / "signals" / "gaps.py").read_text(encoding="utf-8")
    drawn = chosen_faults(source, "signals/gaps.py", 5, seed=1)
    assert drawn == chosen_faults(source, "signals/gaps.py", 5, seed=1)
    assert drawn != chosen_faults(source, "signals/gaps.py", 5, seed=2)
    assert len(drawn) == 5


def test_the_tests_that_run_the_faulty_line_come_quickest_first() -> None:
    baseline = Baseline(
        tests={1: [""], 4: ["", "a", "b"], 5: ["c"], 9: []},
        seconds={"a": 2.0, "b": 1.0, "c": 0.5},
    )

    def selected(line: int, statement: int) -> list[str]:
        return baseline.selected(Fault(line, statement, 0, 1, "", ""))

    assert selected(4, 4) == ["b", "a"]
    assert selected(5, 4) == ["c", "b", "a"], "a statement of several lines"
    assert selected(1, 1) == ["c", "b", "a"], "what the import runs matters to every test"
    assert selected(9, 9) == [], "no test runs this line"


def test_every_room_has_default_modules() -> None:
    modules = default_modules(30)
    assert len(modules) == len(set(modules)) >= 24
    assert {module.split("/")[0] for module in modules} == set(MODULES_BY_ROOM)
    assert modules == default_modules(30)


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("signals/gaps.py", "tests/signals/test_gaps.py"),
        ("formats/wfdb/header.py", "tests/formats/wfdb/test_header.py"),
    ],
)
def test_the_tests_of_a_module_come_first(module: str, first: str) -> None:
    tests = select_tests(module, ROOT)
    room = module.split("/")[0]
    assert first in tests[:3]
    assert all(test.startswith(f"tests/{room}/") for test in tests)
