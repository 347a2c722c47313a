"""Run the fuzzer in a process of its own, and keep what it finds.

    python -m tests.fuzz.campaign FOLDER RUNS [SEED]

FOLDER keeps the inputs that reach new code in `corpus`, and each finding as a file in `findings`;
`python -m tests.fuzz.reading FILE` repeats one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.fuzz.corpus import write_corpus
from tests.fuzz.current_input import CurrentInput
from tests.server.harness import END_WITH_PARENT, ROOT

# The fuzzer's own tables grow by about 500 bytes an input, which must not count for the readers.
PROCESS_RUNS = 250_000

has_atheris = importlib.util.find_spec("atheris") is not None


@dataclass(frozen=True)
class Campaign:
    """What came of a run of the fuzzer.

    count     inputs that were read
    findings  a file for each kind of finding: an input that repeats it
    log       the fuzzer's output
    """

    count: int
    findings: tuple[Path, ...]
    log: Path


def run(folder: Path, runs: int, seed: int = 1, process_runs: int = PROCESS_RUNS) -> Campaign:
    """Read so many inputs; an input that ends the fuzzer's process is a finding too.

    process_runs  how many a process reads before the next one continues
    """
    corpus, findings, log = folder / "corpus", folder / "findings", folder / "log"
    current = folder / "current"
    for made in (corpus, findings):
        made.mkdir(parents=True, exist_ok=True)
    write_corpus(corpus)
    CurrentInput.create(current)
    last = CurrentInput(current)
    with log.open("wb") as output:
        while last.count < runs:
            arguments = [str(path) for path in (corpus, findings, current)]
            numbers = [str(min(process_runs, runs - last.count)), str(seed)]
            ended = _fuzz([*arguments, *numbers], output)
            seed += 1
            if ended != 0:
                (findings / f"ended_with_{ended}").write_bytes(last.data)
                break
    return Campaign(last.count, tuple(sorted(findings.iterdir())), log)


def _fuzz(arguments: list[str], output: BinaryIO) -> int:
    """Return how the fuzzer's process ended: 0, an exit status, or minus the number of a signal."""
    # It ends with this process, so that a stopped test run leaves no fuzzer behind.
    wrapper = [sys.executable, "-I", "-S", "-c", END_WITH_PARENT, str(os.getpid())]
    command = [*wrapper, sys.executable, "-m", "tests.fuzz.fuzzer", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, stdout=output, stderr=output).returncode


def _main(folder: str, runs: str, seed: str = "1") -> None:
    campaign = run(Path(folder), int(runs), int(seed))
    sys.stdout.write(f"{campaign.count} inputs, {len(campaign.findings)} kinds of findings\n")
    for path in campaign.findings:
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
