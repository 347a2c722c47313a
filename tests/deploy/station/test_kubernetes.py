"""The station's Kubernetes manifests as they are written."""

from __future__ import annotations

from typing import Any

import pytest

from station.settings import Settings
from station.web.access import ROUTE_SCOPES
from station.worker.supervisor import STOP_LIMIT_S
from tests.deploy.dockerfile import parse
from tests.deploy.manifests import document, documents
from tests.deploy.station.test_compose import DRAIN_S, ROLES
from tests.house.tree import ROOT

BASE = "station/kubernetes/base"
ALONE = "station/kubernetes/overlays/alone"
NAME = "app.kubernetes.io/name"


def deployment(role: str) -> dict[str, Any]:
    return document(f"{BASE}/{role}.yaml")


def pod(role: str) -> dict[str, Any]:
    return dict(deployment(role)["spec"]["template"]["spec"])


def container(role: str) -> dict[str, Any]:
    (only,) = pod(role)["containers"]
    return dict(only)


def of_kind(path: str, kind: str) -> list[dict[str, Any]]:
    return [found for found in documents(path) if found["kind"] == kind]


@pytest.mark.parametrize("folder", [BASE, ALONE])
def test_every_manifest_is_named_by_its_kustomization(folder: str) -> None:
    values = document(f"{folder}/kustomization.yaml")
    named = {name for name in values["resources"] if name.endswith(".yaml")}
    files = {path.name for path in (ROOT / "deploy" / folder).glob("*.yaml")}
    assert files == named | {"kustomization.yaml"}
    for name in values["resources"]:
        assert (ROOT / "deploy" / folder / name).exists(), name


@pytest.mark.parametrize("role", ROLES)
def test_a_part_has_its_role_and_known_settings(role: str) -> None:
    (generator,) = document(f"{BASE}/kustomization.yaml")["configMapGenerator"]
    pairs = dict(literal.split("=", 1) for literal in generator["literals"])
    variables = {each["name"]: each.get("value") for each in container(role)["env"]}
    assert variables == {"STATION_ROLES": role, "STATION_DATABASE": None}
    given = pairs | {"STATION_ROLES": role}
    settings = {name.removeprefix("STATION_").lower(): value for name, value in given.items()}
    assert settings.keys() <= set(Settings.model_fields)
    assert Settings(**settings).has_role(role)  # type: ignore[arg-type]
    database = container(role)["env"][1]["valueFrom"]["secretKeyRef"]
    assert database == {"name": "ecg-station", "key": "database"}


@pytest.mark.parametrize("role", ROLES)
def test_selectors_name_the_pods(role: str) -> None:
    label = {NAME: f"ecg-station-{role}"}
    assert deployment(role)["spec"]["selector"]["matchLabels"] == label
    assert deployment(role)["spec"]["template"]["metadata"]["labels"] == label
    budgets = [each["spec"] for each in documents(f"{BASE}/disruption-budgets.yaml")]
    assert {"maxUnavailable": 1, "selector": {"matchLabels": label}} in budgets
    assert deployment(role)["spec"]["replicas"] >= 2


def test_services_and_the_policy_select_pods_of_the_station() -> None:
    selectors = {
        found["metadata"]["name"]: found["spec"]["selector"]
        for found in documents(f"{BASE}/services.yaml")
    }
    part = {"app.kubernetes.io/part-of": "ecg-station"}
    assert selectors == {
        "ecg-station-front": {NAME: "ecg-station-front"},
        "ecg-station-web": {NAME: "ecg-station-web"},
        "ecg-station-metrics": part,
    }
    (labels,) = document(f"{BASE}/kustomization.yaml")["labels"]
    assert labels == {"pairs": part, "includeTemplates": True}
    policy = document(f"{BASE}/network-policy.yaml")["spec"]
    assert policy["podSelector"]["matchLabels"] == part
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8100}] and len(rule["from"]) == 3


@pytest.mark.parametrize("role", ROLES)
def test_probes_ask_routes_of_every_role(role: str) -> None:
    spec = container(role)
    paths = {
        kind: spec[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    assert all(ROUTE_SCOPES["GET", path] is None for path in paths.values())
    port = int(parse(ROOT / "deploy/station/Dockerfile")[-1].environment()["STATION_PORT"])
    assert spec["ports"] == [{"name": "http", "containerPort": port}]
    liveness = spec["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60


@pytest.mark.parametrize("role", ROLES)
def test_a_pod_may_do_as_little_as_the_image_needs_and_has_time_to_end(role: str) -> None:
    security = pod(role)["securityContext"]
    (user,) = parse(ROOT / "deploy/station/Dockerfile")[-1].all("USER")
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == user.text
    assert security["runAsNonRoot"] and security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(role)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = container(role)["resources"]
    assert set(resources["limits"]) == {"memory"}
    assert set(resources["requests"]) == {"cpu", "memory"}
    before_s = int(container(role)["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod(role)["terminationGracePeriodSeconds"] >= before_s + DRAIN_S + STOP_LIMIT_S
    (keys,) = [volume for volume in pod(role)["volumes"] if volume["name"] == "keys"]
    assert keys["secret"] == {"secretName": "ecg-station-keys", "defaultMode": 0o440}


def test_postgresql_and_kafka_of_the_overlay_are_pinned_bounded_and_not_root() -> None:
    pods = [
        found["spec"]["template"]["spec"]
        for file in ("postgres", "kafka")
        for kind in ("StatefulSet", "Job")
        for found in of_kind(f"{ALONE}/{file}.yaml", kind)
    ]
    assert len(pods) == 3
    for spec in pods:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        (only,) = spec["containers"]
        assert only["image"].partition(":")[2] not in ("", "latest")
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert only["securityContext"]["allowPrivilegeEscalation"] is False
        assert set(only["resources"]) == {"requests", "limits"}
    for file in ("postgres", "kafka"):
        (stateful,) = of_kind(f"{ALONE}/{file}.yaml", "StatefulSet")
        (only,) = stateful["spec"]["template"]["spec"]["containers"]
        assert {"readinessProbe", "livenessProbe"} <= only.keys()


def test_the_overlay_makes_the_topic_of_the_settings() -> None:
    (generator,) = document(f"{BASE}/kustomization.yaml")["configMapGenerator"]
    (kafka,) = [each for each in generator["literals"] if each.startswith("STATION_KAFKA=")]
    (job,) = of_kind(f"{ALONE}/kafka.yaml", "Job")
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert f"--topic={kafka.rpartition('/')[2]}" in command
    names = {found["metadata"]["name"] for found in of_kind(f"{ALONE}/kafka.yaml", "Service")}
    assert names == {kafka.removeprefix("STATION_KAFKA=kafka://").partition(":")[0]}
