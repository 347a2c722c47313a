"""The rules that the Dockerfiles keep. scripts/check-deploy asks hadolint about the rest."""

from __future__ import annotations

import ast
import json
import re

import pytest

from server.settings import Settings
from tests.deploy.dockerfile import Stage, parse
from tests.house.tree import MODULES, ROOMS, ROOT, python_files, source

DOCKERFILES = ("Dockerfile.cuda", "Dockerfile.cpu", "deploy/huggingface-space/Dockerfile")
# Rooms that no process of the server imports.
NOT_IN_IMAGES = {"station", "training", "bulk"}
# What else the server reads, or the licence asks for.
FILES = {"LICENSE", "NOTICE", "docs", "web/dist", "deploy/healthcheck.py"}
# Never in an image: they may hold secrets or patients' data, or come from another machine.
EXCLUDED = (".git", ".venv", "models", "tests", "deploy/compose/secrets")

pytestmark = pytest.mark.parametrize("name", DOCKERFILES)


def stages(name: str) -> list[Stage]:
    return parse(ROOT / name)


def test_every_stage_starts_from_the_same_pinned_python(name: str) -> None:
    images = {stage.image for stage in stages(name)}
    assert len(images) == 1 and len(stages(name)) == 3
    image = images.pop()
    version = re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", image)
    assert version, f"{image}: a version and a Debian release are needed"
    assert f"Python {version[1]}." in source("requirements.lock").splitlines()[0] + "."


def test_packages_are_installed_with_their_hashes_in_stages_of_their_own(name: str) -> None:
    *builders, final = stages(name)
    installs = [step.text for stage in builders for step in stage.all("RUN")]
    assert len(installs) == 2
    for text in installs:
        assert "--only-binary :all:" in text and "--no-deps" in text
    locked = [text for text in installs if "--require-hashes" in text]
    assert len(locked) == (2 if name == "Dockerfile.cuda" else 1)
    assert not [step for step in final.all("RUN") if "pip install" in step.text]


def test_layers_are_ordered_by_how_rarely_they_change(name: str) -> None:
    """System, PyTorch, other packages, code: a changed line of code rebuilds one layer."""
    copies = [step for step in stages(name)[-1].instructions if step.name in ("COPY", "RUN")]
    order = []
    for step in copies:
        if step.name == "RUN":
            order.append("compile" if "compileall" in step.text else "system")
        else:
            order.append(step.flags.get("from", "code"))
    assert list(dict.fromkeys(order)) == ["system", "torch", "packages", "code", "compile"]


def test_the_image_holds_what_the_server_imports_and_nothing_else(name: str) -> None:
    copied = set(stages(name)[-1].copied_from_context())
    modules = {f"{module}.py" for module in MODULES}
    assert copied == {*ROOMS, *modules, *FILES} - NOT_IN_IMAGES


def test_copied_rooms_import_no_room_that_is_not_copied(name: str) -> None:
    copied = {room for room in ROOMS if room in stages(name)[-1].copied_from_context()}
    for path, tree in python_files().items():
        if path.split("/")[0] not in copied:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in NOT_IN_IMAGES, path


def test_folders_are_copied_to_their_own_name(name: str) -> None:
    for step in stages(name)[-1].all("COPY"):
        *sources, target = step.words
        if "from" not in step.flags and len(sources) == 1 and (ROOT / sources[0]).is_dir():
            assert target == sources[0]


def test_the_server_runs_as_a_user_without_name_or_privilege(name: str) -> None:
    final = stages(name)[-1]
    last = max(i for i, step in enumerate(final.instructions) if step.name == "USER")
    user, group = final.instructions[last].text.split(":")
    assert int(user) >= 1000 and int(group) >= 1000
    assert not {step.name for step in final.instructions[last:]} & {"RUN", "COPY", "ADD"}
    text = source(name)
    assert "sudo" not in text and "chmod 777" not in text
    assert "--chown" not in text, "code that the server's user owns could be changed by it"


def test_secrets_are_in_no_layer(name: str) -> None:
    for stage in stages(name):
        names = [step.text.partition("=")[0] for step in stage.all("ARG")]
        names += stage.environment()
        secret = re.compile("(TOKEN|SECRET|PASSWORD|KEY)(?!_FILE)")
        assert not [word for word in names if secret.search(word)]


def test_it_starts_and_stops_without_a_shell(name: str) -> None:
    final = stages(name)[-1]
    assert [step.words for step in final.all("CMD")] == [["python", "-m", "server"]]
    assert final.all("CMD")[0].is_exec_form and not final.all("ENTRYPOINT")
    assert [step.text for step in final.all("STOPSIGNAL")] == ["SIGTERM"]


def test_it_reports_its_health(name: str) -> None:
    final = stages(name)[-1]
    (check,) = final.all("HEALTHCHECK")
    command = json.loads(check.text.removeprefix("CMD "))
    assert command == ["python", "deploy/healthcheck.py"]
    timeout_s = int(check.flags["timeout"].removesuffix("s"))
    limit_s = re.search(r"^TIMEOUT_S = (\d+)", source("deploy/healthcheck.py"), re.MULTILINE)
    assert limit_s and int(limit_s[1]) < timeout_s < int(check.flags["interval"].removesuffix("s"))


def test_the_settings_are_known_and_the_port_is_exposed(name: str) -> None:
    final = stages(name)[-1]
    environment = final.environment()
    own = {key.removeprefix("ECG_").lower() for key in environment if key.startswith("ECG_")}
    assert own <= set(Settings.model_fields)
    assert [step.text for step in final.all("EXPOSE")] == [environment["ECG_PORT"]]
    assert environment["ECG_HOST"] == "0.0.0.0"


def test_what_is_written_lies_outside_the_root(name: str) -> None:
    environment = stages(name)[-1].environment()
    models = environment["ECG_MODELS_DIR"]
    assert environment["HF_HOME"].startswith(models + "/")
    assert environment["HOME"] == "/tmp" and environment["MPLCONFIGDIR"].startswith("/tmp/")
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_lists_of_packages_are_removed_in_the_layer_that_fetched_them(name: str) -> None:
    for step in stages(name)[-1].all("RUN"):
        if "apt-get update" in step.text:
            assert "--no-install-recommends" in step.text
            assert step.text.endswith("rm -rf /var/lib/apt/lists/*")


def test_the_context_leaves_out_what_no_image_needs(name: str) -> None:
    ignored = set(source(".dockerignore").split())
    assert ignored.issuperset(EXCLUDED)


def test_only_the_compiler_separates_the_two_images(name: str) -> None:
    """Dockerfile.cpu is Dockerfile.cuda without the compiler and with another PyTorch."""
    if name == "Dockerfile.cuda":
        pytest.skip("it is what the others are compared with")
    ours, other = (
        [step for step in stages(file)[-1].instructions if "apt-get" not in step.text]
        for file in (name, "Dockerfile.cuda")
    )
    names = [[step.name for step in steps if step.name != "VOLUME"] for steps in (ours, other)]
    assert names[0] == names[1]
    texts = [{step.text for step in steps if step.name == "COPY"} for steps in (ours, other)]
    assert texts[0] == texts[1]
