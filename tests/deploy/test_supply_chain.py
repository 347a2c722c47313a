"""Locks, licences and notices match what is installed and shipped."""

from __future__ import annotations

import re
import subprocess

import pytest

from scripts import audit
from tests.house.tree import ROOT, source

LOCKS = ("requirements.lock", "requirements-torch-cuda.lock", "requirements-station.lock")
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)
# Licences that ask more of whoever passes a package on than to name its authors.
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|EUPL|SSPL|CC-BY-NC)", re.IGNORECASE)

# The driver of PostgreSQL, which docs/licences.md says more about.
LGPL_IN_NO_IMAGE = {"psycopg", "psycopg-binary"}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: str) -> dict[str, str]:
    return {normalised(name): version for name, version in PIN.findall(source(path))}


def everything_locked() -> dict[str, str]:
    return {name: version for lock in LOCKS for name, version in pins(lock).items()}


def test_the_locks_hold_what_the_requirements_name() -> None:
    locked = everything_locked()
    wrong = {
        name: (version, locked.get(name))
        for path in ("requirements.txt", "requirements-station.txt")
        for name, version in pins(path).items()
        if locked.get(name) != version
    }
    assert not wrong, "run scripts/lock"


def test_the_locks_hold_the_versions_that_are_tested() -> None:
    """constraints.txt is what the environment of the tests has; CUDA's packages are not in it."""
    tested = pins("constraints.txt")
    locked = pins(LOCKS[0]) | pins(LOCKS[2])
    assert not {
        name: (version, tested[name])
        for name, version in locked.items()
        if name in tested and tested[name] != version
    }, "run scripts/lock"
    # setuptools, which torch needs, is in every environment and so not in constraints.txt.
    assert locked.keys() - tested.keys() <= {"setuptools"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", source(lock), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins(lock)) > 4
    assert all("--hash=sha256:" in block for block in blocks)
    assert "--index-url" not in source(lock) and "://" not in source(lock)


def test_no_package_is_in_two_locks() -> None:
    assert sum(len(pins(lock)) for lock in LOCKS) == len(everything_locked())
    assert "torch" in pins(LOCKS[1])


@pytest.mark.parametrize("path", ["Dockerfile.cpu", "deploy/huggingface-space/Dockerfile"])
def test_the_cpu_images_have_the_same_torch_without_cuda(path: str) -> None:
    version = pins("requirements.txt")["torch"]
    assert f"ARG TORCH_VERSION={version}+cpu\n" in source(path)


def test_the_licence_of_every_locked_package_is_listed() -> None:
    page = source("docs/licences.md").partition("\n## web/")[0]
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", page, re.MULTILINE)
    listed = {name: version for name, version, _ in rows if name != "package" and name != "-" * 3}
    assert listed == everything_locked(), "run scripts/licences.py"
    assert {row[0] for row in rows if COPYLEFT.search(row[2])} == LGPL_IN_NO_IMAGE


def test_every_shipped_file_of_learned_parameters_is_in_the_notice() -> None:
    listed = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).split()
    learned = [
        name
        for name in listed
        if name.endswith((".npz", ".safetensors", ".csv")) and not name.startswith("tests/")
    ]
    learned += ["signal_quality/placement.json", "intervals/delineator.json"]
    assert len(learned) >= 6
    notice = source("NOTICE")
    assert not [name for name in learned if name not in notice]
    assert not [
        name
        for name in re.findall(r"^(\w+/[\w/]+\.\w+)", notice, re.MULTILINE)
        if name not in listed
    ]


def test_the_notice_names_the_data_as_its_licences_ask() -> None:
    notice = " ".join(source("NOTICE").split())
    for name, licence in (
        ("PTB-XL 1.0.3", "https://creativecommons.org/licenses/by/4.0/"),
        ("(LUDB) 1.0.1", "which is made available under the ODC Attribution License"),
        ("QT Database 1.0.0", "which is made available under the ODC Attribution License"),
        (
            "Challenge 2017, training set",
            "which is made available under the ODC Attribution License",
        ),
        ("Arrhythmia Database 1.0.0", "which are made available under the ODC Attribution License"),
        (
            "Challenge 2015, training set",
            "which are made available under the ODC Attribution License",
        ),
        ("Challenge 2011, set-a", "which is made available under the ODC Attribution License"),
    ):
        assert licence in notice[notice.index(name) :]
    assert notice.count("https://opendatacommons.org/licenses/by/1-0/") == 6


def package(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "version": "1.0", "vulns": [], **more}


def advisory(identifier: str) -> dict[str, object]:
    return {"id": identifier, "fix_versions": ["1.1"], "aliases": ["CVE-2026-1"]}


def test_an_audit_that_could_look_up_nothing_says_so() -> None:
    """pip-audit itself says "No known vulnerabilities found" then."""
    report = {"dependencies": [{"name": "a", "skip_reason": "not found"}]}
    assert audit.read(report) == audit.Audit((), ("a",), ())
    assert audit.read(report).report().startswith("SKIPPED: NO ADVISORY DATABASE IN REACH")


def test_an_audit_names_package_advisory_and_remedy() -> None:
    report = {"dependencies": [package("a", vulns=[advisory("PYSEC-1")]), package("b")]}
    assert audit.read(report).findings == ("a 1.0: PYSEC-1, fixed in 1.1",)
    assert audit.read(report).looked_up == ("a", "b")


@pytest.mark.parametrize("accepted", ["PYSEC-1", "CVE-2026-1"])
def test_an_accepted_advisory_is_no_finding(accepted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(audit.ACCEPTED, accepted, "does not concern the server")
    report = {"dependencies": [package("a", vulns=[advisory("PYSEC-1")])]}
    assert not audit.read(report).findings


def test_an_audit_names_what_it_could_not_look_up() -> None:
    report = {"dependencies": [package("a"), {"name": "b", "skip_reason": "not found"}]}
    assert audit.read(report).report() == "not looked up: b\n1 packages looked up"
