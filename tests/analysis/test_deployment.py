"""What is loaded: which encoders fit together, whose labels count, which heads can be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.deployment import Deployment, deployment_of, with_heads
from errors import ModelStoreError
from heads.cache import InstalledHeads, InstalledVersion
from model_store.bundle import Bundle, load_bundle
from model_store.choose import Choice
from model_store.convert import convert
from model_store.labels import Label
from signals.segments import Preprocessing
from superclasses import SUPERCLASSES
from tests.analysis.deployments import BOTH, NOTHING, ONLY_FEATURES, WIDTH, encoder
from tests.data import CARRIED
from tests.heads.small_heads import linear_head

OTHER_RATE = Preprocessing(fs=250.0)
SUPERCLASS_LABELS = tuple(Label(name, "mean", None, 0.5) for name in SUPERCLASSES)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    return load_bundle(convert(CARRIED / "tiny_finetuned_new.pt", folder).bundle.folder)


def test_each_role_has_its_bundle(bundle: Bundle) -> None:
    choice = Choice("auto", "tiny", "for tests", (("clinical", bundle), ("features", bundle)))
    deployment = deployment_of(choice)
    assert list(deployment.encoders) == ["clinical", "features"]
    clinical = deployment.encoders["clinical"]
    assert (clinical.role, clinical.sha256, clinical.labels) == (
        "clinical",
        bundle.sha256,
        bundle.labels,
    )
    assert (deployment.requested, deployment.chosen, deployment.reason) == (
        "auto",
        "tiny",
        "for tests",
    )


def test_the_clinical_and_the_features_encoder_must_have_the_same_preprocessing(
    bundle: Bundle,
) -> None:
    other = replace(bundle, preprocessing=OTHER_RATE)
    choice = Choice("auto", "tiny", "for tests", (("clinical", bundle), ("features", other)))
    with pytest.raises(ModelStoreError) as refused:
        deployment_of(choice)
    assert refused.value.detail == (
        "the clinical and the features encoder need different preprocessing; "
        "two encoders are only served together with the same"
    )


def test_the_superclass_encoder_may_have_another_preprocessing(bundle: Bundle) -> None:
    other = replace(bundle, preprocessing=OTHER_RATE)
    choice = Choice("auto", "tiny", "for tests", (("clinical", bundle), ("superclass", other)))
    assert deployment_of(choice).encoders["superclass"].preprocessing == OTHER_RATE


def test_the_labels_that_a_request_may_give_a_threshold() -> None:
    assert NOTHING.threshold_labels() == set()
    assert ONLY_FEATURES.threshold_labels() == set()
    clinical_names = {label.name for label in BOTH.encoders["clinical"].labels}
    assert len(clinical_names) == 17
    assert BOTH.threshold_labels() == clinical_names
    superclass = encoder("superclass", SUPERCLASS_LABELS)
    three = replace(BOTH, encoders={**BOTH.encoders, "superclass": superclass})
    assert three.threshold_labels() == clinical_names | set(SUPERCLASSES)


def test_an_installed_superclass_head_has_thresholds_too() -> None:
    head = replace(
        linear_head("superclass", SUPERCLASSES, width=WIDTH),
        encoder=ONLY_FEATURES.encoders["features"].reference,
    )
    heads = InstalledHeads((InstalledVersion("superclass", 1, "champion", head),))
    assert with_heads(ONLY_FEATURES, heads).threshold_labels() == set(SUPERCLASSES)


def test_a_head_that_cannot_be_used_is_listed_with_the_reason() -> None:
    usable = replace(
        linear_head("rhythm", width=WIDTH), encoder=ONLY_FEATURES.encoders["features"].reference
    )
    heads = InstalledHeads(
        (
            InstalledVersion("broken", 2, "champion", None, "its weights are not a number"),
            InstalledVersion("silent", 3, "champion", None),
            InstalledVersion("rhythm", 4, "champion", usable),
            InstalledVersion("waiting", 5, "candidate", None, "is not looked at"),
        ),
        {"unreadable": "aliases.json is not JSON"},
    )
    deployment: Deployment = with_heads(ONLY_FEATURES, heads)
    assert [(use.name, use.version, use.role) for use in deployment.heads] == [
        ("rhythm", 4, "features")
    ]
    assert deployment.unusable_heads == {
        "unreadable": "aliases.json is not JSON",
        "broken": "its weights are not a number",
        "silent": "cannot be used",
    }
