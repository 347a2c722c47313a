"""Damaged files of each format are read or refused, in little time and memory."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from errors import CorruptFile, EcgError
from formats.parts import Part
from formats.registry import format_names, known_formats, read
from tests.fuzz import each_format
from tests.fuzz.each_format import RUNS, Counts, damaged, mutate, outcome_of, run, table
from tests.fuzz.seeds import seeds
from tests.house.tree import source

FEW = 60
# What a process may take above what it had, whatever its damaged files claim. None of these seeds
# is larger than 10 kB; a reader's gaps and padding may be.
MAX_PEAK_MIB = 400
SEEDS = seeds()
MANY = int(os.environ.get("FUZZ_MUTATIONS", str(RUNS)))
NAMES = pytest.mark.parametrize("name", sorted(SEEDS))


def test_every_format_has_seeds() -> None:
    assert set(SEEDS) == set(format_names())


@NAMES
def test_a_seed_is_read_as_its_format(name: str) -> None:
    (known,) = [known for known in known_formats() if known.name == name]
    for seed in SEEDS[name]:
        parts = seed.pack(list(seed.parts))
        assert read(parts, seed.hints).samples >= 15
        # A zip's files are detected after it is unpacked.
        assert (
            any(known.detect(part) for part in seed.parts)
            or parts != list(seed.parts)
            or (name == "npz")
        )


def test_a_number_stands_for_one_damage_and_most_differ_from_their_seed() -> None:
    for name, known in SEEDS.items():
        uploads = [damaged(name, known, number) for number in range(FEW)]
        again = [damaged(name, known, number) for number in range(FEW)]
        assert uploads == again
        bodies = {b"".join(part.data for part in parts) for parts, _ in uploads}
        whole = {b"".join(part.data for part in seed.pack(list(seed.parts))) for seed in known}
        assert len(bodies - whole) > FEW / 2, name


@NAMES
def test_damaged_files_are_read_or_refused(name: str) -> None:
    counts = mutate(name, 0, FEW)
    assert not counts.findings
    assert counts.runs == FEW == counts.read + sum(counts.refused.values())
    assert counts.slowest_s < each_format.MAX_CPU_S
    assert counts.peak_mib < MAX_PEAK_MIB


@pytest.mark.long
@pytest.mark.timeout(3600)
@NAMES
def test_a_hundred_thousand_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    (counts,) = run(tmp_path, MANY, [name]).values()
    assert not counts.findings
    assert counts.runs == MANY == counts.read + sum(counts.refused.values())
    assert counts.slowest_s < each_format.MAX_CPU_S
    assert counts.peak_mib < MAX_PEAK_MIB


class Reader:
    """Stands in for `formats.registry.read`; the third of its calls fails."""

    def __init__(self, failure: BaseException | None) -> None:
        self._failure = failure
        self._calls = 0

    def __call__(self, *arguments: object) -> None:
        self._calls += 1
        if self._calls == 3:
            if self._failure is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                raise self._failure
        raise CorruptFile("a damaged file")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (KeyError("x"), "KeyError in test_each_format.py"),
        (MemoryError(), "MemoryError in test_each_format.py"),
        (EcgError("a bug"), "EcgError in test_each_format.py"),
        (Warning("a warning"), "Warning in test_each_format.py"),
    ],
)
def test_a_file_that_does_what_none_may_do_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, kind: str
) -> None:
    monkeypatch.setattr(each_format, "read", Reader(failure))
    counts = mutate("WAV", 100, 5)
    assert [name.split(":")[0] for name in counts.findings] == [kind]
    assert [*counts.findings.values()] == [102]
    assert (counts.runs, counts.refused) == (5, {"corrupt_file": 4})


def test_a_file_that_ends_the_process_is_a_finding_and_the_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(each_format, "read", Reader(None))
    counts = mutate("WAV", 100, 4)
    assert counts.findings == {"the process ended with -9": 102}
    assert (counts.runs, counts.refused) == (4, {"corrupt_file": 3})


def test_a_file_that_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(parts: list[Part], hints: object) -> None:
        while parts[0].data != b"never":
            pass

    monkeypatch.setattr(each_format, "read", hang)
    monkeypatch.setattr(each_format, "MAX_CPU_S", 0.05)
    counts = mutate("WAV", 7, 1)
    assert counts.findings == {f"the process ended with -{signal.SIGPROF:d}": 7}


def test_a_run_is_continued_from_its_folder(tmp_path: Path) -> None:
    first = run(tmp_path, 10, ["WAV"])["WAV"]
    assert (first.runs, len([*tmp_path.iterdir()])) == (10, 1)
    twice = run(tmp_path, 25, ["WAV"])["WAV"]
    at_once = mutate("WAV", 0, 25)
    assert (twice.runs, twice.read, twice.refused) == (25, at_once.read, at_once.refused)
    assert run(tmp_path, 25, ["WAV"])["WAV"] == twice


def test_a_finding_can_be_repeated() -> None:
    outcomes = [outcome_of(*damaged("npy", SEEDS["npy"], number)) for number in range(FEW)]
    assert {"read", "corrupt_file"} <= set(outcomes)


def test_the_table_has_a_row_for_each_format() -> None:
    counts = Counts(runs=1500, read=1000, refused={"bad_type": 100, "corrupt_file": 400})
    counts.slowest_s, counts.peak_mib = 0.0127, 3.6
    assert table({"npy": counts}).splitlines()[2:] == [
        "| npy | 1,500 | 1,000 | corrupt_file 400, bad_type 100 | 13 | 4 |"
    ]


def test_the_page_has_a_whole_run_of_almost_every_format() -> None:
    page = source("docs/security.md")
    rows = re.findall(r"^\| ([^|]+) \| 100,000 \| ([\d,]+) \| ([^|]+) \|", page, re.MULTILINE)
    assert {name for name, *_ in rows} <= set(format_names())
    # A new format may come without a run of hours.
    assert len(rows) >= len(format_names()) - 3
    for name, was_read, refused in rows:
        counts = [was_read, *re.findall(r" ([\d,]+)(?:,|$)", refused)]
        assert sum(int(count.replace(",", "")) for count in counts) == RUNS, name
