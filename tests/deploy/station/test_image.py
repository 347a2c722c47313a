"""The station's image holds what its processes import, and may do as little as they need."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys

from station.settings import Settings
from tests.deploy.dockerfile import Stage, parse
from tests.house.tree import MODULES, ROOMS, ROOT, python_files, source

DOCKERFILE = "deploy/station/Dockerfile"
FILES = {"LICENSE", "NOTICE", "client", "web/dist", "deploy/station/healthcheck.py"}
# The processes' modules, with those that they import when a setting asks for them.
IMPORTS = (
    *("station.__main__", "station.worker.process", "station.worker.group"),
    *("station.ingest.kafka.producer", "station.ingest.mqtt.bridge", "station.labels.labeller"),
    *("station.outbox.webhook", "station.outbox.email", "station.outbox.mllp"),
    *("station.archive.command", "station.replay.command"),
)


def stages() -> list[Stage]:
    return parse(ROOT / DOCKERFILE)


def reached_rooms() -> set[str]:
    """Return the rooms and modules that the station imports, also by way of others."""
    imported: dict[str, set[str]] = {}
    for path, tree in python_files().items():
        names = imported.setdefault(path.split("/")[0].removesuffix(".py"), set())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
    reached: set[str] = set()
    waiting = {"station"}
    while waiting:
        room = waiting.pop()
        reached.add(room)
        waiting |= (imported[room] & {*ROOMS, *MODULES}) - reached
    return reached


def test_the_image_holds_what_the_station_imports_and_nothing_else() -> None:
    reached = reached_rooms()
    wanted = {f"{name}.py" if name in MODULES else name for name in reached}
    assert set(stages()[-1].copied_from_context()) == wanted | FILES


def test_the_station_needs_no_torch() -> None:
    """It is in no lock of the image: whatever imports it would fail there."""
    block = "import sys; sys.modules['torch'] = None; "
    subprocess.run(
        [sys.executable, "-c", block + "; ".join(f"import {name}" for name in IMPORTS)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT}/client", "PATH": "/usr/bin:/bin"},
        check=True,
        timeout=120,
    )


def test_packages_are_installed_with_their_hashes_on_one_pinned_python() -> None:
    builder, final = stages()
    assert builder.image == final.image
    assert re.fullmatch(r"python:3\.11-slim-\w+", final.image)
    (install,) = builder.all("RUN")
    for flag in ("--require-hashes", "--only-binary :all:", "--no-deps"):
        assert flag in install.text
    assert not [step for step in final.all("RUN") if "pip install" in step.text]


def test_it_runs_as_a_user_without_name_or_privilege() -> None:
    final = stages()[-1]
    (user,) = final.all("USER")
    assert user.text == "10001:10001"
    assert [step.words for step in final.all("CMD")] == [["python", "-m", "station"]]
    assert final.all("CMD")[0].is_exec_form and not final.all("ENTRYPOINT")


def test_the_settings_are_known_and_the_port_is_exposed() -> None:
    final = stages()[-1]
    environment = final.environment()
    own = {name for name in environment if name.startswith("STATION_")}
    assert own <= {f"STATION_{name.upper()}" for name in Settings.model_fields}
    assert [step.text for step in final.all("EXPOSE")] == [environment["STATION_PORT"]]
    assert environment["STATION_HOST"] == "0.0.0.0" and environment["HOME"] == "/tmp"


def test_it_reports_its_health() -> None:
    (check,) = stages()[-1].all("HEALTHCHECK")
    assert json.loads(check.text.removeprefix("CMD ")) == [
        "python",
        "deploy/station/healthcheck.py",
    ]
    timeout_s = int(check.flags["timeout"].removesuffix("s"))
    limit_s = re.search(
        r"^TIMEOUT_S = (\d+)", source("deploy/station/healthcheck.py"), re.MULTILINE
    )
    assert limit_s and int(limit_s[1]) < timeout_s
    nobody = {"STATION_PORT": "1", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "deploy/station/healthcheck.py"]
    assert subprocess.run(command, cwd=ROOT, env=nobody, check=False).returncode == 1
