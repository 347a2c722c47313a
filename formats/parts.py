"""A file of an upload, and what a format is to the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from formats.hints import Hints
from signals.record import EcgRecord


@dataclass(frozen=True)
class Part:
    """One uploaded file. The name is only ever compared, never opened; `members` are the arrays of a .npz, already unpacked."""

    name: str
    data: bytes
    members: tuple[Part, ...] = ()

    @property
    def basename(self) -> str:
        return self.name.replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class About:
    """Describe a format in docs/formats.md, in phrases.

    variants      the variants that are read
    parser        the library, or the source that our own parser follows
    metadata      the data that are kept in addition to the samples
    ignored       the data that are dropped or refused
    sample_files  the files that the parser was tested on, "name: origin"
    """

    variants: str
    parser: str
    metadata: str
    ignored: str
    sample_files: tuple[str, ...]


def _alone(head: Part, parts: Sequence[Part]) -> Sequence[Part]:
    return ()


@dataclass(frozen=True)
class Format:
    """One file format; a module of this package with a `FORMAT` of this type is all it takes to add one.

    name        as an error names it to a person
    detect      is this part the head of a recording in this format? By content; cheap; never raises
    read        (head, all parts, hints) -> the record; raises nothing but EcgError on any bytes
    about       what docs/formats.md says
    companions  the other parts that the head names as its own: they are no recordings of themselves
    fallback       its content could be many things (a table of numbers): taken only where no other format is found
    """

    name: str
    detect: Callable[[Part], bool]
    read: Callable[[Part, Sequence[Part], Hints], EcgRecord]
    about: About
    companions: Callable[[Part, Sequence[Part]], Sequence[Part]] = _alone
    fallback: bool = False
