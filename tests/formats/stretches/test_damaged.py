"""A damaged file is a recording that is read, or an EcgError: never another exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from errors import EcgError, ImplausibleValues
from formats.hints import Hints, hints_from_params
from formats.stretches.opening import open_long
from tests.formats.mutations import Mutator
from tests.formats.stretches.test_others import GOOD, ROWS, SECONDS, edf, npy_of
from tests.formats.test_ishne import ishne

SEEDS = 300
HEADER = (
    b"a 3 250 40\na.dat 212 200(5)/mV 11 1024 995 -22131 0 MLII\n"
    b"a.dat 212x2:3+4 200/uV 11 1024 1011 20052 0 V5\nb.dat 16 200 16 0 0 0 0 ECG1\n# Age: 50\n"
)
FILES = {
    "a.hea": HEADER,
    "c.hea": b"c/3 2 250 30\nd 10\n~ 10\nd 10\n",
    "a.edf": GOOD,
    "gaps.edf": edf(SECONDS, [0, 1, 4, 5, 6.5]),
    "a.ecg": ishne(ROWS, [5, 6, 2]),
    "a.npy": npy_of("(2, 100)"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "a.dat").write_bytes(random.bytes(200))
    (tmp_path / "b.dat").write_bytes(random.bytes(80))
    (tmp_path / "d.hea").write_text("d 1 250 10\nb.dat 16 200/mV 16 0 0 0 0 II\n")
    hints = hints_from_params({"fs": ["250"], "lead_names": ["II,V1"]})
    outcomes = set()
    for seed in range(SEEDS):
        path = tmp_path / name
        path.write_bytes(Mutator(seed)(FILES[name]))
        try:
            recording = open_long(path, hints if name.endswith("npy") else Hints())
            last = recording.samples
            for first, stop in ((0, 5), (last // 2, last // 2 + 50), (last - 3, last)):
                assert recording.read(first, stop).dtype == np.float32
            outcomes.add("read")
        except EcgError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


INFINITE = {
    "a.npy": npy_of("(2, 100)", np.full(200, np.inf, "<f4").tobytes()),
    "a.hea": b"a 1 250 40\na.dat 16 1e-37/mV 16 0 0 0 0 II\n",
}


@pytest.mark.parametrize("name", INFINITE)
def test_infinite_samples_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(np.full(40, 30_000, "<i2").tobytes())
    (tmp_path / name).write_bytes(INFINITE[name])
    hints = hints_from_params({"fs": ["250"], "lead_names": ["II,V1"]})
    recording = open_long(tmp_path / name, hints if name.endswith("npy") else Hints())
    with pytest.raises(ImplausibleValues, match="infinite"):
        recording.read(0, 40)
