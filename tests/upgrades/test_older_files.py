"""Bundles, heads and locks of earlier versions are read, and give the answers they gave then.

tests/data_files/older/COMMIT holds what the code of that commit wrote (write_older.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from encoder.config import CompactConfig, EcgFmConfig
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from errors import BadBundle, BadHead
from heads.folder import HEAD_FILE, read_head
from heads.registry import Registry
from model_store.bundle import BUNDLE_FILE, load_bundle
from model_store.lock import LockEntry, read_lock
from tests.upgrades.write_older import OLDER, VERSIONS

ECG_FM, COMPACT, HEADS = OLDER / "0883faa", OLDER / "7479ed5", OLDER / "3bb7396"
FIRST_COMPACT = OLDER / "703eddb"


def segments(leads: int, samples: int) -> np.ndarray:
    """Return the segments of write_older.py."""
    values = np.random.default_rng(0).normal(0, 0.3, (2, leads, samples)).astype(np.float32)
    if leads == 13:
        values[:, 12] = 1.0
    return values


def test_the_files_of_every_listed_version_are_here() -> None:
    assert {folder.name for folder in OLDER.iterdir()} == set(VERSIONS)


@pytest.mark.parametrize(
    ("version", "shape"), [(ECG_FM, (12, 2500)), (COMPACT, (13, 1000))], ids=["ecg-fm", "compact"]
)
def test_an_older_bundle_answers_as_it_did(version: Path, shape: tuple[int, int]) -> None:
    bundle = load_bundle(version / "bundle")
    runner = EncoderRunner(load_encoder_file(bundle.config, bundle.weights_path))
    now = runner.run(segments(*shape))
    with np.load(version / "answers.npz") as then:
        # The order of a sum may change, the answer may not.
        np.testing.assert_allclose(now.pooled, then["embeddings"], atol=1e-5)
        np.testing.assert_allclose(now.logits, then["logits"], atol=1e-5)


def test_fields_that_came_later_have_the_meaning_that_was_the_only_one_before() -> None:
    older = json.loads((ECG_FM / "bundle" / BUNDLE_FILE).read_text())
    assert not {"millivolt", "shortest_seconds"} & older["preprocessing"].keys()
    bundle = load_bundle(ECG_FM / "bundle")
    assert isinstance(bundle.config, EcgFmConfig)
    assert bundle.preprocessing.millivolt is None
    assert bundle.preprocessing.shortest_seconds is None
    config = load_bundle(COMPACT / "bundle").config
    assert isinstance(config, CompactConfig) and config.members == 1


def test_a_compact_bundle_from_before_the_first_release_is_refused_by_its_tensors() -> None:
    """Its tensors have other names, and it must be trained again (docs/upgrading.md)."""
    with pytest.raises(BadBundle, match=r"model.safetensors: blocks.0.around.conv.bias: "):
        load_bundle(FIRST_COMPACT / "bundle")


def test_what_was_pulled_then_is_still_pinned() -> None:
    entry = LockEntry("wanglab/ecg-fm", "0" * 40, {"x.pt": "0" * 64})
    assert read_lock(ECG_FM) == {"ecg-fm-clinical": entry}


def test_older_heads_give_the_probabilities_that_they_gave() -> None:
    registry = Registry(HEADS)
    assert registry.versions("rhythm") == [1, 2, 3]
    with np.load(HEADS / "answers.npz") as then:
        for version, expected in zip((1, 2, 3), then["probabilities"], strict=True):
            head = registry.load("rhythm", version)
            now = head.predict(then["embedding"]).probabilities
            np.testing.assert_allclose([now["A"], now["B"]], expected, rtol=1e-12)
            assert len(head.trained_on) == version


def test_older_aliases_and_audit_are_read_and_continued(tmp_path: Path) -> None:
    shutil.copytree(HEADS / "heads", tmp_path / "heads")
    registry = Registry(tmp_path)
    aliases = registry.aliases("rhythm")
    assert (aliases.champion, aliases.latest) == (2, 3)
    assert [entry["action"] for entry in registry.audit("rhythm")][-3:] == [
        "promote",
        "promote",
        "rollback",
    ]
    assert registry.rollback("rhythm", reason="further back").champion == 1
    assert registry.install(tmp_path / "heads" / "rhythm" / "2") == 4


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_a_version_of_the_format_that_is_not_known_is_refused_with_both_named(
    version: object, tmp_path: Path
) -> None:
    """So a file of a later program is never read half."""
    bundle, head = tmp_path / "bundle", tmp_path / "head"
    for older, folder, name in (
        (COMPACT / "bundle", bundle, BUNDLE_FILE),
        (HEADS / "heads" / "rhythm" / "1", head, HEAD_FILE),
    ):
        shutil.copytree(older, folder)
        values = json.loads((folder / name).read_text()) | {"schema_version": version}
        (folder / name).write_text(json.dumps(values))
    with pytest.raises(BadBundle, match=r"schema_version.*; this program reads 1"):
        load_bundle(bundle)
    with pytest.raises(BadHead, match=r"schema_version.*, this program reads 1"):
        read_head(head)
