"""Every attack on the readers, as code: what it did when it was found, and what it gives now."""

from tests.attacks.bodies import binary, files, text, xml

__all__ = ["binary", "files", "text", "xml"]
