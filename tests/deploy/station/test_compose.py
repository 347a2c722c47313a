"""The station's compose file: parts of one program, with PostgreSQL and Kafka between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from station.settings import Settings
from station.worker.supervisor import STOP_LIMIT_S
from tests.deploy.manifests import document, seconds
from tests.house.tree import ROOT, source

FOLDER = ROOT / "deploy" / "station" / "compose"
ROLES = ("front", "watch", "web")
OTHERS = ("postgres", "kafka", "topic", "prometheus")
# uvicorn's drain, in station/__main__.py.
DRAIN_S = 30


def compose() -> dict[str, Any]:
    return document("station/compose/compose.yaml")


def service(name: str) -> dict[str, Any]:
    return dict(compose()["services"][name])


def test_the_services_are_these() -> None:
    assert set(compose()["services"]) == {*ROLES, *OTHERS}


@pytest.mark.parametrize("name", [*ROLES, *OTHERS])
def test_no_service_can_gain_privileges_and_each_is_pinned_and_bounded(name: str) -> None:
    found = service(name)
    assert found["cap_drop"] == ["ALL"] and found["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in found and "privileged" not in found
    tag = found["image"].partition(":")[2]
    assert tag and tag != "latest"
    assert found["restart"] in ("unless-stopped", "on-failure")
    for port in found.get("ports", ()):
        assert port.startswith("127.0.0.1:")
    for volume in found.get("volumes", ()):
        origin = volume.split(":")[0]
        assert not origin.startswith(".") or (FOLDER / origin).exists(), origin


@pytest.mark.parametrize("role", ROLES)
def test_a_part_has_its_role_and_known_settings(role: str) -> None:
    found = service(role)
    assert found["read_only"] is True
    settings = {
        name.removeprefix("STATION_").lower(): value for name, value in found["environment"].items()
    }
    assert settings.keys() <= set(Settings.model_fields)
    assert Settings(**settings).roles == role
    assert (FOLDER / found["build"]["context"]).resolve() == ROOT
    assert (ROOT / found["build"]["dockerfile"]).is_file()
    assert seconds(found["stop_grace_period"]) >= DRAIN_S + STOP_LIMIT_S


def test_the_topic_is_that_of_the_settings_and_is_made_before_the_parts_start() -> None:
    kafka = service("front")["environment"]["STATION_KAFKA"]
    assert f"--topic={kafka.rpartition('/')[2]}" in service("topic")["command"]
    host = kafka.removeprefix("kafka://").partition(":")[0]
    assert host in compose()["services"]
    assert f"--bootstrap-server={host}:9092" in service("topic")["command"]
    for role in ROLES:
        waits = service(role)["depends_on"]
        assert waits["topic"] == {"condition": "service_completed_successfully"}
        assert waits["postgres"] == {"condition": "service_healthy"}


def test_the_database_and_kafka_are_reached_from_inside_only() -> None:
    assert compose()["networks"]["internal"] == {"internal": True}
    for name in ("postgres", "kafka", "topic", "prometheus"):
        assert service(name)["networks"] == ["internal"]


def test_secrets_stay_out_of_git_and_images() -> None:
    for secret in compose()["secrets"].values():
        assert Path(secret["file"]).parent == Path("secrets")
    assert service("front")["env_file"] == [{"path": "secrets/station.env", "required": False}]
    assert "/deploy/station/compose/secrets/" in source(".gitignore")
    assert "deploy/station/compose/secrets" in source(".dockerignore").split()


def test_prometheus_asks_every_part_with_a_key_and_knows_the_alerts() -> None:
    configuration = document("station/compose/prometheus.yaml")
    (job,) = configuration["scrape_configs"]
    assert job["job_name"] == "station"
    assert job["authorization"] == {"credentials_file": "/run/secrets/metrics_key"}
    (found,) = job["dns_sd_configs"]
    assert found["names"] == list(ROLES) and found["port"] == 8100
    (rules,) = configuration["rule_files"]
    assert (ROOT / "deploy" / "prometheus" / Path(rules).name).is_file()
