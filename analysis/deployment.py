"""What is loaded: the encoders by role, their labels and where they came from. No torch: signal workers read it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from encoder.config import CompactConfig, EcgFmConfig
from errors import ModelStoreError, WrongEncoder
from heads.cache import InstalledHeads
from heads.head import EncoderReference
from model_store.choose import Choice
from model_store.labels import Label
from model_store.manifest import Role
from signals.segments import Preprocessing
from superclasses import SUPERCLASSES


@dataclass(frozen=True)
class Encoder:
    """One encoder that answers, as the bundle describes it."""

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


@dataclass(frozen=True)
class HeadUse:
    """An installed head that answers here: which version, and whose embedding it reads."""

    name: str
    version: int
    role: Role


@dataclass(frozen=True)
class Deployment:
    """The encoders of this server, and why these; the installed heads that read their embeddings, and why others don't."""

    requested: str
    chosen: str
    reason: str
    encoders: Mapping[Role, Encoder]
    heads: tuple[HeadUse, ...] = ()
    unusable_heads: Mapping[str, str] = field(default_factory=dict)

    @property
    def loaded(self) -> bool:
        return bool(self.encoders)

    def named(self, name: str) -> Role | None:
        """The role of the encoder that `name` (a role or a bundle's name) means, None where none does."""
        for role, encoder in self.encoders.items():
            if name in (role, encoder.name):
                return role
        return None

    def features_role(self) -> Role | None:
        """Embeddings come from the features encoder, from the clinical one where only that is loaded."""
        return (
            "features"
            if "features" in self.encoders
            else "clinical"
            if "clinical" in self.encoders
            else None
        )

    def clinical_role(self) -> Role | None:
        encoder = self.encoders.get("clinical")
        return "clinical" if encoder is not None and encoder.labels else None

    def superclass_head(self) -> HeadUse | None:
        """The installed head that gives the superclass, before any encoder's own labels do."""
        return next((head for head in self.heads if head.name == SUPERCLASS_HEAD), None)

    def superclass_role(self) -> Role | None:
        """The encoder whose labels hold the superclasses: one that is there for them, else the clinical one."""
        roles: tuple[Role, ...] = ("superclass", "clinical")
        return next((role for role in roles if self._named_by(role).issuperset(SUPERCLASSES)), None)

    def _named_by(self, role: Role) -> set[str]:
        encoder = self.encoders.get(role)
        return set() if encoder is None else {label.name for label in encoder.labels}

    def names(self) -> list[str]:
        return sorted(
            {name for role, encoder in self.encoders.items() for name in (role, encoder.name)}
        )

    def no_model_reason(self) -> str:
        return f"no encoder is loaded ({self.reason})"


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
    if (
        len({encoder.preprocessing for role, encoder in encoders.items() if role != "superclass"})
        > 1
    ):
        raise ModelStoreError(
            "the clinical and the features encoder want different preprocessing; they are served together only with the same"
        )
    return Deployment(choice.requested, choice.chosen, choice.reason, encoders)


def with_heads(deployment: Deployment, heads: InstalledHeads) -> Deployment:
    """The same encoders with what is installed at this moment: the champions, each on the loaded encoder that it was trained on."""
    uses: list[HeadUse] = []
    unusable = dict(heads.faults)
    for one in heads.champions:
        if one.head is None:
            unusable[one.name] = one.fault or "cannot be used"
            continue
        try:
            uses.append(HeadUse(one.name, one.version, role_of_head(one.head.encoder, deployment)))
        except WrongEncoder as error:
            unusable[one.name] = error.detail
    return replace(deployment, heads=tuple(uses), unusable_heads=unusable)


def role_of_head(trained_on: EncoderReference, deployment: Deployment) -> Role:
    """The loaded encoder with the weights that a head was trained on. Raises WrongEncoder that names both."""
    for role, encoder in deployment.encoders.items():
        if encoder.sha256 == trained_on.sha256:
            return role
    loaded = (
        " and ".join(str(encoder.reference) for encoder in deployment.encoders.values())
        or "no encoder"
    )
    raise WrongEncoder(f"trained on embeddings of {trained_on}; loaded here is {loaded}")


@dataclass(frozen=True)
class Runtime:
    """Where and in what numbers the encoders run, as the model worker found it."""

    dtype: str
    device: str
