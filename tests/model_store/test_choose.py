"""A server loads what the settings name, from what is installed; it never downloads by surprise."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.deployment import deployment_of
from errors import BadBundle, HubError, ModelStoreError
from model_store import choose
from model_store.bundle import Bundle, load_bundle
from model_store.choose import EMBEDDED_FOLDER, Choice, choose_models
from model_store.convert import convert
from model_store.manifest import ManifestEntry, Role
from tests.data import CARRIED

FINETUNED, PRETRAINED = CARRIED / "tiny_finetuned_new.pt", CARRIED / "tiny_pretrained_old.pt"
SUPERCLASS_BUNDLE = ("superclass", EMBEDDED_FOLDER)
HOW_TO_CHANGE = (
    "`python -m model_store pull` downloads ECG-FM (2.2 GB), ECG_CLINICAL_CHECKPOINT and "
    "ECG_FEATURES_CHECKPOINT select your own checkpoints, ECG_MODEL selects auto, ecg-fm, "
    "embedded, none or the folder of a bundle"
)


class Hub:
    """Replaces `pull`: records what is downloaded, from tiny checkpoints."""

    def __init__(self) -> None:
        self.reachable = True
        self.downloads: list[str] = []

    def pull(self, entry: ManifestEntry, models_dir: Path) -> Bundle:
        folder = models_dir / entry.name
        if folder.exists():
            return load_bundle(folder)
        self.downloads.append(entry.name)
        if not self.reachable:
            raise HubError("cannot be reached")
        return convert(FINETUNED if entry.role == "clinical" else PRETRAINED, folder).bundle


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(choose, "pull", hub.pull)
    return hub


def choice_of(
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


def folders(choice: Choice) -> tuple[tuple[Role, Path], ...]:
    return tuple((role, bundle.folder) for role, bundle in choice.bundles)


def test_auto_downloads_nothing_without_a_gpu(tmp_path: Path, hub: Hub) -> None:
    choice = choice_of(tmp_path)
    assert (choice.requested, choice.chosen) == ("auto", "embedded")
    assert folders(choice) == (("clinical", EMBEDDED_FOLDER),)
    assert choice.reason == (
        "auto chose the embedded model: ECG-FM is not in the models folder, and without a GPU "
        f"nothing is downloaded unasked; {HOW_TO_CHANGE}"
    )
    assert hub.downloads == []


def test_auto_pulls_if_the_machine_has_a_gpu(tmp_path: Path, hub: Hub) -> None:
    choice = choice_of(tmp_path, cuda=True)
    assert (choice.requested, choice.chosen) == ("auto", "ecg-fm")
    assert folders(choice) == (
        ("clinical", tmp_path / "ecg-fm-clinical"),
        ("features", tmp_path / "ecg-fm-features"),
        SUPERCLASS_BUNDLE,
    )
    assert choice.reason == (
        "auto chose ECG-FM: the machine has a GPU, so it was pulled from the hub; " + HOW_TO_CHANGE
    )
    assert hub.downloads == ["ecg-fm-clinical", "ecg-fm-features"]


def test_auto_with_a_gpu_and_no_hub_loads_the_embedded_model(tmp_path: Path, hub: Hub) -> None:
    hub.reachable = False
    choice = choice_of(tmp_path, cuda=True)
    assert choice.chosen == "embedded" and folders(choice) == (("clinical", EMBEDDED_FOLDER),)
    assert choice.reason == (
        "auto chose the embedded model: ECG-FM is unavailable "
        f"({HubError.title.lower()}; see the log); {HOW_TO_CHANGE}"
    )


@pytest.mark.parametrize("cuda", [False, True])
def test_auto_loads_the_installed_bundle_and_names_the_absent_one(
    tmp_path: Path, hub: Hub, cuda: bool
) -> None:
    convert(FINETUNED, tmp_path / "ecg-fm-clinical")
    choice = choice_of(tmp_path, cuda=cuda)
    assert folders(choice) == (("clinical", tmp_path / "ecg-fm-clinical"), SUPERCLASS_BUNDLE)
    assert choice.reason == (
        "auto chose ECG-FM: it is in the models folder, without ecg-fm-features; " + HOW_TO_CHANGE
    )
    assert hub.downloads == []


def test_the_embedded_model_by_name(tmp_path: Path, hub: Hub) -> None:
    choice = choice_of(tmp_path / "models", "embedded", cuda=True)
    assert (choice.requested, choice.chosen) == ("embedded", "embedded")
    assert folders(choice) == (("clinical", EMBEDDED_FOLDER),)
    assert choice.reason == f"ECG_MODEL=embedded selects it; {HOW_TO_CHANGE}"
    assert hub.downloads == []


def test_a_damaged_embedded_model_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "EMBEDDED_FOLDER", tmp_path / "lost")
    with pytest.raises(BadBundle, match=r"lost/bundle\.json: cannot be read"):
        choice_of(tmp_path)


def test_a_bundle_with_superclasses_needs_no_second_one_for_them(tmp_path: Path) -> None:
    choice = choice_of(tmp_path, str(EMBEDDED_FOLDER))
    assert folders(choice) == (("clinical", EMBEDDED_FOLDER),)


def test_ecg_fm_by_name_is_required(tmp_path: Path, hub: Hub) -> None:
    choice = choice_of(tmp_path, "ecg-fm")
    assert (choice.requested, choice.chosen) == ("ecg-fm", "ecg-fm")
    assert [role for role, _ in choice.bundles] == ["clinical", "features", "superclass"]
    assert choice.reason == f"ECG_MODEL=ecg-fm selects it; {HOW_TO_CHANGE}"
    hub.reachable = False
    with pytest.raises(HubError):
        choice_of(tmp_path / "empty", "ecg-fm")


def test_none_loads_nothing(tmp_path: Path, hub: Hub) -> None:
    choice = choice_of(tmp_path, "none", cuda=True)
    assert (choice.requested, choice.chosen, choice.bundles) == ("none", "none", ())
    assert choice.reason == f"ECG_MODEL=none disables all encoders; {HOW_TO_CHANGE}"
    assert hub.downloads == []


def test_the_folder_of_a_bundle(tmp_path: Path) -> None:
    folder = convert(FINETUNED, tmp_path / "mine").bundle.folder
    choice = choice_of(tmp_path, str(folder))
    assert (choice.requested, choice.chosen) == (str(folder), "mine")
    assert folders(choice) == (("clinical", folder), SUPERCLASS_BUNDLE)
    assert choice.reason == f"ECG_MODEL names the folder of the bundle mine; {HOW_TO_CHANGE}"
    pretrained = convert(PRETRAINED, tmp_path / "pretrained").bundle.folder
    choice = choice_of(tmp_path, str(pretrained))
    assert folders(choice) == (("features", pretrained), SUPERCLASS_BUNDLE)


def test_neither_a_keyword_nor_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError) as refused:
        choice_of(tmp_path, "ecgfm")
    assert refused.value.detail == (
        "ECG_MODEL is 'ecgfm'; auto, ecg-fm, embedded, none or the folder of a bundle is allowed"
    )
    with pytest.raises(BadBundle, match=r"bundle\.json: cannot be read"):
        choice_of(tmp_path, str(tmp_path))


def test_bundles_are_read_once_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice holds the checked bundles; a deployment is made from it without files."""
    reads: list[Path] = []

    def counted(folder: Path, *, hash_weights: bool = True) -> Bundle:
        assert hash_weights
        reads.append(folder)
        return load_bundle(folder, hash_weights=hash_weights)

    clinical = convert(FINETUNED, tmp_path / "clinical").bundle.folder
    features = convert(PRETRAINED, tmp_path / "features").bundle.folder
    monkeypatch.setattr(choose, "load_bundle", counted)
    choice = choice_of(tmp_path, clinical=clinical, features=features)
    assert choice.bundles == (
        ("clinical", load_bundle(clinical)),
        ("features", load_bundle(features)),
        ("superclass", load_bundle(EMBEDDED_FOLDER)),
    )
    (clinical / "bundle.json").unlink()
    encoders = deployment_of(choice).encoders
    assert reads == [clinical, features, EMBEDDED_FOLDER]
    assert [encoder.name for encoder in encoders.values()] == ["clinical", "features", "embedded"]
    assert encoders["clinical"].config == dict(choice.bundles)["clinical"].config


def test_checkpoints_are_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = choice_of(tmp_path, clinical=FINETUNED, features=PRETRAINED)
    (clinical, clinical_folder), (features, features_folder), superclass = folders(first)
    assert (clinical, features, superclass) == ("clinical", "features", SUPERCLASS_BUNDLE)
    assert clinical_folder.parent == features_folder.parent == tmp_path / "imported"
    assert clinical_folder.name.startswith("tiny_finetuned_new-")
    assert len(clinical_folder.name) == len("tiny_finetuned_new-") + 12
    assert first.chosen == "tiny_finetuned_new + tiny_pretrained_old"
    assert first.reason == (
        "ECG_CLINICAL_CHECKPOINT and ECG_FEATURES_CHECKPOINT select the model; " + HOW_TO_CHANGE
    )
    monkeypatch.setattr(choose, "convert", lambda *_, **__: pytest.fail("converted again"))
    assert choice_of(tmp_path, clinical=FINETUNED, features=PRETRAINED) == first


def test_a_damaged_conversion_is_repeated(tmp_path: Path) -> None:
    first = choice_of(tmp_path, clinical=FINETUNED)
    folder = dict(folders(first))["clinical"]
    (folder / "model.safetensors").write_bytes(b"half")
    assert choice_of(tmp_path, clinical=FINETUNED) == first
    assert load_bundle(folder) == dict(first.bundles)["clinical"]


def test_converted_weights_are_used_in_place(tmp_path: Path) -> None:
    folder = convert(FINETUNED, tmp_path / "mine").bundle.folder
    for setting in (folder, folder / "model.safetensors"):
        choice = choice_of(tmp_path, clinical=setting)
        assert folders(choice) == (("clinical", folder), SUPERCLASS_BUNDLE)
    for loose in (tmp_path / "loose.safetensors", folder / "other.safetensors"):
        loose.write_bytes(b"")
        with pytest.raises(BadBundle) as refused:
            choice_of(tmp_path, clinical=loose)
        assert refused.value.detail == (
            f"{loose}: weights without a bundle.json that describes them; name a bundle's folder "
            "or the checkpoint"
        )


def test_impossible_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match=r"nothing\.pt: no such file or folder"):
        choice_of(tmp_path, features=tmp_path / "nothing.pt")
    with pytest.raises(ModelStoreError) as refused:
        choice_of(tmp_path, clinical=PRETRAINED)
    assert refused.value.detail == (
        "ECG_CLINICAL_CHECKPOINT: tiny_pretrained_old.pt has no classifier; pass it as "
        "ECG_FEATURES_CHECKPOINT"
    )
    with pytest.raises(ModelStoreError) as refused:
        choice_of(tmp_path, "none", clinical=FINETUNED, features=PRETRAINED)
    assert refused.value.detail == (
        "ECG_MODEL=none and ECG_CLINICAL_CHECKPOINT and ECG_FEATURES_CHECKPOINT contradict each "
        "other: unset one (checkpoints go with ECG_MODEL=auto)"
    )


def test_a_finetuned_checkpoint_may_give_the_embeddings(tmp_path: Path) -> None:
    choice = choice_of(tmp_path, features=FINETUNED)
    assert [role for role, _ in choice.bundles] == ["features", "superclass"]
    assert choice.reason == f"ECG_FEATURES_CHECKPOINT select the model; {HOW_TO_CHANGE}"
