"""torch.save files put together byte by byte, so that they can lie in any place."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

STORAGES = {"0": struct.pack("<6f", *range(6))}


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def integer(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<i", len(raw)) + raw  # LONG4


def sizes(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(integer, values)) + b"t"


def called(name: str, *arguments: bytes) -> bytes:
    """GLOBAL name, arguments, REDUCE."""
    module, attribute = name.rsplit(".", 1)
    return f"c{module}\n{attribute}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def storage(key: str = "0", count: int = 6, kind: str = "torch FloatStorage") -> bytes:
    return (
        b"("
        + text("storage")
        + b"c"
        + kind.replace(" ", "\n").encode()
        + b"\n"
        + text(key)
        + text("cpu")
        + integer(count)
        + b"tQ"
    )


def tensor(
    shape: tuple[int, ...] = (2, 3),
    strides: tuple[int, ...] = (3, 1),
    offset: int = 0,
    held: bytes | None = None,
) -> bytes:
    hooks = b"ccollections\nOrderedDict\n)R"
    return called(
        "torch._utils._rebuild_tensor_v2",
        held or storage(),
        integer(offset),
        sizes(shape),
        sizes(strides),
        b"\x89",
        hooks,
    )


def mapping(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def checkpoint(**values: bytes) -> bytes:
    """A sound checkpoint's pickle, with these top-level values added or put in place of its own."""
    parts = {
        "cfg": mapping(model=mapping(encoder_layers=integer(3))),
        "model": mapping(w=tensor()),
    } | values
    return b"\x80\x02" + mapping(**parts) + b"."


def torch_file(
    path: Path,
    pickle: bytes | None = None,
    storages: dict[str, bytes] | None = None,
    extra: dict[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        if pickle is None:
            pickle = checkpoint()
        archive.writestr("c/data.pkl", pickle)
        for name, value in (extra or {}).items():
            archive.writestr(name, value)
        for key, value in (STORAGES if storages is None else storages).items():
            archive.writestr(f"c/data/{key}", value)
    return path
