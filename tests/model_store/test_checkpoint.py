"""Sound checkpoints are read to the bit; malicious ones run nothing, and are named.

The attacks are real: if Python's own unpickler runs one, a test lets it do so first.
"""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from errors import BadCheckpoint, UnsafeCheckpoint
from model_store import pickle_reader
from model_store.checkpoint import Checkpoint, read_checkpoint
from model_store.torch_zip import TorchZip, ZipEntry
from tests.data import CARRIED
from tests.model_store.attacks import attacks, quiet_attacks
from tests.model_store.torch_files import (
    checkpoint,
    mapping,
    storage,
    tensor,
    text,
    torch_file,
)

GOLDEN = sorted(CARRIED.glob("*.pt"))


def read(tmp_path: Path, pickle_bytes: bytes, **options: object) -> Checkpoint:
    return read_checkpoint(torch_file(tmp_path / "c.pt", pickle_bytes, **options))


# Honest files


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_tensor_and_the_config_are_what_torch_reads(path: Path) -> None:
    found = read_checkpoint(path)
    truth = torch.load(path, weights_only=False)
    assert list(found.model) == list(truth["model"])
    for name, value in truth["model"].items():
        assert found.model[name].shape == tuple(value.shape)
        assert found.model[name].dtype == "float32"
        assert np.array_equal(found.model[name].load(), value.numpy())
    assert found.cfg["model"] == truth["cfg"]["model"]


def test_numpy_arrays_among_the_metrics_are_passed_over_by_name() -> None:
    ignored = read_checkpoint(CARRIED / "tiny_finetuned_old.pt").ignored
    assert set(ignored) == {
        "numpy.core.multiarray._reconstruct",
        "numpy.ndarray",
        "numpy.dtype",
        "_codecs.encode",
    }


def test_the_optimizers_two_thirds_are_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    path = CARRIED / "tiny_finetuned_new.pt"
    touched: dict[str, int] = {}
    honest = TorchZip.read

    def counted(archive: TorchZip, entry: ZipEntry, start: int, size: int) -> bytearray:
        touched[entry.name.split("/", 1)[1]] = size
        return honest(archive, entry, start, size)

    monkeypatch.setattr(TorchZip, "read", counted)
    found = read_checkpoint(path)
    assert set(touched) == {"data.pkl", "byteorder"}
    weights = sum(ref.load().nbytes for ref in found.model.values())
    storages = {name: size for name, size in touched.items() if name.startswith("data/")}
    assert sum(storages.values()) == weights
    assert len(storages) == len(found.model)
    with zipfile.ZipFile(path) as archive:
        assert len([name for name in archive.namelist() if "/data/" in name]) > 2 * len(storages)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.uint8,
        torch.bool,
    ],
)
def test_every_kind_of_storage_is_read(dtype: torch.dtype, tmp_path: Path) -> None:
    whole = (torch.arange(24).reshape(4, 6) / 3).to(dtype)
    views = {
        "whole": whole,
        "turned": whole.T,
        "cut": whole[1:3, 2:5],
        "stepped": whole[::2, 1::3],
        "one": whole[1, 1],
        "none": whole[:0],
    }
    torch.save({"cfg": {}, "model": views}, tmp_path / "c.pt")
    found = read_checkpoint(tmp_path / "c.pt").model
    for name, value in views.items():
        loaded = found[name].load()
        truth = value.float().numpy() if dtype.is_floating_point else value.numpy()
        assert loaded.dtype == truth.dtype
        assert loaded.shape == truth.shape
        assert np.array_equal(loaded, truth)


def test_only_the_span_of_a_view_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"cfg": {}, "model": {"w": torch.arange(1000.0)[200:210]}}, tmp_path / "c.pt")
    ref = read_checkpoint(tmp_path / "c.pt").model["w"]
    asked: list[int] = []
    honest = TorchZip.read
    monkeypatch.setattr(
        TorchZip, "read", lambda *arguments: asked.append(arguments[3]) or honest(*arguments)
    )
    assert ref.load().tolist() == list(range(200, 210))
    assert asked == [40]


def test_the_files_byte_order_is_honoured(tmp_path: Path) -> None:
    big = {"0": struct.pack(">6f", *range(6))}
    found = read(tmp_path, checkpoint(), storages=big, extra={"c/byteorder": b"big"})
    assert found.model["w"].load().ravel().tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(BadCheckpoint, match="byte order"):
        read(tmp_path, checkpoint(), extra={"c/byteorder": b"middle"})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_that_torch_can_write_is_read(protocol: int, tmp_path: Path) -> None:
    value = {
        "cfg": {"a": [1, 2.5, None, True, ("x", {"y": -(2**40)})]},
        "model": OrderedDict(w=torch.ones(2)),
    }
    torch.save(value, tmp_path / "c.pt", pickle_protocol=protocol)
    found = read_checkpoint(tmp_path / "c.pt")
    assert found.cfg == {"a": [1, 2.5, None, True, ["x", {"y": -(2**40)}]]}
    assert found.model["w"].load().tolist() == [1, 1]


def test_neither_torch_nor_the_networks_are_imported_to_read_and_import_a_checkpoint() -> None:
    lines = (
        "import sys",
        "from pathlib import Path",
        "from model_store.checkpoint import read_checkpoint",
        "from model_store.fairseq import import_fairseq",
        "import encoder, encoder.config, encoder.output",
        f"tensors = import_fairseq(read_checkpoint(Path({str(GOLDEN[0])!r}))).tensors",
        "assert len([tensor for tensor in tensors.values()]) > 40",
        "assert 'torch' not in sys.modules",
    )
    subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], check=True, cwd=Path(__file__).parents[2]
    )


# Attacks

LOUD = sorted(attacks(""))
QUIET = sorted(quiet_attacks(""))


def program(name: str, canary: Path) -> bytes:
    command = f"touch {canary}"
    return (attacks(command) | quiet_attacks(command))[name]


@pytest.mark.parametrize("name", LOUD)
def test_these_attacks_are_real(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(b"\x80\x04" + program(name, canary) + b".")  # noqa: S301 - to see it happen once
    assert canary.exists()


@pytest.mark.parametrize("name", LOUD + QUIET)
def test_beside_the_weights_an_attack_is_passed_over_and_the_weights_are_read(
    name: str, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    found = read(tmp_path, checkpoint(extra_state=program(name, canary)))
    assert found.model["w"].load().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.cfg == {"model": {"encoder_layers": 3}}
    assert not canary.exists()
    assert "canary_module" not in sys.modules


@pytest.mark.parametrize("name", LOUD)
def test_what_was_not_run_is_told(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, checkpoint(extra_state=program(name, tmp_path / "canary")))
    assert any(part in " ".join(found.ignored) for part in ("system", "eval", "exec", "getattr"))


@pytest.mark.parametrize(
    "name", sorted({*LOUD, *QUIET} - {"BUILD of a tensor", "hooks that are code"})
)
def test_in_the_weights_place_an_attack_is_refused(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    attack = program(name, canary)
    for pickle_bytes in (checkpoint(model=mapping(w=attack)), b"\x80\x04" + attack + b"."):
        with pytest.raises(
            BadCheckpoint, match=r"not a tensor|a checkpoint is a dict|`model` is missing"
        ):
            read(tmp_path, pickle_bytes)
    assert not canary.exists()


@pytest.mark.parametrize("name", LOUD)
def test_a_config_that_is_code_is_no_config(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    assert read(tmp_path, checkpoint(cfg=mapping(model=program(name, canary)))).cfg in (
        {},
        {"model": {}},
    )
    assert not canary.exists()


def test_harmless_files_tell_of_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, checkpoint()).ignored == ()


# Broken and lying pickles

BROKEN = {
    "empty": b"",
    "no end": b"\x80\x02}",
    "cut in an argument": b"\x80\x02X\xff\xff\x00\x00abc",
    "text longer than the file": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "8-byte length": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f" + b"abc.",
    "negative LONG4": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "negative BINSTRING": b"\x80\x02T\xff\xff\xff\xffabc.",
    "number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "unknown opcode": b"\x80\x02\xfe.",
    "stop on an empty stack": b"\x80\x02.",
    "pop of nothing": b"\x80\x020.",
    "tuple of what is not there": b"\x80\x02\x87.",
    "no mark": b"\x80\x02Nt.",
    "mark as a value": b"\x80\x02(.",
    "memo never made": b"\x80\x02h\x05.",
    "key without value": b"\x80\x02}(X\x01\x00\x00\x00au.",
    "items of a text": b"\x80\x02X\x01\x00\x00\x00aNNs.",
    "append to a dict": b"\x80\x02}Na.",
    "name that is no text": b"\x80\x04NN\x93.",
    "persistent id that is text": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "persistent id of None": b"\x80\x02NQ.",
    "persistent id with too little": b"\x80\x02(" + text("storage") + b"tQ.",
    "persistent id of a module": b"\x80\x02("
    + text("module")
    + b"ctorch\nFloatStorage\n"
    + text("0")
    + text("cpu")
    + b"K\x06tQ.",
    "storage of a giant count": b"\x80\x02" + storage(count=2**200) + b".",
    "a list": b"\x80\x02].",
    "no model": b"\x80\x02" + mapping(cfg=b"}") + b".",
    "model is a list": b"\x80\x02" + mapping(model=b"]") + b".",
    "names that are numbers": checkpoint(model=b"}(K\x01" + tensor() + b"u"),
    "a tensor that is a number": checkpoint(model=mapping(w=b"K\x01")),
    "a tensor of giant sizes": checkpoint(model=mapping(w=tensor(shape=(2**70,), strides=(1,)))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pickle_is_a_clear_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint) as refusal:
        read(tmp_path, BROKEN[name])
    assert len(refusal.value.detail) < 400


@pytest.mark.parametrize(
    "opcode",
    [b"P../../etc/passwd\n", b"\x97", b"\x98"],
    ids=["PERSID", "NEXT_BUFFER", "READONLY_BUFFER"],
)
def test_opcodes_that_torch_never_writes_are_refused(opcode: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnsafeCheckpoint, match="is not used in a torch checkpoint"):
        read(tmp_path, b"\x80\x05" + opcode + b".")


LYING = {
    "storage elsewhere": (
        tensor(held=storage(key="../../etc/passwd")),
        "torch numbers its storages",
    ),
    "storage by an absolute path": (
        tensor(held=storage(key="/etc/passwd")),
        "torch numbers its storages",
    ),
    "storage in other digits": (tensor(held=storage(key="٠")), "torch numbers its storages"),
    "storage of more than there is": (tensor(held=storage(count=7)), "has 24 bytes"),
    "storage of less than there is": (tensor(held=storage(count=5)), "has 24 bytes"),
    "negative storage": (tensor(held=storage(count=-6)), "has 24 bytes"),
    "storage of wider numbers": (tensor(held=storage(kind="torch DoubleStorage")), "has 24 bytes"),
    "shape past the end": (tensor(shape=(3, 3)), "need 9 elements"),
    "offset past the end": (tensor(offset=1), "need 7 elements"),
    "strides past the end": (tensor(strides=(4, 1)), "need 7 elements"),
    "10**12 elements": (tensor(shape=(10**12,), strides=(1,)), "need 1000000000000 elements"),
    "10**12 elements out of one": (
        tensor(shape=(10**12,), strides=(0,)),
        "need 1000000000000 elements",
    ),
    "more elements than one can count": (
        tensor(shape=(2**40, 2**40, 2**40), strides=(0, 0, 0)),
        "need",
    ),
    "negative size": (tensor(shape=(-2, 3)), "negative"),
    "negative stride": (tensor(strides=(-3, 1)), "negative"),
    "negative offset": (tensor(offset=-1), "negative"),
}


@pytest.mark.parametrize("name", LYING)
def test_a_tensor_that_lies_about_its_storage_is_refused(name: str, tmp_path: Path) -> None:
    claim, found = LYING[name]
    with pytest.raises(UnsafeCheckpoint, match=found):
        read(tmp_path, checkpoint(model=mapping(w=claim)))


def test_a_tensor_without_its_storage_or_with_odd_sizes_is_refused(tmp_path: Path) -> None:
    for claim, found in (
        (tensor(held=storage(key="9")), "which the file does not have"),
        (tensor(shape=(2, 3), strides=(1,)), "2 sizes and 1 strides"),
        (tensor(shape=(1,) * 9, strides=(1,) * 9), "at most 8"),
    ):
        with pytest.raises(BadCheckpoint, match=found):
            read(tmp_path, checkpoint(model=mapping(w=claim)))


# Bombs


def test_a_tower_of_tuples_falls_without_a_sound(tmp_path: Path) -> None:
    tower = b")" + b"\x85" * 500_000
    assert read(tmp_path, checkpoint(extra_state=tower)).model["w"].shape == (2, 3)
    as_key = b"}" + tower + b"Ns"  # hashing it would end the process
    assert read(tmp_path, checkpoint(extra_state=as_key)).model["w"].shape == (2, 3)


def test_a_config_of_a_billion_laughs_is_refused(tmp_path: Path) -> None:
    laughs = b"](" + b"N" * 10 + b"e"
    for _ in range(12):
        laughs = b"(" + laughs + b"2" * 9 + b"l"
    with pytest.raises(UnsafeCheckpoint, match="more than 100000 values"):
        read(tmp_path, checkpoint(cfg=mapping(model=laughs)))


def test_a_config_that_holds_itself_or_is_very_deep_is_refused(tmp_path: Path) -> None:
    for cfg in (b"}q\x07" + text("self") + b"h\x07s", mapping(a=b")" + b"\x85" * 1000)):
        with pytest.raises(UnsafeCheckpoint, match="more than 50 levels"):
            read(tmp_path, checkpoint(cfg=cfg))


def test_a_pickle_of_too_many_steps_or_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickle_reader, "MAX_OPCODES", 1000)
    with pytest.raises(UnsafeCheckpoint, match="more than 1000 opcodes"):
        read(tmp_path, checkpoint(extra_state=b"N0" * 1000 + b"N"))
    monkeypatch.setattr("model_store.checkpoint.MAX_PICKLE_BYTES", 100)
    with pytest.raises(UnsafeCheckpoint, match="100 are allowed"):
        read(tmp_path, checkpoint())


# Lying archives


def patched(path: Path, old: bytes, new: bytes, *, last: bool = True) -> Path:
    raw = path.read_bytes()
    at = raw.rfind(old) if last else raw.find(old)
    assert at >= 0
    path.write_bytes(raw[:at] + new + raw[at + len(new) :])
    return path


def central(path: Path, name: bytes, field: int, value: bytes) -> Path:
    """Overwrites bytes of the named entry's record in the central directory."""
    raw = bytearray(path.read_bytes())
    at = raw.rfind(name) - 46
    assert raw[at : at + 4] == b"PK\x01\x02"
    raw[at + field : at + field + len(value)] = value
    path.write_bytes(raw)
    return path


def test_compressed_and_encrypted_entries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeCheckpoint, match="is compressed"):
        read(tmp_path, checkpoint(), method=zipfile.ZIP_DEFLATED)
    path = central(torch_file(tmp_path / "c.pt"), b"c/data/0", 8, b"\x01\x00")
    with pytest.raises(UnsafeCheckpoint, match="is encrypted"):
        read_checkpoint(path)


def test_sizes_that_the_file_does_not_have_are_refused(tmp_path: Path) -> None:
    path = torch_file(tmp_path / "c.pt")
    with pytest.raises(UnsafeCheckpoint, match="states 4096 bytes and holds 24"):
        read_checkpoint(central(path, b"c/data/0", 24, struct.pack("<L", 4096)))
    with pytest.raises(UnsafeCheckpoint, match="overlaps the next entry or runs past the file"):
        read_checkpoint(central(path, b"c/data/0", 20, struct.pack("<2L", 2**31, 2**31)))


def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    path = central(torch_file(tmp_path / "c.pt"), b"c/data/0", 42, struct.pack("<L", 3))
    with pytest.raises(UnsafeCheckpoint, match="overlaps"):
        read_checkpoint(path)


def test_a_local_header_that_reaches_into_the_next_entry_is_refused(tmp_path: Path) -> None:
    path = torch_file(tmp_path / "c.pt")
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"c/data/0") - 2 : raw.find(b"c/data/0")] = struct.pack(
        "<H", 60_000
    )  # length of the extra field
    path.write_bytes(raw)
    with pytest.raises(UnsafeCheckpoint, match="overlaps"):
        read_checkpoint(path).model["w"].load()


def test_two_entries_of_one_name_and_two_pickles_are_refused(tmp_path: Path) -> None:
    path = torch_file(tmp_path / "c.pt", extra={"c/data/1": b"x" * 24})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"c/data/1", b"c/data/0"))
    with pytest.raises(UnsafeCheckpoint, match="is the name of two entries"):
        read_checkpoint(path)
    with pytest.raises(BadCheckpoint, match=r"2 entries are named data.pkl"):
        read(tmp_path, checkpoint(), extra={"d/data.pkl": b"N."})


def test_a_directory_of_millions_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = torch_file(tmp_path / "c.pt")
    raw = bytearray(path.read_bytes())
    end = raw.rfind(b"PK\x05\x06")
    raw[end + 10 : end + 16] = struct.pack("<HL", 65_000, 2**30)
    path.write_bytes(raw)
    with pytest.raises(UnsafeCheckpoint, match="directory has 65000 entries"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95, 0.999])
def test_a_file_cut_off_anywhere_is_a_clear_error(share: float, tmp_path: Path) -> None:
    raw = GOLDEN[0].read_bytes()
    path = tmp_path / "cut.pt"
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(BadCheckpoint, match=r"cut\.pt"):
        read_checkpoint(path)


def test_a_file_with_any_byte_of_its_pickle_or_directory_changed_is_read_or_refused(
    tmp_path: Path,
) -> None:
    honest = torch_file(tmp_path / "c.pt").read_bytes()
    path = tmp_path / "changed.pt"
    rng = np.random.default_rng(3)
    for _ in range(1500):
        raw = bytearray(honest)
        for at in rng.integers(0, len(raw), size=rng.integers(1, 4)):
            raw[at] = rng.integers(256)
        path.write_bytes(raw)
        try:
            for ref in read_checkpoint(path).model.values():
                assert ref.load().nbytes <= 48
        except (BadCheckpoint, UnsafeCheckpoint):
            continue


# Files of another kind


def test_files_of_another_kind_are_told_what_they_are(tmp_path: Path) -> None:
    value = {"cfg": {}, "model": {"w": torch.ones(2)}}
    path = tmp_path / "other.pt"
    torch.save(value, path, _use_new_zipfile_serialization=False)
    with pytest.raises(
        BadCheckpoint,
        match=r"before 1\.6.*torch\.save\(torch\.load\(old, weights_only=True\), new\)",
    ):
        read_checkpoint(path)
    for protocol in range(6):
        path.write_bytes(pickle.dumps({"model": {}}, protocol=protocol))
        with pytest.raises(BadCheckpoint, match="bare pickle"):
            read_checkpoint(path)
    for head, found in (
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (struct.pack("<Q", 40) + b'{"w":{"dtype":"F32"', "safetensors"),
        (b"<!DOCTYPE html>", "not a torch.save checkpoint"),
        (b"", "not a torch.save checkpoint"),
    ):
        path.write_bytes(head)
        with pytest.raises(BadCheckpoint, match=found):
            read_checkpoint(path)


def test_what_is_not_there_or_is_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(BadCheckpoint, match="cannot be opened"):
            read_checkpoint(path)


def test_errors_name_the_file_and_never_its_folder(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint) as refusal:
        read(tmp_path, checkpoint(model=b"]"))
    assert refusal.value.detail.startswith("c.pt: `model` is a list")
    assert str(tmp_path) not in refusal.value.detail
