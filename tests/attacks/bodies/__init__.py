"""Every attack on the readers, as code: what it did when it was found, and what it gives now."""

from tests.attacks import array_bodies as arrays
from tests.attacks.bodies import binary, files, recorders, text, xml

__all__ = ["arrays", "binary", "files", "recorders", "text", "xml"]
