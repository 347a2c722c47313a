"""Count the pacemakers and the pacing spikes that are found in recordings without a pacemaker.

    OMP_NUM_THREADS=1 python -m benchmarks.false_pacemaker --data FOLDER

The folder holds qtdb/, mitbih/wfdb/, mitbih_ds1/ds1.tar.xz, and, packed, svdb/ and cudb/.

QTDB, and crops of the MIT-BIH and other databases of two leads or one, of 10 s each; QTDB also
whole. The files are read and judged as uploads are, without an encoder. Left out are the records
with a pacemaker (PACED). The table is written between its marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from analysis.deployment import Deployment
from analysis.options import AnalyzeOptions
from analysis.pacemaker_part import pacemaker_part
from analysis.prepare import prepare
from benchmarks.rhythm.answers import wilson_interval
from formats.hints import Hints
from formats.lead_names import lead_names
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from training.datasets.packed import loader_of
from training.page import ACCURACY_PAGE, write_between

# MIT-BIH's directory of records, and the notes of CUDB as its packed copy cites them.
PACED: Final = {
    *("102", "104", "107", "217", "sel102", "sel104", "sel107", "sel217"),
    *("cu12", "cu15", "cu24", "cu25", "cu32"),
}
CROP_S: Final = 10.0
MAX_SECONDS: Final = 3600.0
# Their headers name no standard leads ("ECG1", "D3"), or a pair that differs between records.
TWO_LEADS: Final = ("II", "V5")
NO_ENCODER: Final = Deployment("none", "none", "not needed here", {})
PACEMAKER: Final = AnalyzeOptions(include=frozenset({"pacemaker"}))
BEGIN: Final = "<!-- false pacemaker: written by python -m benchmarks.false_pacemaker -->\n"
END: Final = "<!-- end of false pacemaker -->\n"


@dataclass(frozen=True)
class Seen:
    """What the answer to one recording says of a pacemaker.

    spikes   None where they cannot be seen
    """

    spikes: int | None
    chamber: str | None
    present: bool


def main(arguments: list[str] | None = None) -> None:
    """Judge the recordings, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    qtdb = list(_wfdb(_folder_parts(options.data / "qtdb")))
    others = {
        "MIT-BIH, seven records": _wfdb(_folder_parts(options.data / "mitbih" / "wfdb")),
        "MIT-BIH, DS1": _wfdb(_tar_parts(options.data / "mitbih_ds1" / "ds1.tar.xz")),
        "SVDB": _packed(options.data / "svdb"),
        "CUDB": _packed(options.data / "cudb"),
    }
    rows = [_row("QTDB, whole", [seen_in(record) for record in qtdb]), _crops_row("QTDB", qtdb)]
    rows += [_crops_row(name, records) for name, records in others.items()]
    text = section(rows)
    print(text)
    write_between(options.page, BEGIN, END, text)


def section(rows: list[str]) -> str:
    """Return the section of docs/accuracy.md."""
    table = "\n".join(rows)
    return f"""**Without a pacemaker, two leads or one**: QTDB's excerpts whole, and crops of
{CROP_S:g} s of them and of other databases; paced records are left out. No encoder. Pacing spikes
cannot be seen below 250 Hz (SVDB) or on one lead (CUDB). In brackets the 95 % interval of the share
(Wilson); crops of one record are alike, so that it is too narrow for them. The rule that a
spike leaves the range of the samples around it was made for QTDB: before it, 9 of 49 had spikes
(samples at wrong times on steep sides of QRS complexes) and one a pacemaker. Written by

    python -m benchmarks.false_pacemaker --data DATA

| recordings | number | spikes can be seen | spikes seen | a chamber paced | pacemaker present |
|---|---|---|---|---|---|
{table}
"""


def seen_in(record: EcgRecord) -> Seen:
    """Return what the answer says, without labels."""
    prepared = prepare(record, PACEMAKER, NO_ENCODER, max_seconds=MAX_SECONDS)
    assert prepared.measured is not None, "the part was asked for. This is a bug."
    part, _ = pacemaker_part(prepared.measured, None, prepared.judgement)
    if part is None:
        return Seen(None, None, present=False)
    evidence = part["evidence"]
    return Seen(evidence["spikes"], evidence["chamber"], present=part["present"] is True)


def crops(record: EcgRecord) -> Iterator[EcgRecord]:
    """Yield the whole crops of a recording."""
    width = round(CROP_S * record.fs)
    for start in range(0, record.samples - width + 1, width):
        signal = np.ascontiguousarray(record.signal[:, start : start + width])
        yield replace(record, signal=signal)


def _crops_row(name: str, records: Iterable[EcgRecord]) -> str:
    return _row(name, [seen_in(crop) for record in records for crop in crops(record)])


def _row(name: str, seen: list[Seen]) -> str:
    visible = [each for each in seen if each.spikes is not None]
    with_spikes = sum(bool(each.spikes) for each in visible)
    paced = sum(each.chamber is not None for each in seen)
    present = sum(each.present for each in seen)
    low, high = wilson_interval(present, len(seen))
    counts = f"{len(seen)} | {len(visible)} | {with_spikes} | {paced}"
    return f"| {name} | {counts} | {present} ({low:.4f}-{high:.4f}) |"


def _wfdb(parts: dict[str, Part]) -> Iterator[EcgRecord]:
    """Yield the unpaced records among WFDB files, read as uploads are."""
    hints = Hints(lead_names=lead_names(list(TWO_LEADS), ("lead_names",)))
    for name, header in sorted(parts.items()):
        stem = Path(name).stem
        if name.endswith(".hea") and stem not in PACED:
            yield read([header, parts[f"{stem}.dat"]], hints)


def _folder_parts(folder: Path) -> dict[str, Part]:
    return {path.name: Part(path.name, path.read_bytes()) for path in folder.iterdir()}


def _tar_parts(path: Path) -> dict[str, Part]:
    """Return the files of a tar archive by their names without folders."""
    parts = {}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                name = Path(member.name).name
                parts[name] = Part(name, file.read())
    return parts


def _packed(folder: Path) -> Iterator[EcgRecord]:
    for row, signal in loader_of(folder).records():
        if row["record"] not in PACED:
            names = TWO_LEADS[: len(signal)]
            yield EcgRecord(np.asarray(signal, np.float32), float(row["fs"]), names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder with the databases")
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


if __name__ == "__main__":
    main()
