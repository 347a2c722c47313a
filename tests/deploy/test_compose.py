"""The compose files. scripts/check-deploy lets `docker compose config` read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dockerfile import parse
from tests.deploy.manifests import document, drain_s, seconds, unknown_settings
from tests.house.tree import ROOT, source
from tests.upgrades.surface import present

FOLDER = ROOT / "deploy" / "compose"
SERVICES = ("server", "prometheus", "grafana")


def services() -> dict[str, Any]:
    return dict(document("compose/compose.yaml")["services"])


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_gain_privileges_or_write_to_its_root(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service and service["restart"] == "unless-stopped"
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version(name: str) -> None:
    tag = services()[name]["image"].partition(":")[2]
    assert tag and tag != "latest"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in services()[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_the_images_are_built_from_the_dockerfiles() -> None:
    build = services()["server"]["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    cuda = document("compose/cuda.yaml")["services"]["server"]["build"]
    for dockerfile in (build["dockerfile"], cuda["dockerfile"]):
        assert (ROOT / dockerfile).is_file()


def test_the_server_has_time_for_all_that_it_accepted() -> None:
    assert seconds(services()["server"]["stop_grace_period"]) >= drain_s()


def test_access_is_by_keys_of_a_volume_that_the_servers_user_owns() -> None:
    server = services()["server"]
    assert not unknown_settings(set(server["environment"]))
    assert server["environment"]["ECG_KEY_FILE"] == "/keys/keys.json"
    assert (
        "keys:/keys" in server["volumes"] and "keys" in document("compose/compose.yaml")["volumes"]
    )
    # A new volume gets the owner of the folder in the image.
    (made,) = [
        step.text for step in parse(ROOT / "Dockerfile.cpu")[-1].all("RUN") if "/keys" in step.text
    ]
    assert "--owner=10001" in made


def test_prometheus_asks_the_server_with_a_key() -> None:
    (job,) = document("compose/prometheus.yaml")["scrape_configs"]
    assert job["authorization"] == {"credentials_file": "/run/secrets/metrics_key"}
    (target,) = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert host in services() and port == "8000"
    assert host in services()["server"]["environment"]["ECG_ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize("name", SERVICES)
def test_mounted_files_exist(name: str) -> None:
    for volume in services()[name].get("volumes", ()):
        origin = volume.split(":")[0]
        if origin.startswith("."):
            assert (FOLDER / origin).exists(), origin


def test_secrets_stay_out_of_git_and_images() -> None:
    for secret in document("compose/compose.yaml")["secrets"].values():
        assert Path(secret["file"]).parent == Path("secrets")
    assert "/deploy/compose/secrets/" in source(".gitignore")
    assert "deploy/compose/secrets" in source(".dockerignore").split()


def test_prometheus_is_reached_by_grafana_only() -> None:
    networks = document("compose/compose.yaml")["networks"]
    assert networks["internal"] == {"internal": True}
    assert services()["prometheus"]["networks"] == ["internal"]
    (source_of_data,) = document("compose/grafana/datasources.yaml")["datasources"]
    assert source_of_data["url"] == "http://prometheus:9090"


def test_dashboards_and_alerts_find_what_compose_provides() -> None:
    (datasource,) = document("compose/grafana/datasources.yaml")["datasources"]
    dashboards = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
    assert dashboards
    for path in dashboards:
        uids = set(re.findall(r'"type": "prometheus",\s*"uid": "(\w+)"', path.read_text()))
        assert uids == {datasource["uid"]}, path.name
    (job,) = document("compose/prometheus.yaml")["scrape_configs"]
    rules = sorted((ROOT / "deploy" / "prometheus").glob("*.yaml"))
    assert rules and f'job="{job["job_name"]}"' in rules[0].read_text()


def test_the_autoscaler_and_the_alerts_ask_for_metrics_of_the_server() -> None:
    (trigger,) = document("kubernetes/overlays/keda/scaled-object.yaml")["spec"]["triggers"]
    (metric,) = re.findall(r"ecg_\w+", trigger["metadata"]["query"])
    assert f"metric {metric}" in present()
