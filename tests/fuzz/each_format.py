"""Read damaged files of each format as often as asked, and count the outcomes.

    python -m tests.fuzz.each_format FOLDER [RUNS [FORMAT ...]]

FOLDER keeps a file of counts for each format, so that a command that was ended is continued by the
same command; with all RUNS done it prints the table of docs/security.md. A finding names the number
of its damage: `python -m tests.fuzz.each_format --repeat FORMAT NUMBER` reads that file again.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import re
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zlib import crc32

from errors import EcgError
from formats.hints import Hints
from formats.parts import Part
from formats.registry import known_formats, read
from server.settings import Settings
from server.workers.worker_process import limit_memory
from tests.attacks.cost import MIB, memory, reset_peak_memory
from tests.formats.mutations import REPAIRS, Mutator
from tests.fuzz.reading import check_records, is_allowed
from tests.fuzz.seeds import Seed, seeds

RUNS = 100_000
# The kernel ends a process that reads one file for so long, also within C.
MAX_CPU_S = 5
PROCESS_RUNS = 2000  # that one process reads before its counts are kept
REPAIRED_OF = 3  # one in so many files keeps the checksums that its damage makes wrong
HEAD = """| format | files | read | refused, by code | slowest, CPU ms | memory, MiB |
|---|---|---|---|---|---|
"""


@dataclass
class Counts:
    """The outcomes of the damaged files of one format.

    runs        files that were read; the next one has this number
    refused     code of the error -> files
    slowest_s   CPU seconds of the slowest file
    peak_mib    memory of a process above what it had before its first file
    findings    kind -> number of the first file that showed it; a finding is what no file may do
    """

    runs: int = 0
    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    slowest_s: float = 0.0
    peak_mib: float = 0.0
    findings: dict[str, int] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        self.runs += other.runs
        self.read += other.read
        self.refused = dict(Counter(self.refused) + Counter(other.refused))
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.peak_mib = max(self.peak_mib, other.peak_mib)
        self.findings = other.findings | self.findings

    @staticmethod
    def parsed(text: str) -> Counts:
        return Counts(**json.loads(text))


def damaged(name: str, known: list[Seed], number: int) -> tuple[list[Part], Hints]:
    """Return the upload with this number: a seed with damage to one of its files."""
    seed = known[number % len(known)]
    parts = list(seed.parts)
    at = crc32(number.to_bytes(8, "big")) % len(parts)
    donors = [part.data for other in known for part in other.parts]
    data = Mutator(crc32(f"{name} {number}".encode()), donors)(parts[at].data)
    repair = REPAIRS.get(name)
    if repair and number // len(known) % REPAIRED_OF:
        data = repair(data)
    parts[at] = Part(parts[at].name, data)
    return seed.pack(parts), seed.hints


def outcome_of(parts: list[Part], hints: Hints) -> str:
    """Return "read", or the code of a client's error. Raises anything else: a finding."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            record = read(parts, hints)
        except EcgError as error:
            if not is_allowed(error):
                raise
            return error.code
        check_records([record])
    return "read"


def mutate(name: str, start: int, count: int) -> Counts:
    """Read `count` damaged files from number `start` on, in processes of their own."""
    total = Counts()
    current = mmap.mmap(-1, 8)
    while total.runs < count:
        first = start + total.runs
        piece, status = _in_child(name, first, min(PROCESS_RUNS, count - total.runs), current)
        if piece is None:
            number = int.from_bytes(current[:8], "little")
            # What the process had counted is lost; the files before are read again.
            kind = f"the process ended with {status}"
            before = mutate(name, first, number - first) if number > first else Counts()
            before.add(Counts(runs=1, findings={kind: number}))
            piece = before
        total.add(piece)
    return total


def _in_child(name: str, first: int, count: int, current: mmap.mmap) -> tuple[Counts | None, int]:
    """Return the counts of a child process, None if it died, and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                pipe.write(json.dumps(asdict(_read_all(name, first, count, current))))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return (Counts.parsed(text) if text else None), os.waitstatus_to_exitcode(status)


def _read_all(name: str, first: int, count: int, current: mmap.mmap) -> Counts:
    known = seeds()[name]
    counts = Counts()
    gc.freeze()  # the collector need not look through the tests' own objects
    limit_memory(Settings.model_fields["reader_memory_mb"].default << 20)
    reset_peak_memory()
    before = memory("VmRSS")
    for number in range(first, first + count):
        parts, hints = damaged(name, known, number)
        current[:8] = number.to_bytes(8, "little")
        signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
        began_s = time.process_time()
        try:
            outcome = outcome_of(parts, hints)
        except Exception as error:  # noqa: BLE001 - any other exception is the finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
            counts.findings.setdefault(kind, number)
            outcome = "finding"
        counts.slowest_s = max(counts.slowest_s, time.process_time() - began_s)
        signal.setitimer(signal.ITIMER_PROF, 0)
        counts.runs += 1
        if outcome == "read":
            counts.read += 1
        elif outcome != "finding":
            counts.refused[outcome] = counts.refused.get(outcome, 0) + 1
    counts.peak_mib = max(memory("VmHWM") - before, 0) / MIB
    return counts


def run(folder: Path, runs: int, names: list[str]) -> dict[str, Counts]:
    """Read until each format has so many runs; continue from what `folder` has."""
    folder.mkdir(parents=True, exist_ok=True)
    known_formats()  # imports the readers
    found = {}
    for name in names:
        path = folder / f"{re.sub('[^A-Za-z0-9]+', '_', name)}.json"
        counts = Counts.parsed(path.read_text()) if path.is_file() else Counts()
        while counts.runs < runs:
            counts.add(mutate(name, counts.runs, min(PROCESS_RUNS, runs - counts.runs)))
            path.write_text(json.dumps(asdict(counts)))
        found[name] = counts
    return found


def table(found: dict[str, Counts]) -> str:
    """Return the rows of docs/security.md."""
    lines = []
    for name, counts in sorted(found.items(), key=lambda pair: pair[0].lower()):
        refused = ", ".join(
            f"{code} {number:,}" for code, number in Counter(counts.refused).most_common()
        )
        cost = f"{1000 * counts.slowest_s:.0f} | {counts.peak_mib:.0f}"
        lines.append(f"| {name} | {counts.runs:,} | {counts.read:,} | {refused} | {cost} |\n")
    return HEAD + "".join(lines)


def main(folder: str, runs: str = str(RUNS), *names: str) -> None:
    found = run(Path(folder), int(runs), list(names) or list(seeds()))
    sys.stdout.write(table(found))
    for name, counts in found.items():
        for kind, number in counts.findings.items():
            sys.stdout.write(f"FINDING {name} {number}: {kind}\n")


def repeat(name: str, number: str) -> None:
    sys.stdout.write(f"{outcome_of(*damaged(name, seeds()[name], int(number)))}\n")


if __name__ == "__main__":
    if sys.argv[1] == "--repeat":
        repeat(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
