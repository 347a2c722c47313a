"""Each Dockerfile's steps, from a clean checkout, end in a server that answers."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

from server.openapi.examples import REQUESTS
from tests.deploy import replay as replays
from tests.deploy.replay import Replay, clean_context
from tests.house.tree import ROOT
from tests.server.harness import free_port

DOCKERFILES = ("Dockerfile.cpu", "deploy/huggingface-space/Dockerfile", "Dockerfile.cuda")
READY_TIMEOUT_S = 300
STOP_TIMEOUT_S = 120

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(replays.missing() is not None, reason=str(replays.missing())),
]


@pytest.fixture(scope="module", params=DOCKERFILES)
def image(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replay]:
    """A finished image with a read-only root."""
    folder = tmp_path_factory.mktemp("replay")
    context = clean_context(folder / "context")
    # PyTorch's CPU build comes from pip's own configuration where its index is out of reach.
    empty_index = folder / "index" / "torch"
    empty_index.mkdir(parents=True)
    arguments = {"TORCH_INDEX": empty_index.parent.as_uri()} if _has_local_torch() else {}
    with Replay(ROOT / request.param, folder, context, arguments) as replay:
        replay.build()
        replay.make_read_only(["/tmp", replay.final.environment()["ECG_MODELS_DIR"]])
        yield replay


def _has_local_torch() -> bool:
    found = subprocess.run(
        ["python3", "-m", "pip", "config", "debug"], capture_output=True, text=True, check=False
    )
    return "find-links" in found.stdout


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not ready; exit status {process.poll()}")


def run(image: Replay, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        image.command_line(command, environment),
        capture_output=True,
        text=True,
        timeout=READY_TIMEOUT_S,
        check=False,
    )


def test_the_user_can_write_to_two_folders_only(image: Replay) -> None:
    models = image.final.environment()["ECG_MODELS_DIR"]
    code = (
        "import os, pathlib, sys\n"
        "def writable(folder):\n"
        "    try: (pathlib.Path(folder) / 'probe').touch()\n"
        "    except OSError: return False\n"
        "    return True\n"
        f"places = ['/', '/app', '/app/server', '/etc', '/usr/local', '/tmp', {models!r}]\n"
        "print(os.getuid() != 0, *filter(writable, places))"
    )
    assert run(image, ["python", "-c", code]).stdout.split() == ["True", "/tmp", models]


def test_nothing_can_install_packages(image: Replay) -> None:
    assert run(image, ["python", "-m", "pip", "--version"]).returncode != 0


def test_the_packages_fit_each_other(image: Replay) -> None:
    """What `pip check` says, without pip: each requirement of each package is fulfilled."""
    code = (
        "import importlib.metadata as m\n"
        "from packaging.requirements import Requirement\n"
        "for d in m.distributions():\n"
        "    for r in map(Requirement, d.requires or ()):\n"
        "        if r.marker and not r.marker.evaluate({'extra': ''}): continue\n"
        "        try: found = m.version(r.name)\n"
        "        except m.PackageNotFoundError: print(d.name, 'lacks', r); continue\n"
        "        if not r.specifier.contains(found, prereleases=True): print(d.name, r, found)"
    )
    done = run(image, ["python", "-c", code])
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_it_answers_and_ends_when_it_is_told(image: Replay) -> None:
    """As its user, with a read-only root, without capabilities; SIGTERM ends it with 0."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"ECG_PORT": str(port), "ECG_MODEL": "embedded", "ECG_ALLOW_ANONYMOUS": "true"}
    command = image.final.all("CMD")[-1].words
    health = json.loads(image.final.all("HEALTHCHECK")[-1].text.removeprefix("CMD "))
    assert run(image, health, ECG_PORT=str(port)).returncode == 1
    process = subprocess.Popen(image.command_line(command, settings), text=True)
    try:
        wait_until_ready(url, process)
        assert run(image, health, ECG_PORT=str(port)).returncode == 0
        answer = httpx.post(f"{url}/analyze", json=REQUESTS["record"]["value"], timeout=60)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"]["encoder"]["name"] == "embedded"
        assert httpx.get(f"{url}/docs/models/embedded").status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_TIMEOUT_S)
    assert status == 0
