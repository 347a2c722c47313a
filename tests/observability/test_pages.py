"""The page, the dashboards and the alerts name what the server has, and Prometheus reads them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.house import dashboards, observability_page
from tests.house.observability_page import LABEL_BOUNDS, RULES, metric_rows, rules
from tests.house.tree import ROOT

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="PROMTOOL NOT FOUND: install Debian's package prometheus"
)
ALERTS = [rule for rule in rules() if "alert" in rule]
# Grafana replaces them; promtool knows none of them.
VARIABLES = {"$__rate_interval": "1m", "$job": "ecg", "$instance": ".*"}


def promtool(*arguments: str | Path) -> None:
    command = [PROMTOOL or "", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expressions_of_dashboards() -> list[str]:
    found = []
    for content in dashboards.files().values():
        for panel in json.loads(content)["panels"]:
            for target in panel.get("targets", ()):
                expression: str = target["expr"]
                for variable, value in VARIABLES.items():
                    expression = expression.replace(variable, value)
                found.append(expression)
    return found


def test_the_page_matches_metrics_and_alerts() -> None:
    assert observability_page.PAGE.read_text(encoding="utf-8") == observability_page.page(), (
        "write it again with python -m tests.house.observability_page"
    )


def test_the_dashboards_match_their_source() -> None:
    written = {path.name: path.read_text() for path in dashboards.FOLDER.glob("*.json")}
    assert written == dashboards.files(), "write them again with python -m tests.house.dashboards"


def test_every_label_has_a_bound_and_no_other() -> None:
    used = {label for _, _, labels, _ in metric_rows() for label in labels}
    assert used == set(LABEL_BOUNDS)


def series_and_labels() -> dict[str, set[str]]:
    """Return the labels of each series that /metrics can have."""
    known = {"up": {"job", "instance"}}
    for name, kind, labels, _ in metric_rows():
        names = [f"{name}{end}" for end in ("_bucket", "_sum", "_count")]
        for series in names if kind == "histogram" else [name]:
            known[series] = {*labels, "job", "instance"}
    return known


@pytest.mark.parametrize(
    "expression", [*expressions_of_dashboards(), *(rule["expr"] for rule in rules())]
)
def test_every_expression_names_series_and_labels_that_exist(expression: str) -> None:
    known = series_and_labels()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    names = set(re.findall(r"\becg[:_][\w:]+", expression))
    assert names <= known.keys() | recorded
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= known[name]


def test_the_label_check_would_find_a_wrong_one() -> None:
    assert "ecg_requests" not in series_and_labels()
    assert "path" not in series_and_labels()["ecg_requests_total"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_every_alert_is_tested_and_gives_the_reason_of_its_threshold(alert: dict[str, Any]) -> None:
    tests = (ROOT / "tests" / "observability" / "alerts.test.yaml").read_text()
    assert alert["alert"] in tests or re.search(r"Ecg\.\*Drift", tests)
    assert set(alert["annotations"]) == {"summary", "threshold"}
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    # What a person reads, has no more than Prometheus fills in.
    used = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    assert used <= {*LABEL_BOUNDS, "instance", "job"}


@needs_promtool
def test_promtool_reads_the_rules() -> None:
    promtool("check", "rules", RULES)


@needs_promtool
def test_every_alert_is_raised_on_one_side_of_its_threshold_only() -> None:
    promtool("test", "rules", "tests/observability/alerts.test.yaml")


@needs_promtool
def test_promtool_reads_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    records = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(expressions_of_dashboards())
    ]
    assert len(records) > 25
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": records}]}))
    promtool("check", "rules", file)


def test_panels_of_a_dashboard_do_not_overlap() -> None:
    for content in dashboards.files().values():
        taken: set[tuple[int, int]] = set()
        panels = json.loads(content)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        for panel in panels:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken
            assert max(x for x, _ in cells) < dashboards.GRID_WIDTH
            taken |= cells
