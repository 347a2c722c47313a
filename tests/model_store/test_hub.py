"""`pull` from a hub on localhost: complete, interrupted, altered, missing, offline.

Each pull is a process, as when a user runs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from model_store.bundle import load_bundle
from tests.data import CARRIED
from tests.model_store.fake_hub import COMMIT, LATER_COMMIT, FakeHub, serving_hub

REPO, FILE = "wanglab/ecg-fm", "mimic_iv_ecg_finetuned.pt"
MEGABYTE = 1 << 20
CHUNK = 10 * MEGABYTE  # huggingface_hub writes and resumes in units of this size


@dataclass
class User:
    """A user with a models folder, a cache and a hub."""

    home: Path
    hub: FakeHub
    environment: dict[str, str] = field(default_factory=dict)

    def pull(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("HF_", "ECG_"))
        }
        known = {
            "ECG_MODELS_DIR": str(self.models),
            "HF_HOME": str(self.home / "hf"),
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_DISABLE_XET": "1",
        }
        command = [sys.executable, "-m", "model_store", "pull", "ecg-fm-clinical", *arguments]
        root = Path(__file__).parents[2]
        return subprocess.run(
            command,
            env=inherited | known | environment,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def bundle(self) -> Path:
        return self.models / "ecg-fm-clinical"

    @property
    def weights(self) -> Path:
        return self.bundle / "model.safetensors"

    def cached(self) -> list[Path]:
        return list(self.home.glob(f"hf/hub/*/snapshots/*/{FILE}"))

    def lock(self) -> dict[str, object]:
        locked: dict[str, object] = json.loads((self.models / "lock.json").read_text())[
            "ecg-fm-clinical"
        ]
        return locked


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    hub = FakeHub(
        REPO, {FILE: (CARRIED / "tiny_finetuned_new.pt").read_bytes(), "README.md": b"ECG-FM"}
    )
    with serving_hub(hub):
        yield User(tmp_path, hub)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The tiny checkpoint with 24 MB of optimizer state, large enough to interrupt its download."""
    path = tmp_path_factory.mktemp("large") / FILE
    checkpoint = torch.load(CARRIED / "tiny_finetuned_new.pt", weights_only=True)
    checkpoint["last_optimizer_state"] = {"state": {0: {"exp_avg": torch.zeros(6 * MEGABYTE)}}}
    torch.save(checkpoint, path)
    return path.read_bytes()


def test_a_first_pull_makes_a_bundle_and_locks_its_commit_and_file(user: User) -> None:
    done = user.pull()
    assert done.returncode == 0, done.stderr
    bundle = load_bundle(user.bundle)
    assert (bundle.source.repo, bundle.revision) == (REPO, COMMIT)
    assert user.lock() == {"repo": REPO, "revision": COMMIT, "files": bundle.source.files}
    assert bundle.kind == "classifier" and "not verified" in bundle.licence
    assert FILE in done.stderr  # the progress bar


def test_a_second_pull_needs_no_hub(user: User) -> None:
    user.pull()
    user.hub.requests.clear()
    assert user.pull(HF_HUB_OFFLINE="1").returncode == 0
    assert user.pull().returncode == 0
    assert user.hub.requests == []


def test_a_broken_connection_is_resumed_within_one_pull(user: User, large: bytes) -> None:
    user.hub.files[FILE] = large
    user.hub.break_after = [CHUNK + MEGABYTE]
    assert user.pull().returncode == 0
    assert user.hub.downloads() == [None, f"bytes={CHUNK}-"]
    load_bundle(user.bundle)


def test_the_next_pull_resumes_an_interrupted_one(user: User, large: bytes) -> None:
    user.hub.files[FILE] = large
    user.hub.break_after, user.hub.fail_gets = [2 * CHUNK + MEGABYTE], 500
    failed = user.pull()
    assert failed.returncode == 1
    assert f"was interrupted after {2 * CHUNK} of {len(large)} bytes" in failed.stderr
    assert not user.bundle.exists() and not user.cached()
    user.hub.fail_gets = None
    user.hub.requests.clear()
    assert user.pull().returncode == 0
    assert user.hub.downloads() == [f"bytes={2 * CHUNK}-"]
    load_bundle(user.bundle)


def test_a_file_with_a_wrong_checksum_is_fetched_once_more_and_never_kept(
    user: User,
) -> None:
    user.hub.wrong_content = user.hub.files[FILE][:-1] + b"!"
    done = user.pull()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Checksum differs:") and FILE in done.stderr
    assert len(user.hub.downloads()) == 2
    assert (
        not user.bundle.exists() and not user.cached() and not (user.models / "lock.json").exists()
    )


def test_other_content_at_the_locked_commit_is_refused(user: User) -> None:
    user.pull()
    locked = user.lock()
    user.weights.unlink()
    for cached in user.cached():
        cached.resolve().unlink()
        cached.unlink()
    user.hub.files[FILE] = (CARRIED / "tiny_finetuned_old.pt").read_bytes()
    done = user.pull()
    assert done.returncode == 1 and "expected" in done.stderr
    assert user.lock() == locked and not user.weights.exists()


def test_an_altered_bundle_is_converted_again_from_the_cache(user: User) -> None:
    user.pull()
    good = user.weights.read_bytes()
    user.weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    user.hub.requests.clear()
    done = user.pull()
    assert done.returncode == 0 and "model.safetensors" in done.stderr and "altered" in done.stderr
    assert user.weights.read_bytes() == good and user.hub.requests == []


def test_an_altered_file_in_the_cache_is_fetched_again(user: User) -> None:
    user.pull()
    user.weights.write_bytes(b"half")
    blob = user.cached()[0].resolve()
    good = blob.read_bytes()
    blob.write_bytes(good[:1000])
    user.hub.requests.clear()
    done = user.pull()
    assert done.returncode == 0 and "altered" in done.stderr
    assert len(user.hub.downloads()) == 1 and user.cached()[0].read_bytes() == good
    load_bundle(user.bundle)


def test_a_new_commit_is_only_fetched_with_update(user: User) -> None:
    user.pull()
    before = load_bundle(user.bundle)
    user.hub.files[FILE], user.hub.commit = (
        (CARRIED / "tiny_finetuned_old.pt").read_bytes(),
        LATER_COMMIT,
    )
    assert user.pull().returncode == 0 and load_bundle(user.bundle).revision == COMMIT
    assert user.pull("--update").returncode == 0
    after = load_bundle(user.bundle)
    assert after.revision == LATER_COMMIT == user.lock()["revision"]
    assert after.source.files != before.source.files


def test_a_checkpoint_of_the_other_kind_makes_no_bundle(user: User) -> None:
    user.hub.files[FILE] = (CARRIED / "tiny_pretrained_new.pt").read_bytes()
    done = user.pull()
    assert (
        done.returncode == 1
        and "kind features; classifier is required" in done.stderr
        and not user.bundle.exists()
    )


def test_a_wrong_file_name_fails_with_what_the_repository_holds(user: User) -> None:
    user.hub.files = {"finetuned.pt": b"x", "README.md": b"x"}
    done = user.pull()
    assert done.returncode == 1
    assert f"has no file '{FILE}'; it has README.md, finetuned.pt" in done.stderr.splitlines()[-1]


def test_a_private_repository_needs_the_token(user: User) -> None:
    user.hub.private = True
    refused = user.pull()
    assert refused.returncode == 1 and "HF_TOKEN" in refused.stderr
    assert user.pull(HF_TOKEN="hf_secret").returncode == 0
    assert {authorization for *_, authorization in user.hub.requests[-2:]} == {"Bearer hf_secret"}


def test_a_missing_repository_fails_with_a_message(user: User) -> None:
    user.hub.repo = "somebody/else"
    done = user.pull()
    assert done.returncode == 1 and "no such repository" in done.stderr


def test_a_hub_that_cannot_be_reached_fails_with_a_message(user: User) -> None:
    done = user.pull(HF_ENDPOINT="http://127.0.0.1:9")
    assert (
        done.returncode == 1
        and "http://127.0.0.1:9" in done.stderr
        and "cannot be reached" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_offline_without_a_cached_file_fails_with_a_message(user: User) -> None:
    done = user.pull(HF_HUB_OFFLINE="1")
    assert done.returncode == 1 and "HF_HUB_OFFLINE" in done.stderr and user.hub.requests == []


def test_a_cache_that_another_program_filled_is_used_offline(user: User) -> None:
    user.pull()
    (user.models / "lock.json").unlink()
    user.weights.unlink()
    main = user.cached()[0].parents[2] / "refs" / "main"
    main.parent.mkdir(exist_ok=True)
    main.write_text(COMMIT)
    done = user.pull(HF_HUB_OFFLINE="1")
    assert done.returncode == 0 and "using the cached" in done.stderr
    assert load_bundle(user.bundle).revision == COMMIT
