"""Zips are unpacked in memory, within limits that are tested from both sides."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from errors import BodyTooLarge, CorruptFile, EcgError, UnsafeFile
from formats.archive import MAX_ENTRIES, MAX_RATIO, RATIO_FROM_BYTES, is_zip, unpack_upload
from formats.parts import Part

LIMIT = 64 << 20
NOISE = np.random.default_rng(0).bytes(1000)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def unpacked(body: bytes, max_bytes: int = LIMIT) -> list[tuple[str, bytes]]:
    return [(part.name, part.data) for part in unpack_upload(Part("upload", body), max_bytes)]


def test_a_zip_is_known_by_its_start() -> None:
    assert is_zip(zipped({"a": b"x"}))
    assert is_zip(zipped({}))
    assert not is_zip(b"PK")
    assert not is_zip(b"x" + zipped({"a": b"x"}))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_are_unpacked_in_order_without_folders_and_clutter(method: int) -> None:
    files = {
        "b/": b"",
        "b/two": NOISE,
        "__MACOSX/b/._two": b"x",
        "b/.DS_Store": b"x",
        "Thumbs.db": b"x",
        "c/desktop.ini": b"x",
        "a": b"one",
        "empty": b"",
        "b/Thumbs.db.dat": b"kept",
    }
    assert unpacked(zipped(files, method)) == [
        ("b/two", NOISE),
        ("a", b"one"),
        ("empty", b""),
        ("b/Thumbs.db.dat", b"kept"),
    ]


def test_several_arrays_stay_one_part_with_members() -> None:
    body = zipped({"signal.npy": b"s", "fs.npy": b"f", "x.npy": b"x"})
    (part,) = unpack_upload(Part("upload.npz", body), LIMIT)
    assert (part.name, part.data) == ("upload.npz", body)
    assert [(member.name, member.data) for member in part.members] == [
        ("signal.npy", b"s"),
        ("fs.npy", b"f"),
        ("x.npy", b"x"),
    ]
    assert unpacked(zipped({"signal.npy": b"s"})) == [("signal.npy", b"s")]
    assert unpacked(zipped({"s.npy": b"s", "t.txt": b"t"})) == [("s.npy", b"s"), ("t.txt", b"t")]


def test_the_number_of_files_is_limited() -> None:
    files = {str(number): b"" for number in range(MAX_ENTRIES)}
    assert len(unpacked(zipped(files))) == MAX_ENTRIES
    with pytest.raises(UnsafeFile) as caught:
        unpacked(zipped(files | {"one more": b""}))
    assert caught.value.detail == "the zip holds more than 256 files"


def test_the_sum_of_the_sizes_is_limited() -> None:
    body = zipped({"a": NOISE, "b": NOISE, "c": NOISE})
    assert len(unpacked(body, 3000)) == 3
    with pytest.raises(BodyTooLarge) as caught:
        unpacked(body, 2999)
    assert caught.value.detail == "the zip unpacks to more than 2999 bytes, the limit"


@pytest.mark.parametrize("stated", [1, 2, 400])
def test_a_file_larger_than_its_directory_states_is_refused(stated: int) -> None:
    body = zipped({"a": NOISE}, zipfile.ZIP_STORED)
    at = body.index(b"PK\x01\x02") + 24
    lying = body[:at] + struct.pack("<I", stated) + body[at + 4 :]
    with pytest.raises(EcgError) as caught:
        unpacked(lying, 500)
    assert isinstance(caught.value, BodyTooLarge | CorruptFile)


def test_no_more_is_inflated_than_the_directory_states() -> None:
    """zipfile inflates as much as it is asked for, and only then cuts it to the stated size."""
    body = zipped({"a": bytes(16 << 20)})
    directory = body.index(b"PK\x01\x02")
    lying = bytearray(body)
    struct.pack_into("<I", lying, directory + 16, zlib.crc32(bytes(10)))
    struct.pack_into("<I", lying, directory + 24, 10)
    tracemalloc.start()
    assert unpacked(bytes(lying)) == [("a", bytes(10))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_zip_bomb_is_refused_by_the_stated_ratio() -> None:
    # Zeros shrink by a factor of about 1000 when deflated.
    assert unpacked(zipped({"a": bytes(RATIO_FROM_BYTES)})) == [("a", bytes(RATIO_FROM_BYTES))]
    with pytest.raises(UnsafeFile) as caught:
        unpacked(zipped({"a": bytes(RATIO_FROM_BYTES + 1)}))
    assert caught.value.detail == f"the zip would unpack to more than {MAX_RATIO} times its size"
    # Half noise, half zeros: a factor of about 2.
    noise = np.random.default_rng(0).bytes(RATIO_FROM_BYTES)
    assert len(unpacked(zipped({"a": noise + bytes(RATIO_FROM_BYTES)}))) == 1


def test_the_ratio_is_limited_to_200() -> None:
    noise = np.random.default_rng(0).bytes(6000)
    body = zipped({"a": noise}, zipfile.ZIP_STORED)
    # The directory states 200 times the 6000 packed bytes; only 6000 are there.
    at = body.index(b"PK\x01\x02") + 24
    assert unpacked(body[:at] + struct.pack("<I", 1_200_000) + body[at + 4 :]) == [("a", noise)]
    with pytest.raises(UnsafeFile) as caught:
        unpacked(body[:at] + struct.pack("<I", 1_200_001) + body[at + 4 :])
    assert caught.value.detail == "the zip would unpack to more than 200 times its size"


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", "C:a", "b\\a", ".."])
def test_a_path_outside_of_the_zip_is_refused(name: str) -> None:
    with pytest.raises(UnsafeFile) as caught:
        unpacked(zipped({"ok": b"x", name: b"x"}))
    assert caught.value.detail == "the zip contains a path outside of the archive"


@pytest.mark.parametrize("name", ["..a", "a..", "b/..a/c", "a b"])
def test_two_dots_in_a_name_are_allowed(name: str) -> None:
    assert unpacked(zipped({name: b"x"})) == [(name, b"x")]


@pytest.mark.parametrize("place", ["directory", "local header"])
def test_an_encrypted_file_is_refused(place: str) -> None:
    body = bytearray(zipped({"a": b"x", "b": b"y"}))
    at = body.rindex(b"PK\x01\x02") + 8 if place == "directory" else body.rindex(b"PK\x03\x04") + 6
    body[at] |= 1
    with pytest.raises(UnsafeFile) as caught:
        unpacked(bytes(body))
    assert caught.value.detail == "the zip is encrypted; send it without a password"


def test_other_compression_methods_are_refused() -> None:
    with pytest.raises(UnsafeFile) as caught:
        unpacked(zipped({"a": b"x"}, zipfile.ZIP_LZMA))
    assert caught.value.detail == (
        "the zip uses compression method 14; stored and deflate are allowed"
    )


def test_a_zip_in_a_zip_and_a_repeated_name_are_refused() -> None:
    with pytest.raises(UnsafeFile) as caught:
        unpacked(zipped({"a": b"x", "b.zip": zipped({"c": b"x"})}))
    assert caught.value.detail == ("the zip holds another zip; send the files of one recording")
    twice = zipped({"a": b"x", "b": b"y", "c": b"z"}).replace(b"c", b"a")
    with pytest.raises(UnsafeFile) as caught:
        unpacked(twice)
    assert caught.value.detail == "the zip holds two files of the same name"


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-30],
        lambda body: body[: len(body) // 2],
        lambda body: body.replace(NOISE[:4], b"\0\0\0\0"),
        lambda body: b"b\x01\x02".join(body.rsplit(b"PK\x03", 1)),
        lambda body: b"PK\x03\x04",
    ],
    ids=["cut", "half", "content", "local header", "start only"],
)
def test_a_damaged_zip_is_a_corrupt_file(damage: object) -> None:
    body = zipped({"a": NOISE, "b": NOISE}, zipfile.ZIP_STORED)
    damaged = damage(body)  # type: ignore[operator]
    assert damaged != body
    with pytest.raises(CorruptFile) as caught:
        unpacked(damaged)
    assert caught.value.detail == "the zip is damaged"
