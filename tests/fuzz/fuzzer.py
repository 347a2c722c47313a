"""The fuzzer's process: coverage-guided (atheris), with the memory limit of a reader process.

    python -m tests.fuzz.fuzzer CORPUS FINDINGS CURRENT RUNS SEED

`tests.fuzz.campaign` starts it.
"""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["formats", "server", "signals"]):
    from formats.registry import known_formats
    from server.settings import Settings
    from server.workers.worker_process import limit_memory
    from tests.formats.mutations import Mutator, with_scp_checksums
    from tests.fuzz.current_input import MAX_BYTES, CurrentInput
    from tests.fuzz.inputs import HEAD_BYTES
    from tests.fuzz.reading import finding_of

    known_formats()  # imports the readers

# The kernel ends a process that stays in C for so long, where no exception reaches it.
KILLED_AFTER_CPU_S = 20
# libFuzzer measures wall-clock time, which on a busy machine says nothing.
NEVER_S = 10**6


class Fuzzer:
    """Reads inputs, and keeps the first one of each kind of finding as a file."""

    def __init__(self, findings: Path, current: Path) -> None:
        self._findings = findings
        self._kinds: set[str] = set()
        self._current = CurrentInput(current)

    def read(self, data: bytes) -> None:
        self._current.begin(data)
        signal.setitimer(signal.ITIMER_PROF, KILLED_AFTER_CPU_S)
        finding = finding_of(data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if finding is None or finding.kind in self._kinds:
            return
        self._kinds.add(finding.kind)
        (self._findings / finding.kind).write_bytes(data)
        sys.stderr.write(f"FINDING {finding.kind}\n{finding.detail}\n")


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Damage the body as files are damaged, or any byte as the fuzzer sees fit."""
    if seed % 2:
        return bytes(atheris.Mutate(data, max_size))
    body_at = HEAD_BYTES + (data[HEAD_BYTES - 1] if len(data) >= HEAD_BYTES else 0)
    body = Mutator(seed)(data[body_at:])
    if seed % 8 == 0:
        body = with_scp_checksums(body)
    return (data[:body_at] + body)[:max_size]


def main(corpus: str, findings: str, current: str, runs: str, seed: str) -> None:
    fuzzer = Fuzzer(Path(findings), Path(current))
    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_len={MAX_BYTES}",
        f"-timeout={NEVER_S}",
        "-rss_limit_mb=0",
        "-malloc_limit_mb=0",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    logging.disable(logging.CRITICAL)  # python_multipart logs every damaged form
    atheris.Setup([sys.argv[0], *options, corpus], fuzzer.read, custom_mutator=mutate)
    limit_memory(Settings.model_fields["reader_memory_mb"].default << 20)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
