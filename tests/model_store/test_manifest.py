"""The bundles that can be pulled, the models folder, and the lock file."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from errors import ModelStoreError
from model_store.labels import ecg_fm_labels
from model_store.lock import LOCK_FILE, LockEntry, read_lock, write_lock_entry
from model_store.manifest import default_models_dir, manifest_entries, manifest_entry

LOCKED = LockEntry("wanglab/ecg-fm", "0" * 40, {"a.pt": "1" * 64})


def test_the_manifest_names_ecg_fms_two_files_and_invents_no_checksum() -> None:
    assert [(entry.name, entry.role, entry.repo, entry.file) for entry in manifest_entries()] == [
        ("ecg-fm-clinical", "clinical", "wanglab/ecg-fm", "mimic_iv_ecg_finetuned.pt"),
        ("ecg-fm-features", "features", "wanglab/ecg-fm", "mimic_iv_ecg_physionet_pretrained.pt"),
    ]
    for entry in manifest_entries():
        assert (Path(__file__).parents[2] / entry.card).is_file()
        assert "not verified" in entry.licence
        assert not hasattr(entry, "sha256")


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    assert manifest_entry("ecg-fm-features").role == "features"
    with pytest.raises(ModelStoreError) as refused:
        manifest_entry("ecg-fm")
    assert refused.value.detail == (
        "'ecg-fm' is not a bundle that can be pulled; ecg-fm-clinical, ecg-fm-features are"
    )


def test_the_models_folder_follows_the_environment() -> None:
    assert default_models_dir({"ECG_MODELS_DIR": "/srv/models", "XDG_CACHE_HOME": "/x"}) == Path(
        "/srv/models"
    )
    assert default_models_dir({"XDG_CACHE_HOME": "/x"}) == Path("/x/ecg-fm-server")
    usual = Path.home() / ".cache" / "ecg-fm-server"
    assert (
        default_models_dir({})
        == default_models_dir({"XDG_CACHE_HOME": "relative"})
        == default_models_dir({"ECG_MODELS_DIR": ""})
        == usual
    )


def test_a_lock_lasts_and_keeps_the_other_entries(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}
    threads = [
        threading.Thread(target=write_lock_entry, args=(tmp_path, f"bundle-{n}", LOCKED))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_lock(tmp_path) == {f"bundle-{n}": LOCKED for n in range(8)}


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1}', '{"a": {"repo": "r", "revision": "v", "files": {"f": "short"}}}']
)
def test_a_damaged_lock_is_never_taken_for_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK_FILE).write_text(text)
    reason = f"{tmp_path / LOCK_FILE} is damaged: repair it, or remove it to accept the hub's"
    for call in (lambda: read_lock(tmp_path), lambda: write_lock_entry(tmp_path, "a", LOCKED)):
        with pytest.raises(ModelStoreError, match=re.escape(reason)):
            call()
    assert (tmp_path / LOCK_FILE).read_text() == text


def test_an_entry_is_replaced_and_names_are_sorted(tmp_path: Path) -> None:
    later = LockEntry("wanglab/ecg-fm", "2" * 40, {"a.pt": "3" * 64})
    for name, entry in (("b", LOCKED), ("a", LOCKED), ("b", later)):
        write_lock_entry(tmp_path / "models", name, entry)
    assert read_lock(tmp_path / "models") == {"a": LOCKED, "b": later}
    text = (tmp_path / "models" / LOCK_FILE).read_text()
    assert text.startswith('{\n  "a": {\n    "repo": "wanglab/ecg-fm",\n') and text.endswith("}\n")


def test_the_card_has_the_labels_as_they_are_served() -> None:
    card = (Path(__file__).parents[2] / manifest_entries()[0].card).read_text(encoding="utf-8")
    for number, label in enumerate(ecg_fm_labels()):
        figures = f"{label.pos_weight:.6f} | {label.threshold:.4f}"
        row = f"| {number} | {label.name} | {label.joining} | {figures} | {label.description} |"
        assert row in card
