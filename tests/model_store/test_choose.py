"""What a server loads: as asked, from what is there, with a reason; never a download by surprise."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import BadBundle, HubError, ModelStoreError
from model_store import choose
from model_store.bundle import Bundle, load_bundle
from model_store.choose import Choice, choose_models
from model_store.convert import convert
from model_store.manifest import Entry
from tests.data import CARRIED

BESIDE = ("superclass", choose.EMBEDDED)
FINETUNED, PRETRAINED = CARRIED / "tiny_finetuned_new.pt", CARRIED / "tiny_pretrained_old.pt"


class Hub:
    """Stands for `pull`: what it was asked for, and whether it can deliver."""

    def __init__(self, reachable: bool) -> None:
        self.reachable, self.asked = reachable, list[str]()

    def pull(self, entry: Entry, models_dir: Path) -> Bundle:
        folder = models_dir / entry.name
        if folder.exists():
            return load_bundle(folder)
        self.asked.append(entry.name)
        if not self.reachable:
            raise HubError("cannot be reached")
        return convert(FINETUNED if entry.role == "clinical" else PRETRAINED, folder).bundle


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(reachable=True)
    monkeypatch.setattr(choose, "pull", hub.pull)
    return hub


def chosen(
    models_dir: Path,
    requested: str = "auto",
    *,
    clinical: Path | None = None,
    features: Path | None = None,
    cuda: bool = False,
) -> Choice:
    return choose_models(
        requested,
        clinical_checkpoint=clinical,
        features_checkpoint=features,
        models_dir=models_dir,
        cuda=cuda,
    )


def test_auto_downloads_nothing_without_a_gpu_and_says_how_else(tmp_path: Path, hub: Hub) -> None:
    choice = chosen(tmp_path)
    assert (choice.chosen, choice.bundles, hub.asked) == (
        "embedded",
        (("clinical", choose.EMBEDDED),),
        [],
    )
    assert "auto chose the embedded model" in choice.reason
    assert (
        "without a GPU nothing is downloaded" in choice.reason
        and "python -m model_store pull" in choice.reason
    )


def test_auto_pulls_where_a_gpu_is(tmp_path: Path, hub: Hub) -> None:
    choice = chosen(tmp_path, cuda=True)
    assert choice.chosen == "ecg-fm" and "GPU" in choice.reason
    assert choice.bundles == (
        ("clinical", tmp_path / "ecg-fm-clinical"),
        ("features", tmp_path / "ecg-fm-features"),
        BESIDE,
    )


def test_auto_with_a_gpu_and_no_hub_takes_the_embedded_model(tmp_path: Path, hub: Hub) -> None:
    hub.reachable = False
    choice = chosen(tmp_path, cuda=True)
    assert choice.chosen == "embedded" and "cannot be had" in choice.reason


def test_auto_takes_what_is_there(tmp_path: Path, hub: Hub) -> None:
    convert(FINETUNED, tmp_path / "ecg-fm-clinical")
    choice = chosen(tmp_path)
    assert (
        choice.bundles == (("clinical", tmp_path / "ecg-fm-clinical"), BESIDE) and hub.asked == []
    )
    assert "without ecg-fm-features" in choice.reason


def test_the_embedded_model_by_name(tmp_path: Path, hub: Hub) -> None:
    choice = chosen(tmp_path / "models", "embedded", cuda=True)
    assert (choice.chosen, choice.bundles, hub.asked) == (
        "embedded",
        (("clinical", choose.EMBEDDED),),
        [],
    )
    assert "ECG_MODEL=embedded asks for it" in choice.reason


def test_a_damaged_embedded_model_is_no_silent_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "EMBEDDED", tmp_path / "lost")
    with pytest.raises(BadBundle, match="lost"):
        chosen(tmp_path)


def test_a_bundle_with_superclasses_of_its_own_needs_none_beside_it(tmp_path: Path) -> None:
    assert chosen(tmp_path, str(choose.EMBEDDED)).bundles == (("clinical", choose.EMBEDDED),)


def test_asked_for_by_name_it_must_be_had(tmp_path: Path, hub: Hub) -> None:
    assert [role for role, _ in chosen(tmp_path, "ecg-fm").bundles] == [
        "clinical",
        "features",
        "superclass",
    ]
    hub.reachable = False
    with pytest.raises(HubError):
        chosen(tmp_path / "empty", "ecg-fm")


def test_none_is_an_answer(tmp_path: Path, hub: Hub) -> None:
    choice = chosen(tmp_path, "none", cuda=True)
    assert (choice.requested, choice.chosen, choice.bundles) == ("none", "none", ())


def test_the_folder_of_a_bundle(tmp_path: Path) -> None:
    folder = convert(FINETUNED, tmp_path / "mine").bundle.folder
    choice = chosen(tmp_path, str(folder))
    assert choice.chosen == "mine" and choice.bundles == (("clinical", folder), BESIDE)
    with pytest.raises(ModelStoreError, match="neither auto"):
        chosen(tmp_path, "ecgfm")
    with pytest.raises(BadBundle):
        chosen(tmp_path, str(tmp_path))


def test_checkpoints_are_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = chosen(tmp_path, clinical=FINETUNED, features=PRETRAINED)
    (clinical, clinical_folder), (features, features_folder), beside = first.bundles
    assert (clinical, features, beside) == ("clinical", "features", BESIDE)
    assert clinical_folder.parent == tmp_path / "imported" and clinical_folder.name.startswith(
        "tiny_finetuned_new-"
    )
    assert "ECG_CLINICAL_CHECKPOINT and ECG_FEATURES_CHECKPOINT" in first.reason
    assert load_bundle(features_folder).kind == "features"
    monkeypatch.setattr(choose, "convert", lambda *_, **__: pytest.fail("converted again"))
    assert chosen(tmp_path, clinical=FINETUNED, features=PRETRAINED) == first


def test_a_damaged_conversion_is_made_anew(tmp_path: Path) -> None:
    (_, folder), _ = chosen(tmp_path, clinical=FINETUNED).bundles
    (folder / "model.safetensors").write_bytes(b"half")
    assert chosen(tmp_path, clinical=FINETUNED).bundles == (("clinical", folder), BESIDE)
    load_bundle(folder)


def test_converted_weights_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = convert(FINETUNED, tmp_path / "mine").bundle.folder
    for given in (folder, folder / "model.safetensors"):
        assert chosen(tmp_path, clinical=given).bundles == (("clinical", folder), BESIDE)
    with pytest.raises(BadBundle, match=r"without the bundle\.json"):
        (tmp_path / "loose.safetensors").write_bytes(b"")
        chosen(tmp_path, clinical=tmp_path / "loose.safetensors")


def test_what_cannot_be_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="no such file"):
        chosen(tmp_path, features=tmp_path / "nothing.pt")
    with pytest.raises(ModelStoreError, match="no classifier; pass it as ECG_FEATURES_CHECKPOINT"):
        chosen(tmp_path, clinical=PRETRAINED)
    with pytest.raises(ModelStoreError, match="contradict"):
        chosen(tmp_path, "none", clinical=FINETUNED)


def test_a_fine_tuned_checkpoint_may_give_the_embeddings(tmp_path: Path) -> None:
    assert [role for role, _ in chosen(tmp_path, features=FINETUNED).bundles] == [
        "features",
        "superclass",
    ]
