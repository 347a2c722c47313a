"""The types that the registry and the formats share: an uploaded file and a file format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from errors import EcgError
from formats.hints import Hints
from signals.record import EcgRecord


@dataclass(frozen=True)
class Part:
    """One uploaded file.

    name     as the client sent it; it is compared with other names, never opened
    members  the unpacked arrays of a .npz file
    """

    name: str
    data: bytes
    members: tuple[Part, ...] = ()

    @property
    def basename(self) -> str:
        """Return the name without its folders."""
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


def _no_companions(heads: Sequence[Part], parts: Sequence[Part]) -> list[Sequence[Part]]:
    return [() for _ in heads]


def _no_reason(parts: Sequence[Part]) -> EcgError | None:
    return None


@dataclass(frozen=True)
class Format:
    """A file format. To add one, define `FORMAT` in a module of this package.

    name        shown in error messages
    detect      returns whether a file is the head of a recording in this format, by its content;
                fast; never raises
    read        (head, all parts, hints) -> the record; raises nothing but EcgError
    about       the texts for docs/formats.md
    companions  (heads, all parts) -> for each head the other parts that it names as belonging to
                it; they do not count as recordings
    lacking     (parts of which no format recognises one) -> the error that says what they lack if
                they are parts of a recording in this format, else None
    fallback    used only if no other format is detected, because many files look like this one
                (a table of numbers)
    """

    name: str
    detect: Callable[[Part], bool]
    read: Callable[[Part, Sequence[Part], Hints], EcgRecord]
    about: About
    companions: Callable[[Sequence[Part], Sequence[Part]], list[Sequence[Part]]] = _no_companions
    lacking: Callable[[Sequence[Part]], EcgError | None] = _no_reason
    fallback: bool = False
