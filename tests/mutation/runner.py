"""Runs of the tests on a copy of the tree, each in a forked process group."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.faults import Fault

# Loaded once in the parent. None of the product's modules may be: they are imported from the copy.
LIBRARIES = ("numpy", "scipy.signal", "scipy.optimize", "torch", "pydantic", "httpx")
BASELINE_TIMEOUT_S = 1800.0
# A fault may make the tests hang. A run that takes this much longer counts as noticed.
TIMEOUT_FACTOR = 10.0
TIMEOUT_EXTRA_S = 60.0
# Passed to pytest: plugins that start processes or write caches are off.
ARGUMENTS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist")


@dataclass(frozen=True)
class Baseline:
    """What the tests do without a fault.

    tests    line of the module -> the tests that run it; "" where the import runs it
    seconds  test -> how long it takes
    """

    tests: dict[int, list[str]]
    seconds: dict[str, float]

    def selected(self, fault: Fault) -> list[str]:
        """Return the tests that run the fault's line, the quick ones first."""
        lines = {*self.tests.get(fault.line, []), *self.tests.get(fault.statement, [])}
        # What runs at import (a constant, a default) may matter to every test.
        tests = lines - {""} or (set(self.seconds) if "" in lines else set())
        return sorted(tests, key=lambda test: (self.seconds[test], test))


def preload() -> None:
    """Import the large libraries, so that each forked run has them already."""
    for name in LIBRARIES:
        importlib.import_module(name)


def copy_tree(root: Path, target: Path) -> Tree:
    """Copy the files that git knows or would take, and compile them."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
    compiling = [sys.executable, "-m", "compileall", "-q", "-j", "1", str(target)]
    subprocess.run(compiling, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Tree(target, target.parent / "log.txt", root)


@dataclass(frozen=True)
class Tree:
    """A copy of the repository. `original` is where it was copied from: data lies next to it."""

    root: Path
    log: Path
    original: Path

    def baseline(self, module: str, tests: Sequence[str]) -> Baseline | None:
        """Run the tests without a fault. Return None where one fails."""
        recorded = self.log.with_suffix(".json")
        if not self._passes(tests, BASELINE_TIMEOUT_S, (self.root / module, recorded)):
            return None
        answer = json.loads(recorded.read_text(encoding="utf-8"))
        lines = {int(line): tests for line, tests in answer["tests"].items()}
        return Baseline(lines, answer["seconds"])

    def notices(self, module: str, fault: Fault, tests: Sequence[str], usual_s: float) -> bool:
        """Put the fault into the module, run the tests until one fails, and take the fault out."""
        if not tests:
            return False
        path = self.root / module
        before = path.stat()
        source = path.read_text(encoding="utf-8")
        path.write_text(fault.applied(source), encoding="utf-8")
        try:
            return not self._passes(tests, TIMEOUT_FACTOR * usual_s + TIMEOUT_EXTRA_S)
        finally:
            path.write_text(source, encoding="utf-8")
            # The same time as before, so that the compiled file of the module is valid again.
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _passes(
        self, tests: Sequence[str], timeout_s: float, recording: tuple[Path, Path] | None = None
    ) -> bool:
        child = os.fork()
        if child == 0:
            self._run_tests(tests, recording)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                _kill_group(child)
                return os.waitstatus_to_exitcode(status) == 0
            time.sleep(0.02)
        _kill_group(child)
        os.waitpid(child, 0)
        return False

    def _run_tests(self, tests: Sequence[str], recording: tuple[Path, Path] | None) -> None:
        """Become the run of the tests; never returns."""
        code = 1
        try:
            os.setsid()
            output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.root)
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            data = self.original.parent / "shared" / "data"
            os.environ.setdefault("ECG_SHARED_DATA", str(data))
            sys.dont_write_bytecode = True
            self._forget_original()
            import pytest

            plugins = []
            if recording is not None:
                from tests.mutation.coverage_plugin import LinesByTest

                plugins.append(LinesByTest(*recording))
            code = int(pytest.main([*ARGUMENTS, *tests], plugins=plugins))
        except Exception:  # noqa: BLE001 - a forked process must not return into its parent's code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _forget_original(self) -> None:
        """Import the product and its tests from the copy from now on."""
        original = str(self.original)
        sys.path[:] = [path for path in sys.path if path not in ("", original)]
        sys.path.insert(0, str(self.root))
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            is_original = file.startswith(f"{original}/") and "/site-packages/" not in file
            if is_original and name != "__main__":
                del sys.modules[name]


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
