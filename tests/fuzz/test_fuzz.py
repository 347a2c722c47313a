"""No mutated body, in any route and format, gives a 500, a crash, a hang or too much memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from errors import EcgError
from formats.parts import Part
from formats.registry import read
from server.stages.decompression import decompress
from signals.record import EcgRecord
from tests.fuzz import reading
from tests.fuzz.campaign import has_atheris, run
from tests.fuzz.corpus import write_corpus
from tests.fuzz.current_input import CurrentInput
from tests.fuzz.inputs import ENCODINGS, FORM, MEDIA_TYPES, OCTET_STREAM, ROUTES, input_of, task_of
from tests.fuzz.reading import LIMITS, finding_of
from tests.server.harness import ROOT

RUNS = int(os.environ.get("FUZZ_RUNS", "1000000"))
# Kept where it is named, so that the next run begins with what this one has reached.
FOLDER = os.environ.get("FUZZ_FOLDER")
CSV = "I,II\n" + "0.1,0.2\n" * 300

requires_atheris = pytest.mark.skipif(
    not has_atheris, reason="ATHERIS NOT INSTALLED: no fuzzing; see requirements-dev.txt"
)


def test_an_input_stands_for_the_request_that_it_was_made_of() -> None:
    data = input_of(b"body", FORM, "fs=500&fs=&include=all", "classify", "packed gzip")
    task = task_of(data)
    assert (task.head.route, task.content_type, task.content_encoding) == (
        "classify",
        FORM,
        "gzip",
    )
    assert task.params == {"fs": ["500", ""], "include": ["all"]}
    assert decompress(bytes(task.body), "gzip", LIMITS.max_body_bytes) == b"body"


@pytest.mark.parametrize("length", range(6))
def test_any_bytes_stand_for_a_request(length: int) -> None:
    for byte in (b"\0", b"\xff", b"\x80"):
        task_of(byte * length)


def test_every_route_type_and_encoding_can_be_chosen() -> None:
    tasks = [task_of(bytes([number, number, number, 0])) for number in range(256)]
    assert {task.head.route for task in tasks} == set(ROUTES)
    assert {task.content_type for task in tasks} == set(MEDIA_TYPES)
    assert {task.content_encoding for task in tasks} == {
        encoding.removeprefix("packed ") for encoding in ENCODINGS
    }


def test_the_first_inputs_have_no_finding(tmp_path: Path) -> None:
    assert write_corpus(tmp_path) >= 100
    findings = [finding_of(path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    assert not [finding for finding in findings if finding is not None]


class Reader:
    """Stands in for `formats.registry.read`."""

    def __init__(self, behaviour: BaseException | float) -> None:
        self._behaviour = behaviour

    def __call__(self, parts: list[Part], *arguments: object) -> EcgRecord:
        if isinstance(self._behaviour, BaseException):
            raise self._behaviour
        until_s = time.process_time() + self._behaviour
        while time.process_time() < until_s:
            pass
        return read(parts)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (KeyError("x"), "KeyError_test_fuzz_"),
        (MemoryError(), "MemoryError_test_fuzz_"),
        (RecursionError(), "RecursionError_test_fuzz_"),
        (EcgError("a bug"), "status_500"),
        (reading.MAX_CPU_S + 0.1, "slow"),
    ],
)
def test_a_reader_that_fails_is_found(
    monkeypatch: pytest.MonkeyPatch, behaviour: BaseException | float, kind: str
) -> None:
    data = input_of(CSV.encode(), OCTET_STREAM, "fs=100")
    assert finding_of(data) is None
    monkeypatch.setattr(reading, "read", Reader(behaviour))
    found = finding_of(data)
    assert found is not None
    assert found.kind.startswith(kind)


def test_the_present_input_can_be_read_from_another_process(tmp_path: Path) -> None:
    path = tmp_path / "current"
    CurrentInput.create(path)
    writer = CurrentInput(path)
    for data in (b"first, which is longer", b"second"):
        writer.begin(data)
    reader = CurrentInput(path)
    assert (reader.count, reader.data) == (2, b"second")


@pytest.mark.long
@requires_atheris
@pytest.mark.timeout(48 * 3600)  # only keeps a fuzzer that hangs from staying for ever
def test_no_mutated_body_harms_the_server(tmp_path: Path) -> None:
    folder = Path(FOLDER) if FOLDER else tmp_path
    campaign = run(ROOT / folder, RUNS)
    end = campaign.log.read_text(errors="replace")[-4000:]
    assert not campaign.findings, f"{[str(path) for path in campaign.findings]}\n{end}"
    assert campaign.count >= RUNS, end
