"""A ramp of samples in the encodings of vendors' XML, and a function that reads a document."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50)
RAMP_WITH_COMMAS = ",".join(map(str, RAMP))


def base64_of(samples: np.ndarray | Sequence[int], dtype: str = "<i2") -> str:
    return base64.b64encode(np.asarray(samples).astype(dtype).tobytes()).decode()


BASE64 = base64_of(RAMP)


def read_document(document: str | bytes) -> EcgRecord:
    data = document if isinstance(document, bytes) else document.encode()
    return read([Part("upload", data)])


def element(name: str, /, *content: str, **children: Any) -> str:
    """Return an element with content and children of simple text."""
    inner = "".join(f"<{tag}>{value}</{tag}>" for tag, value in children.items())
    return f"<{name}>{''.join(content)}{inner}</{name}>"
