"""Attacks through uploads of several files: WFDB records, zip archives, forms."""

from __future__ import annotations

import gzip
import io

import numpy as np
import soundfile

from tests.attacks.attack import attack, form, header, plain_lines, zipped
from tests.attacks.cost import MIB, OCTETS, Upload

# WFDB


@attack(
    "WFDB",
    count=1000,
    largest=2000,
    was="2000 segments that name the same 48 MB file: it is unpacked 2000 times, 13 GB",
    now="recording_too_long",
)
def wfdb_segments_of_one_file(count: int) -> Upload:
    frames = 2 * MIB
    master = f"m/{count} 12 500 {count * frames}\n" + f"s {frames}\n" * count
    segment = header("s", 500, frames, plain_lines("s.dat"))
    files = [("m.hea", master.encode()), ("s.hea", segment), ("s.dat", bytes(24 * frames))]
    return form(files)


@attack(
    "WFDB",
    count=500,
    largest=2000,
    was="short segments at the start of a large file: all of it is unpacked for each",
    now="read corrupt_file",
)
def wfdb_short_segments(count: int) -> Upload:
    frames = 400
    master = f"m/{count} 12 500 {count * frames}\n" + f"s {frames}\n" * count
    segment = header("s", 500, frames, plain_lines("s.dat"))
    files = [("m.hea", master.encode()), ("s.hea", segment), ("s.dat", bytes(8 * MIB))]
    return form(files)


@attack(
    "WFDB",
    count=60,
    largest=480,
    was="256 headers that name each other: each is parsed for each other one, 65 s",
    now="corrupt_file several_recordings missing_part",
)
def wfdb_headers_name_each_other(count: int) -> Upload:
    masters = [f"m{number}" for number in range(count)]
    segments = [f"s{number}" for number in range(count)]
    lines = "".join(f"{name} 10\n" for name in segments)
    signals = header("s", 500, 10, [f"{name}.dat 16" for name in ["x"] * 200])
    files = [(f"{name}.hea", f"{name}/{count} 12 500\n{lines}".encode()) for name in masters]
    files += [(f"{name}.hea", signals) for name in segments]
    return form(files)


@attack("WFDB", count=50_000, largest=1_300_000, now="read")
def wfdb_samples(count: int) -> Upload:
    head = header("r", 500, count, plain_lines("r.dat"))
    return form([("r.hea", head), ("r.dat", bytes(24 * count))])


@attack("WFDB", count=100_000, largest=15_900_000, now="read")
def wfdb_differences(count: int) -> Upload:
    head = header("r", 500, count, ["r.dat 8 200 8 0 0 0 0 I"])
    return form([("r.hea", head), ("r.dat", bytes(count))])


@attack("WFDB", count=60, largest=256, now="unknown_lead missing_part corrupt_file")
def wfdb_signals_in_files(count: int) -> Upload:
    lines = [f"{number}.dat 16 200 16 0 0 0 0 x{number}" for number in range(count)]
    files = [(f"{number}.dat", bytes(200)) for number in range(count)]
    return form([("r.hea", header("r", 500, 100, lines)), *files])


@attack(
    "WFDB",
    count=400_000,
    largest=15_900_000,
    was="",
    now="read",
)
def wfdb_flac(count: int) -> Upload:
    signal = io.BytesIO()
    soundfile.write(signal, np.zeros((count, 1), np.int16), 500, "PCM_16", format="FLAC")
    head = header("r", 500, count, ["r.dat 516 200 16 0 0 0 0 I"])
    return form([("r.hea", head), ("r.dat", signal.getvalue())])


# Archives


@attack(
    "zip archive",
    count=100,
    largest=256,
    was="256 tables, of each of which 64 kB are parsed to detect it, take 5 s",
    now="several_recordings",
)
def zip_of_tables(count: int) -> Upload:
    return zipped((f"{number}.csv", b"1,2\n" * 60_000) for number in range(count))


@attack("zip archive", count=5, largest=100, now="unsafe_file body_too_large")
def zip_bomb(count: int) -> Upload:
    return zipped([("a.csv", bytes(count * 10 * MIB))])


@attack("zip archive", count=10, largest=256, now="unknown_format body_too_large")
def zip_of_small_bombs(count: int) -> Upload:
    return zipped((f"{number}", bytes(MIB // 4)) for number in range(count))


@attack("zip archive", count=100, largest=65_000, now="unknown_format unsafe_file")
def zip_of_many(count: int) -> Upload:
    return zipped((f"{number}", b"x") for number in range(count))


# Forms and compressed bodies


@attack("multipart", count=400, largest=1000, now="unknown_format body_too_large")
def form_of_files(count: int) -> Upload:
    return form((f"{number}", b"x" * 1000) for number in range(count))


@attack("multipart", count=1_000_000, largest=12_000_000, now="unknown_format")
def form_of_partial_boundaries(count: int) -> Upload:
    return form([("a", b"\r\n--" * count)])


@attack("gzip", count=4000, largest=9900, now="unknown_format malformed_body missing_field")
def gzip_members(count: int) -> Upload:
    return Upload(gzip.compress(b"") * count + gzip.compress(b"xy"), OCTETS, "gzip")


@attack("gzip", count=10, largest=63, now="unknown_format body_too_large")
def gzip_bomb(count: int) -> Upload:
    return Upload(gzip.compress(bytes(count * MIB)), OCTETS, "gzip")
