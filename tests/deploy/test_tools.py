"""The tools themselves accept deploy/; what they render is what is meant. Downloads them once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.tree import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module", autouse=True)
def tools() -> Path:
    """The folder of the tools, after scripts/check-deploy has installed and run them."""
    checked = subprocess.run(
        ["bash", "scripts/check-deploy"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return ROOT / ".venv-deploy" / "bin"


def rendered(tools: Path, folder: str) -> dict[str, dict[str, Any]]:
    """Return kind -> manifest."""
    text = subprocess.check_output(
        [tools / "kubectl", "kustomize", f"deploy/kubernetes/{folder}"], cwd=ROOT, text=True
    )
    return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(text)}


def test_a_wrong_manifest_is_refused(tools: Path, tmp_path: Path) -> None:
    manifest = rendered(tools, "base")["Deployment"]
    manifest["spec"]["template"]["spec"]["containers"][0]["readinessprobe"] = {}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    refused = subprocess.run(
        [tools / "kubernetes-validate", "--strict", tmp_path / "wrong.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0 and "readinessprobe" in refused.stdout + refused.stderr


@pytest.mark.parametrize("folder", ["base", "overlays/cuda", "overlays/keda"])
def test_clients_need_one_label_only_and_pods_are_selected(tools: Path, folder: str) -> None:
    """Kustomize can add labels to selectors, where they become conditions."""
    manifests = rendered(tools, folder)
    peers = manifests["NetworkPolicy"]["spec"]["ingress"][0]["from"]
    assert peers[0] == {"podSelector": {"matchLabels": {"ecg-fm-client": "true"}}}
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        manifests["Service"]["spec"]["selector"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels


def test_the_gpu_overlay_keeps_weights_in_the_shared_volume(tools: Path) -> None:
    manifests = rendered(tools, "overlays/cuda")
    spec = manifests["Deployment"]["spec"]["template"]["spec"]
    volumes = {volume.pop("name"): volume for volume in spec["volumes"]}
    assert volumes["models"] == {"persistentVolumeClaim": {"claimName": "ecg-fm-models"}}
    assert spec["containers"][0]["image"].endswith("-cuda")
    assert manifests["ConfigMap"]["data"]["ECG_KEY_FILE"] == "/keys/keys.json"


def test_the_autoscaler_alone_sets_the_replicas(tools: Path) -> None:
    assert "replicas" not in rendered(tools, "overlays/keda")["Deployment"]["spec"]


def test_the_bill_of_materials_names_every_package(tools: Path) -> None:
    subprocess.run(["bash", "scripts/sbom"], cwd=ROOT, check=True, capture_output=True)
    for image, torch in (("cpu", "2.13.0+cpu"), ("cuda", "2.13.0")):
        bill = json.loads((ROOT / "build" / f"sbom-{image}.json").read_text(encoding="utf-8"))
        versions = {part["name"]: part["version"] for part in bill["components"]}
        assert versions["torch"] == torch and versions["litserve"]
        assert ("nvidia-cublas" in versions) == (image == "cuda")
