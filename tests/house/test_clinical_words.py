"""The viewer has a word in each language for every code, label and measurement of the server.

TypeScript checks that the languages have the same words; here they are compared with the server's.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from heads.one_lead.model import shipped_description
from intervals.atrial.conduction import AvConduction, Kind
from intervals.findings.av_block import av_block_findings
from intervals.findings.rhythm_statement import _RHYTHMS
from intervals.measurements import NUMBERS, Measurements
from signal_quality.quality import WORDS, Code
from superclasses import SUPERCLASSES
from tests.house.tree import ROOT

LANGUAGES = sorted((ROOT / "web" / "src" / "i18n").glob("??.ts"))
BUNDLES = ("embedded/bundle.json", "ecg_fm_labels.json")
UNITS = ("_ms", "_mv", "_s", "_deg", "_bpm")


def words(language: Path, *sections: str) -> set[str]:
    """Return the names in a section of a language's table; a section may be in another."""
    text, indent = language.read_text(), 2
    for section in sections:
        (text,) = re.findall(
            rf"^ {{{indent}}}{section}: {{$(.*?)^ {{{indent}}}}}", text, re.M | re.S
        )
        indent += 2
    return set(re.findall(rf'^ {{{indent}}}"?([^\s":][^":\n]*)"?:', text, re.M))


def label_names() -> set[str]:
    names = {label.name for label in shipped_description().labels}
    for file in BUNDLES:
        stored = json.loads((ROOT / "model_store" / file).read_text())
        labels = stored["labels"] if isinstance(stored, dict) else stored
        names |= {label["name"] for label in labels}
    return names - set(SUPERCLASSES)


def finding_codes() -> Iterator[str]:
    """Yield the codes of all findings but the rhythm's: constants in snake case, and those made."""
    for kind in get_args(Kind):
        for ratio in (2, 3):
            block = AvConduction(
                kind, 80.0, 40.0, 9, 4, 0.0, (0.1, 0.4), 0.0, 9.0, leads=(1,), ratio=ratio
            )
            yield from (each.code for each in av_block_findings(Measurements(av_conduction=block)))
    for file in (ROOT / "intervals" / "findings").glob("*.py"):
        tree = ast.parse(file.read_text())
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding":
                yield from _strings(call.args[0])
        evidence = {id(key) for node in ast.walk(tree) for key in _names_of_values(node)}
        for node in ast.walk(tree):
            yield from (text for text in _strings(node) if id(node) not in evidence and "_" in text)


def _strings(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return
    is_code = re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", node.value) is not None
    if is_code and node.value not in get_args(Kind) and not node.value.endswith(UNITS):
        yield node.value


def _names_of_values(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Dict):
        yield from (key for key in node.keys if key is not None)
    if isinstance(node, ast.Subscript):
        yield node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from node.args


SERVER_NAMES = {
    ("clinical", "rhythms"): set(_RHYTHMS),
    ("clinical", "findings"): set(finding_codes()),
    ("clinical", "labels"): label_names(),
    ("clinical", "superclasses"): set(SUPERCLASSES),
    ("clinical", "measurements"): set(NUMBERS),
    ("clinical", "quality", "words"): set(WORDS),
    ("clinical", "quality", "faults"): set(get_args(Code)),
    ("clinical", "quality", "advice"): set(get_args(Code)),
}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda path: path.stem)
@pytest.mark.parametrize("sections", SERVER_NAMES, ids=".".join)
def test_every_name_of_the_server_has_a_word(language: Path, sections: tuple[str, ...]) -> None:
    missing = SERVER_NAMES[sections] - words(language, *sections)
    assert not missing, f"{language.name}, {'.'.join(sections)}: no word for {sorted(missing)}"


def test_the_codes_are_found() -> None:
    codes = set(finding_codes())
    assert {"pause", "st_elevation", "2nd_degree_atrioventricular_block_2_to_1"} <= codes
    assert not {"abnormal", "pause_s", "type_1"} & codes
