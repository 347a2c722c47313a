"""docs/station.md matches the code: settings, routes, outcomes, the frame."""

from __future__ import annotations

import re

import pytest
import yaml

from station.alarms.policies import POLICIES
from station.ingest.frame import HEADER
from station.ingest.outcomes import KEPT, Outcome
from station.metrics.exposition import FAMILIES
from station.settings import Settings
from station.web.access import ROUTE_SCOPES
from station.web.events import KINDS
from tests.house.tree import source

PAGE = source("docs/station.md")
ALERTS = "deploy/prometheus/station-alerts.yaml"


def settings_table() -> str:
    rows = ["| variable | flag | default | what it sets |", "|---|---|---|---|"]
    for name, setting in Settings.model_fields.items():
        default = "none" if setting.default is None else f"`{setting.default}`"
        flag = name.replace("_", "-")
        rows.append(
            f"| `STATION_{name.upper()}` | `--{flag}` | {default} | {setting.description} |"
        )
    return "\n".join(rows) + "\n"


def metrics_table() -> str:
    rows = ["| metric | labels | meaning |", "|---|---|---|"]
    for family in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        rows.append(f"| `{family.name}` | {labels} | {family.documentation} |")
    return "\n".join(rows) + "\n"


def alerts_table() -> str:
    rows = ["| alert | severity | when | reason of the threshold |", "|---|---|---|---|"]
    for group in yaml.safe_load(source(ALERTS))["groups"]:
        for rule in group["rules"]:
            notes = rule["annotations"]
            named = r"\{\{ (?:\$labels\.)?\$?(\w+)[^}]*\}\}"
            when = re.sub(named, r"*\1*", notes["summary"])
            severity = rule["labels"]["severity"]
            rows.append(f"| `{rule['alert']}` | {severity} | {when} | {notes['threshold']} |")
    return "\n".join(rows) + "\n"


def test_the_metrics_and_alerts_are_listed() -> None:
    assert metrics_table() in PAGE
    assert alerts_table() in PAGE


def test_the_settings_are_listed() -> None:
    assert PAGE.endswith(settings_table())


@pytest.mark.parametrize(("method", "path"), sorted(ROUTE_SCOPES))
def test_the_routes_are_listed_with_their_scopes(method: str, path: str) -> None:
    scope = ROUTE_SCOPES[method, path] or "none"
    assert re.search(rf"^\|.*`{method} {re.escape(path)}`.*\| {scope} \|", PAGE, re.MULTILINE)


def test_the_outcomes_are_listed() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no|before|later) \| (yes|no) \|", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == list(Outcome)
    assert {Outcome(name) for name, _, letter in rows if letter == "no"} == KEPT


def test_the_fields_of_the_frame_are_at_their_places() -> None:
    table = PAGE[PAGE.index("### The frame") : PAGE.index("### JSON")]
    places = [int(byte) for byte in re.findall(r"^\| (\d+) \| .*\|$", table, re.MULTILINE)]
    assert HEADER.names is not None and HEADER.fields is not None
    assert places == [*(HEADER.fields[name][1] for name in HEADER.names), HEADER.itemsize]


def test_the_rules_of_alarm_are_listed() -> None:
    for rule, policy in POLICIES.items():
        hold = f"{policy.hold_ms // 1000} s" if policy.hold_ms else "no"
        latches = "yes" if policy.latches else "no"
        assert f"| `{rule}` | {policy.priority} | {latches} | {hold} |\n" in PAGE


def test_the_kinds_of_events_are_listed() -> None:
    table = PAGE[PAGE.index("| kind | data |") :]
    assert re.findall(r"^\| `(\w+)` \|", table[: table.index("\n\n")], re.MULTILINE) == [*KINDS]
