"""What is loaded: the encoders by role, their labels, and the installed heads that read them.

No torch: the signal workers import this module too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from encoder.config import CompactConfig, EcgFmConfig
from errors import ModelStoreError, WrongEncoder
from heads.cache import InstalledHeads
from heads.head import EncoderReference
from intervals.measurements import Method
from model_store.choose import Choice
from model_store.labels import Label
from model_store.manifest import Role
from signals.segments import Preprocessing
from superclasses import SUPERCLASSES


@dataclass(frozen=True)
class Encoder:
    """One loaded encoder, as its bundle describes it."""

    role: Role
    name: str
    revision: str | None
    sha256: str
    config: EcgFmConfig | CompactConfig
    preprocessing: Preprocessing
    labels: tuple[Label, ...]
    licence: str
    card: str | None
    folder: str
    architecture: str = "ecg-fm"

    @property
    def depth(self) -> int:
        return self.config.depth

    @property
    def width(self) -> int:
        return self.config.width

    @property
    def reference(self) -> EncoderReference:
        return EncoderReference(self.name, self.revision, self.sha256)


# The name of the installed head that gives the part `superclass`.
SUPERCLASS_HEAD = "superclass"
_SUPERCLASS_ROLES: tuple[Role, ...] = ("superclass", "clinical")


@dataclass(frozen=True)
class HeadUse:
    """An installed head that is used: its version, and the encoder whose embedding it reads."""

    name: str
    version: int
    role: Role


@dataclass(frozen=True)
class Deployment:
    """The encoders of this server and the installed heads that read their embeddings.

    requested, chosen, reason  the setting, the models it led to, and why
    unusable_heads             why each of the other installed heads gives no result, by name
    measurements_method        of a request that names none
    """

    requested: str
    chosen: str
    reason: str
    encoders: Mapping[Role, Encoder]
    heads: tuple[HeadUse, ...] = ()
    unusable_heads: Mapping[str, str] = field(default_factory=dict)
    measurements_method: Method = "delineator"

    @property
    def loaded(self) -> bool:
        return bool(self.encoders)

    def role_named(self, name: str) -> Role | None:
        """Return the role of the encoder with this role or bundle's name, None if there is none."""
        for role, encoder in self.encoders.items():
            if name in (role, encoder.name):
                return role
        return None

    def encoder_names(self) -> list[str]:
        """Return the names that `role_named` understands, sorted."""
        names = {*self.encoders, *(encoder.name for encoder in self.encoders.values())}
        return sorted(names)

    def features_role(self) -> Role | None:
        """Return the encoder of embeddings: features, or clinical if only that is loaded."""
        roles: tuple[Role, ...] = ("features", "clinical")
        return next((role for role in roles if role in self.encoders), None)

    def clinical_role(self) -> Role | None:
        """Return the clinical encoder if it is loaded and has labels."""
        encoder = self.encoders.get("clinical")
        return "clinical" if encoder is not None and encoder.labels else None

    def superclass_head(self) -> HeadUse | None:
        """Return the installed head that gives the superclass.

        It takes precedence over an encoder's labels.
        """
        return next((head for head in self.heads if head.name == SUPERCLASS_HEAD), None)

    def superclass_role(self) -> Role | None:
        """Return the encoder whose labels include the superclasses, the clinical one last."""
        for role in _SUPERCLASS_ROLES:
            if self._label_names(role).issuperset(SUPERCLASSES):
                return role
        return None

    def threshold_labels(self) -> set[str]:
        """Return the labels whose threshold a request may replace."""
        names: set[str] = set()
        for role in (self.clinical_role(), self.superclass_role()):
            if role is not None:
                names |= self._label_names(role)
        if self.superclass_head() is not None:
            names.update(SUPERCLASSES)
        return names

    def no_model_reason(self) -> str:
        return f"no encoder is loaded ({self.reason})"

    def _label_names(self, role: Role) -> set[str]:
        encoder = self.encoders.get(role)
        return set() if encoder is None else {label.name for label in encoder.labels}


def deployment_of(choice: Choice) -> Deployment:
    """Return the deployment of a choice, whose bundles `choose_models` has read and checked.

    Raises ModelStoreError if the clinical and the features encoder need different preprocessing.
    """
    encoders: dict[Role, Encoder] = {}
    for role, bundle in choice.bundles:
        encoders[role] = Encoder(
            role=role,
            name=bundle.name,
            revision=bundle.revision,
            sha256=bundle.sha256,
            config=bundle.config,
            preprocessing=bundle.preprocessing,
            labels=bundle.labels,
            licence=bundle.licence,
            card=bundle.card,
            folder=str(bundle.folder),
            architecture=bundle.architecture,
        )
    # The embedded superclass encoder may differ: it gets segments of its own.
    preprocessings = {
        encoder.preprocessing for role, encoder in encoders.items() if role != "superclass"
    }
    if len(preprocessings) > 1:
        raise ModelStoreError(
            "the clinical and the features encoder need different preprocessing; "
            "two encoders are only served together with the same"
        )
    return Deployment(choice.requested, choice.chosen, choice.reason, encoders)


def with_heads(deployment: Deployment, heads: InstalledHeads) -> Deployment:
    """Return the deployment with the heads that are installed now.

    These are the champions whose encoder is loaded; the others are listed with the reason.
    """
    uses: list[HeadUse] = []
    unusable = dict(heads.faults)
    for champion in heads.champions:
        if champion.head is None:
            unusable[champion.name] = champion.fault or "cannot be used"
            continue
        try:
            role = role_of_head(champion.head.encoder, deployment)
        except WrongEncoder as error:
            unusable[champion.name] = error.detail
        else:
            uses.append(HeadUse(champion.name, champion.version, role))
    return replace(deployment, heads=tuple(uses), unusable_heads=unusable)


def role_of_head(trained_on: EncoderReference, deployment: Deployment) -> Role:
    """Return the loaded encoder with the weights that a head was trained on.

    Raises WrongEncoder, which names both.
    """
    for role, encoder in deployment.encoders.items():
        if encoder.sha256 == trained_on.sha256:
            return role
    references = [str(encoder.reference) for encoder in deployment.encoders.values()]
    loaded = " and ".join(references) or "no encoder"
    raise WrongEncoder(f"trained on embeddings of {trained_on}; loaded here is {loaded}")


@dataclass(frozen=True)
class Runtime:
    """The number type and the device that the encoders run in, as the model worker reports them."""

    dtype: str
    device: str
