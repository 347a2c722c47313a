"""Which modules are mutated by default, and which tests could notice."""

from __future__ import annotations

import random
import re
from pathlib import Path

from tests.house.tree import ROOMS, ROOT, python_file_names
from tests.mutation.faults import faults_of

# Modules of each room in the default run; larger rooms have more.
MODULES_BY_ROOM = {
    "server": 5,
    "station": 2,
    "access": 2,
    "training": 2,
    "bulk": 1,
    "report": 2,
    "analysis": 3,
    "heads": 2,
    "model_store": 3,
    "encoder": 2,
    "intervals": 4,
    "signal_quality": 2,
    "formats": 6,
    "signals": 3,
    "client": 1,
}
SEED = 21
# Run on the network, on a GPU or as a command of hours: the fast tests do not start them.
LEFT_OUT = re.compile(
    r"__init__|__main__|encoder/(cuda|graphs|compiled)|model_store/reference|bulk/ray|training/.*(train|plot|card|report)"
)
# Rooms whose modules are also tested through another room's tests.
ALSO = {"heads": ["tests/analysis"], "encoder": ["tests/analysis"]}


def default_modules(mutants: int) -> list[str]:
    """Choose modules of every room by a seed, among those with enough places for a fault."""
    assert {*MODULES_BY_ROOM} == {*ROOMS, "client"}
    chosen = []
    for room, count in MODULES_BY_ROOM.items():
        names = [name for name in sorted(python_file_names()) if name.startswith(f"{room}/")]
        names = [name for name in names if not LEFT_OUT.search(name)]
        large = [name for name in names if len(faults_of((ROOT / name).read_text())) >= mutants]
        chosen += random.Random(f"{SEED} {room}").sample(large, min(count, len(large)))
    return sorted(chosen)


def runs_elsewhere(module: str) -> bool:
    """Whether processes that the tests start run the module: then no line tells which tests do."""
    return module.startswith(("server/", "station/web/", "bulk/", "client/"))


def select_tests(module: str, root: Path) -> list[str]:
    """List the test files of the module's room: those that name the module first."""
    dotted = module.removesuffix(".py").replace("/", ".").removeprefix("client.")
    package, _, name = dotted.rpartition(".")
    imports = re.compile(
        rf"(from|import) {re.escape(dotted)}\b|from {re.escape(package)} import .*\b{name}\b"
    )
    if "/" not in module:
        return [f"tests/test_{name}.py"]
    room = module.split("/")[0]
    folders = [f"tests/{room}", *ALSO.get(room, [])]
    paths = sorted(path for folder in folders for path in (root / folder).rglob("test_*.py"))
    mirror = root / "tests" / Path(module).parent
    near = [path for path in paths if path.stem == f"test_{name}"]
    near += [path for path in paths if imports.search(path.read_text()) and path not in near]
    if mirror != root / "tests" / room:
        near += [path for path in sorted(mirror.rglob("test_*.py")) if path not in near]
    # The tests of other folders of the server start processes and take minutes: too long for each
    # fault. The result is a lower bound.
    far = [] if room == "server" else [path for path in paths if path not in near]
    return [str(path.relative_to(root)) for path in near + far]
