"""The Kubernetes manifests as they are written. scripts/check-deploy renders and validates them."""

from __future__ import annotations

from typing import Any

import pytest

from server.routes.operator import OPERATOR_ROUTES
from tests.deploy.dockerfile import parse
from tests.deploy.manifests import document, drain_s, unknown_settings
from tests.house.tree import ROOT

BASE = "kubernetes/base"
LABEL = {"app.kubernetes.io/name": "ecg-fm-server"}
KUSTOMIZATIONS = (BASE, "kubernetes/overlays/cuda", "kubernetes/overlays/keda")


def deployment() -> dict[str, Any]:
    return document(f"{BASE}/deployment.yaml")


def pod() -> dict[str, Any]:
    return dict(deployment()["spec"]["template"]["spec"])


def container() -> dict[str, Any]:
    (only,) = pod()["containers"]
    return dict(only)


def image() -> Any:
    return parse(ROOT / "Dockerfile.cuda")[-1]


@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_every_manifest_is_named_by_its_kustomization(folder: str) -> None:
    values = document(f"{folder}/kustomization.yaml")
    named = {name for name in values["resources"] if name.endswith(".yaml")}
    named |= {patch["path"] for patch in values.get("patches", ()) if "path" in patch}
    files = {path.name for path in (ROOT / "deploy" / folder).glob("*.yaml")}
    assert files == named | {"kustomization.yaml"}
    for name in values["resources"]:
        assert (ROOT / "deploy" / folder / name).exists(), name


@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_settings_are_known_to_the_server(folder: str) -> None:
    literals = [
        literal
        for generator in document(f"{folder}/kustomization.yaml").get("configMapGenerator", ())
        for literal in generator["literals"]
    ]
    assert not unknown_settings({literal.partition("=")[0] for literal in literals})


def test_selectors_name_the_pods() -> None:
    assert deployment()["spec"]["template"]["metadata"]["labels"] == LABEL
    assert deployment()["spec"]["selector"]["matchLabels"] == LABEL
    assert document(f"{BASE}/service.yaml")["spec"]["selector"] == LABEL
    budget = document(f"{BASE}/disruption-budget.yaml")["spec"]
    assert budget["selector"]["matchLabels"] == LABEL
    policy = document(f"{BASE}/network-policy.yaml")["spec"]
    assert policy["podSelector"]["matchLabels"] == LABEL


def test_a_rollout_adds_a_ready_pod_before_it_ends_one() -> None:
    strategy = deployment()["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert deployment()["spec"]["replicas"] >= 2


def test_an_ended_pod_has_time_for_all_that_it_accepted() -> None:
    stop = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert stop[0] == "sleep"
    # Endpoints are removed from the proxies within seconds, while the pod still serves.
    assert int(stop[1]) >= 5
    assert pod()["terminationGracePeriodSeconds"] >= int(stop[1]) + drain_s()


def test_probes_ask_routes_that_the_server_has() -> None:
    spec = container()
    probes = {kind: spec[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")}
    paths = {kind: probe["httpGet"]["path"] for kind, probe in probes.items()}
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    assert set(paths.values()) <= set(OPERATOR_ROUTES)
    assert all(probe["httpGet"]["port"] == "http" for probe in probes.values())
    # A busy process is not a dead one.
    liveness = probes["liveness"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60
    assert spec["ports"] == [
        {"name": "http", "containerPort": int(image().environment()["ECG_PORT"])}
    ]


def test_the_pod_may_do_as_little_as_the_image_needs() -> None:
    security = pod()["securityContext"]
    user, group = image().all("USER")[-1].text.split(":")
    assert (security["runAsUser"], security["runAsGroup"]) == (int(user), int(group))
    assert security["runAsNonRoot"] and security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False


def test_what_the_image_writes_to_is_mounted() -> None:
    mounts = {mount["mountPath"]: mount for mount in container()["volumeMounts"]}
    assert set(mounts) == {"/tmp", image().environment()["ECG_MODELS_DIR"], "/keys"}
    assert mounts["/keys"]["readOnly"]
    volumes = {volume["name"] for volume in pod()["volumes"]}
    assert volumes == {mount["name"] for mount in mounts.values()}


def test_access_is_by_keys_of_a_secret() -> None:
    (settings,) = document(f"{BASE}/kustomization.yaml")["configMapGenerator"]
    assert "ECG_KEY_FILE=/keys/keys.json" in settings["literals"]
    (keys,) = [volume for volume in pod()["volumes"] if volume["name"] == "keys"]
    # The server refuses a key file that others than its owner may write.
    assert keys["secret"] == {"secretName": "ecg-fm-keys", "defaultMode": 0o440}


def test_memory_is_bounded_and_processors_are_not() -> None:
    resources = container()["resources"]
    assert set(resources["limits"]) == {"memory"}, "a limit of CPU stops a batch in its middle"
    assert set(resources["requests"]) == {"cpu", "memory"}


def test_without_a_policy_of_yours_nobody_outside_gets_in_and_the_server_not_out() -> None:
    policy = document(f"{BASE}/network-policy.yaml")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"} and policy["egress"] == []
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}] and len(rule["from"]) == 3


def test_an_eviction_takes_one_pod_at_a_time() -> None:
    assert document(f"{BASE}/disruption-budget.yaml")["spec"]["maxUnavailable"] == 1


def test_the_gpu_overlay_asks_for_one_and_for_the_image_with_cuda() -> None:
    patch = document("kubernetes/overlays/cuda/gpu.yaml")["spec"]["template"]["spec"]
    (server,) = patch["containers"]
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
    values = document("kubernetes/overlays/cuda/kustomization.yaml")
    assert values["images"][0]["newTag"].endswith("-cuda")
    assert patch["volumes"] == [
        {
            "name": "models",
            "emptyDir": None,  # otherwise the patch would add a second source to the volume
            "persistentVolumeClaim": {"claimName": "ecg-fm-models"},
        }
    ]


def test_scaling_follows_the_age_of_the_queue_and_removes_one_pod_at_a_time() -> None:
    spec = document("kubernetes/overlays/keda/scaled-object.yaml")["spec"]
    assert spec["scaleTargetRef"]["name"] == deployment()["metadata"]["name"]
    (trigger,) = spec["triggers"]
    assert "ecg_queue_age_seconds" in trigger["metadata"]["query"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    (policy,) = behavior["scaleDown"]["policies"]
    assert policy["value"] == 1
    assert spec["minReplicaCount"] >= deployment()["spec"]["replicas"]
