"""The limits of reading a checkpoint, each at its value and one beyond it."""

from __future__ import annotations

import pickletools
import struct
import zipfile
from pathlib import Path

import pytest

from errors import BadCheckpoint, UnsafeCheckpoint
from model_store import checkpoint as module
from model_store import pickle_reader, torch_zip
from model_store.checkpoint import Checkpoint, read_checkpoint
from model_store.pickle_reader import MAX_KEY, MAX_NAME, MAX_NAMES, PickleReader
from model_store.torch_zip import TorchZip
from tests.model_store.torch_files import (
    checkpoint,
    integer,
    mapping,
    storage,
    tensor,
    text,
    torch_file,
)


def read(tmp_path: Path, pickle: bytes, **options: object) -> Checkpoint:
    return read_checkpoint(torch_file(tmp_path / "c.pt", pickle, **options))


def nested(levels: int) -> bytes:
    """A list in a list, and so on."""
    return b"]" * levels + b"a" * (levels - 1)


# The pickle


def test_opcodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pickle = checkpoint()
    count = len(list(pickletools.genops(pickle)))
    monkeypatch.setattr(pickle_reader, "MAX_OPCODES", count)
    assert read(tmp_path, pickle).model.keys() == {"w"}
    monkeypatch.setattr(pickle_reader, "MAX_OPCODES", count - 1)
    with pytest.raises(UnsafeCheckpoint) as refused:
        read(tmp_path, pickle)
    assert refused.value.detail == f"the pickle has more than {count - 1} opcodes"


def test_bytes_of_the_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(checkpoint())
    monkeypatch.setattr(module, "MAX_PICKLE_BYTES", size)
    assert read(tmp_path, checkpoint()).model.keys() == {"w"}
    monkeypatch.setattr(module, "MAX_PICKLE_BYTES", size - 1)
    with pytest.raises(UnsafeCheckpoint) as refused:
        read(tmp_path, checkpoint())
    assert refused.value.detail == (f"c.pt: c/data.pkl has {size} bytes; {size - 1} are allowed")


def test_length_of_a_key() -> None:
    longest, longer = "k" * MAX_KEY, "k" * (MAX_KEY + 1)
    pickle = b"\x80\x02" + mapping(**{longest: integer(1), longer: integer(2)}) + b"."
    assert PickleReader().read(pickle) == {longest: 1}


@pytest.mark.parametrize(
    ("key", "kept"), [(2**63 - 1, True), (2**63, False), (-(2**63) + 1, True), (-(2**63), False)]
)
def test_size_of_an_integer_key(key: int, kept: bool) -> None:
    pickle = b"\x80\x02}" + integer(key) + integer(5) + b"s."
    assert PickleReader().read(pickle) == ({key: 5} if kept else {})


def test_names_of_code_are_shortened_and_their_number_is_limited() -> None:
    reader = PickleReader()
    names = b"".join(f"cmodule\n{'x' * 300}{number}\n0".encode() for number in range(3))
    reader.read(b"\x80\x02" + names + b"N.")
    assert list(reader.inert) == [f"module.{'x' * 300}"[:MAX_NAME]]
    reader = PickleReader()
    names = b"".join(f"cmodule\nname{number}\n0".encode() for number in range(MAX_NAMES + 5))
    reader.read(b"\x80\x02" + names + b"N.")
    assert list(reader.inert) == [f"module.name{number}" for number in range(MAX_NAMES)]


# The configuration


def test_values_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value at the top, three in the list, two in the inner one."""
    cfg = mapping(a=b"](" + integer(1) + integer(2) + b"](" + integer(3) + b"Nee")
    monkeypatch.setattr(module, "MAX_CFG_VALUES", 6)
    assert read(tmp_path, checkpoint(cfg=cfg)).cfg == {"a": [1, 2, [3, None]]}
    monkeypatch.setattr(module, "MAX_CFG_VALUES", 5)
    with pytest.raises(UnsafeCheckpoint) as refused:
        read(tmp_path, checkpoint(cfg=cfg))
    assert refused.value.detail == "c.pt: `cfg` has more than 5 values"


def test_levels_of_the_configuration(tmp_path: Path) -> None:
    """The dict is the first level."""
    cfg = read(tmp_path, checkpoint(cfg=mapping(a=nested(49)))).cfg["a"]
    for _ in range(48):
        (cfg,) = cfg
    assert cfg == []
    with pytest.raises(UnsafeCheckpoint) as refused:
        read(tmp_path, checkpoint(cfg=mapping(a=nested(50))))
    assert refused.value.detail == "c.pt: `cfg` has more than 50 levels"


def test_only_plain_values_of_the_configuration_are_kept(tmp_path: Path) -> None:
    cfg = b"}(" + text("large") + integer(2**63) + text("most") + integer(2**63 - 1)
    cfg += text("code") + b"cposix\nsystem\n" + text("none") + b"N" + integer(7) + text("seven")
    cfg += text("bytes") + b"U\x01x" + text("real") + b"G" + struct.pack(">d", 0.5) + b"u"
    assert read(tmp_path, checkpoint(cfg=cfg)).cfg == {
        "most": 2**63 - 1,
        "none": None,
        "bytes": "x",
        "real": 0.5,
    }


# Tensors


def test_dimensions_of_a_tensor(tmp_path: Path) -> None:
    def of(dimensions: int) -> bytes:
        claim = tensor(shape=(1,) * dimensions, strides=(1,) * dimensions)
        return checkpoint(model=mapping(w=claim))

    assert read(tmp_path, of(8)).model["w"].load().tolist() == [[[[[[[[0.0]]]]]]]]
    assert read(tmp_path, of(0)).model["w"].load().shape == ()
    with pytest.raises(BadCheckpoint) as refused:
        read(tmp_path, of(9))
    assert refused.value.detail.startswith("c.pt: tensor 'w': 9 sizes and 9 strides; at most 8 ")


@pytest.mark.parametrize("digits, allowed", [(1, True), (12, True), (13, False)])
def test_digits_of_a_storage(tmp_path: Path, digits: int, allowed: bool) -> None:
    key = "7" * digits
    pickle = checkpoint(model=mapping(w=tensor(held=storage(key=key))))
    storages = {key: struct.pack("<6f", *range(6))}
    if allowed:
        read(tmp_path, pickle, storages=storages)
        return
    with pytest.raises(UnsafeCheckpoint, match=r"torch numbers its storages$"):
        read(tmp_path, pickle, storages=storages)


def test_the_last_element_of_a_storage(tmp_path: Path) -> None:
    last = tensor(shape=(1, 2), strides=(9, 1), offset=4)
    loaded = read(tmp_path, checkpoint(model=mapping(w=last))).model["w"].load()
    assert loaded.tolist() == [[4.0, 5.0]]
    empty = tensor(shape=(0, 9), strides=(9, 1), offset=6)
    loaded = read(tmp_path, checkpoint(model=mapping(w=empty))).model["w"].load()
    assert loaded.shape == (0, 9) and loaded.dtype == "float32"


# The archive


def test_a_byte_order_of_other_or_more_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint) as refused:
        read(tmp_path, checkpoint(), extra={"c/byteorder": b"x" * 16})
    assert refused.value.detail == "c.pt: byte order b'xxxxxxxxxxxxxxxx'; little or big is allowed"
    with pytest.raises(UnsafeCheckpoint) as refused:
        read(tmp_path, checkpoint(), extra={"c/byteorder": b"x" * 17})
    assert refused.value.detail == "c.pt: c/byteorder has 17 bytes; 16 are allowed"
    assert (
        read(tmp_path, checkpoint(), extra={"c/byteorder": b"little"}).model["w"].load()[1, 2] == 5
    )


def directory_of(path: Path) -> tuple[int, int, int]:
    """Return the number of entries, the size and the start that the archive's end record states."""
    raw = path.read_bytes()
    entries, size, start = struct.unpack_from("<HLL", raw, raw.rfind(b"PK\x05\x06") + 10)
    return entries, size, start


def test_the_directory_is_limited_to_50_000_entries_and_16_mib() -> None:
    assert (torch_zip.MAX_ENTRIES, torch_zip.MAX_DIRECTORY_BYTES) == (50_000, 16_777_216)


def test_a_directory_beyond_either_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = torch_file(tmp_path / "c.pt")
    entries, size, _ = directory_of(path)
    assert entries == 2
    monkeypatch.setattr(torch_zip, "MAX_ENTRIES", entries)
    monkeypatch.setattr(torch_zip, "MAX_DIRECTORY_BYTES", size)
    assert list(TorchZip(path).entries) == ["c/data.pkl", "c/data/0"]
    for limit, value in (("MAX_ENTRIES", entries - 1), ("MAX_DIRECTORY_BYTES", size - 1)):
        with monkeypatch.context() as patch:
            patch.setattr(torch_zip, limit, value)
            with pytest.raises(UnsafeCheckpoint) as refused:
                TorchZip(path)
            assert refused.value.detail == (
                f"c.pt: the zip directory has 2 entries in {size} bytes; "
                f"{torch_zip.MAX_ENTRIES} in {torch_zip.MAX_DIRECTORY_BYTES} are allowed"
            )


@pytest.mark.parametrize("length", [0, 1, 65535])
def test_a_comment_of_any_length_follows_the_directory(tmp_path: Path, length: int) -> None:
    path = torch_file(tmp_path / "c.pt")
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"x" * length
    assert read_checkpoint(path).model["w"].load()[1, 2] == 5


def test_an_entry_without_a_local_header_is_refused(tmp_path: Path) -> None:
    """The header's signature is wrong, or the file was truncated after it was opened."""
    path = torch_file(tmp_path / "c.pt")
    checkpoint_read = read_checkpoint(path)
    raw = path.read_bytes()
    header = raw.find(b"c/data/0") - 30
    reason = "c.pt: c/data/0 has no local header"
    for damaged in (raw[:header] + b"PK\x03\x05" + raw[header + 4 :], raw[: header + 29]):
        path.write_bytes(damaged)
        with pytest.raises(BadCheckpoint) as refused:
            checkpoint_read.model["w"].load()
        assert refused.value.detail == reason
    path.write_bytes(raw[: header + 30 + 8 + 23])
    with pytest.raises(BadCheckpoint) as refused:
        checkpoint_read.model["w"].load()
    assert refused.value.detail == "c.pt ends before the end of c/data/0"


def test_reads_stay_within_an_entry(tmp_path: Path) -> None:
    archive = TorchZip(torch_file(tmp_path / "c.pt"))
    entry = archive.entries["c/data/0"]
    assert archive.read(entry, 0, 24) == struct.pack("<6f", *range(6))
    assert archive.read(entry, 24, 0) == b""
    for start, size in ((0, 25), (24, 1), (-1, 2), (0, -1)):
        with pytest.raises(UnsafeCheckpoint) as refused:
            archive.read(entry, start, size)
        assert refused.value.detail == (
            f"c.pt: bytes {start} to {start + size} requested of c/data/0, which has 24"
        )


def with_zip64(
    path: Path, *, extra_id: int = 1, record: bytes = b"PK\x06\x06", rest: bytes = b""
) -> Path:
    """Rewrite a small archive so that its sizes are in zip64 records, as in torch's above 4 GiB.

    rest  further bytes of the zip64 extra field
    """
    raw = path.read_bytes()
    entries, _, start = directory_of(path)
    directory = b""
    offset = start
    for _ in range(entries):
        fields = list(struct.unpack_from("<4s6H3L5H2L", raw, offset))
        name_length, extra_length, comment_length = fields[10:13]
        name = raw[offset + 46 : offset + 46 + name_length]
        values = struct.pack("<3Q", fields[9], fields[8], fields[16])
        # Another field comes first, as an archiver may write one.
        values += rest
        extra = struct.pack("<2H3s", 0x5455, 3, b"abc")
        extra += struct.pack("<2H", extra_id, len(values)) + values
        fields[8] = fields[9] = fields[16] = 0xFFFFFFFF
        fields[11] = len(extra)
        directory += struct.pack("<4s6H3L5H2L", *fields) + name + extra
        offset += 46 + name_length + extra_length + comment_length
    end64 = struct.pack(
        "<4sQ2H2L4Q", record, 44, 45, 45, 0, 0, entries, entries, len(directory), start
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(raw[:start] + directory + end64 + locator + end)
    return path


def test_an_archive_with_zip64_records_is_read(tmp_path: Path) -> None:
    path = with_zip64(torch_file(tmp_path / "c.pt"))
    with zipfile.ZipFile(path) as archive:  # Python's own reader agrees
        assert archive.read("c/data/0") == struct.pack("<6f", *range(6))
    assert read_checkpoint(path).model["w"].load().tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("length", [1, 4, 7, 8])
def test_further_bytes_of_the_zip64_field_are_ignored(tmp_path: Path, length: int) -> None:
    """The field may end with a disk number of 4 bytes; fewer than 8 bytes are no value."""
    path = with_zip64(torch_file(tmp_path / "c.pt"), rest=b"x" * length)
    assert read_checkpoint(path).model["w"].load().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_zip64_records_that_are_damaged_are_refused(tmp_path: Path) -> None:
    path = with_zip64(torch_file(tmp_path / "c.pt"), record=b"PK\x06\x05")
    with pytest.raises(BadCheckpoint, match=r"^c\.pt: the zip64 end record is damaged$"):
        read_checkpoint(path)
    path = with_zip64(torch_file(tmp_path / "c.pt"))
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"PK\x06\x07", b"PK\x06\x08"))
    with pytest.raises(BadCheckpoint, match=r"^c\.pt: the zip64 locator is damaged$"):
        read_checkpoint(path)
    end = raw[-22:]
    path.write_bytes(b"PK\x03\x04" + end)
    with pytest.raises(BadCheckpoint, match=r"^c\.pt: the zip64 locator is missing$"):
        read_checkpoint(path)
    # Without the zip64 field the sizes are 4 GiB, more than the file has.
    path = with_zip64(torch_file(tmp_path / "c.pt"), extra_id=2)
    with pytest.raises(UnsafeCheckpoint, match=r"overlaps the next entry or runs past the file$"):
        read_checkpoint(path)


@pytest.mark.parametrize("field", [4, 6])
def test_an_archive_of_several_volumes_is_refused(tmp_path: Path, field: int) -> None:
    path = torch_file(tmp_path / "c.pt")
    raw = bytearray(path.read_bytes())
    end = raw.rfind(b"PK\x05\x06")
    raw[end + field : end + field + 2] = struct.pack("<H", 1)
    path.write_bytes(raw)
    with pytest.raises(UnsafeCheckpoint) as refused:
        read_checkpoint(path)
    assert refused.value.detail == "c.pt is a zip archive of several volumes; torch writes one"
