"""NeuroKit2 is loaded only where it is asked for, and without a trace outside of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

HEAVY = '{"neurokit2", "pandas", "sklearn", "matplotlib", "pyarrow"}'
# Everything that the server offers by default, on a recording of 70 s.
DEFAULT_ONLY = f"""
import sys
import numpy as np
from analysis.deployment import Deployment
from analysis.options import ON_DEMAND_PARTS, PARTS, AnalyzeOptions
from analysis.prepare import prepare
from analysis.warm_up import warm_up
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.intervals.synthetic import synthetic
import server.workers.signal_worker

warm_up()
parts = frozenset(PARTS) - {{"hrv"}}
record = EcgRecord(synthetic(seconds=70.0).astype(np.float32), 500.0, LEADS)
no_encoder = Deployment("none", "none", "none", {{}})
prepare(record, AnalyzeOptions(include=parts), no_encoder, max_seconds=100.0)
short = EcgRecord(record.signal[:, :5000], 500.0, LEADS)
prepare(short, AnalyzeOptions(include=frozenset(PARTS)), no_encoder, max_seconds=100.0)
loaded = {HEAVY} & {{name.split(".")[0] for name in sys.modules}}
sys.exit(f"loaded: {{loaded}}" if loaded else 0)
"""
# Every warning is an error; no program may start; no file may be written, even where the home
# folder would allow it.
LOADED = """
import resource
import sys

events = []
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.system", "os.mkdir"):
        events.append((event, arguments))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        events.append((event, arguments))
sys.addaudithook(watch)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

import numpy as np
from intervals.neurokit.leads import lead_values
from intervals.neurokit.loading import load
from intervals.neurokit.variability import normal_intervals, variability
from tests.intervals.synthetic import synthetic

neurokit2 = load()
assert lead_values(synthetic()[1])["heart_rate_bpm"] > 60
beats_s = np.cumsum(0.85 + 0.03 * np.sin(np.arange(100)))
used = normal_intervals(beats_s, np.ones(100, bool), np.zeros(99, bool))
assert variability(used, 85.0).time["RMSSD"] > 0
assert not events, events
assert not any(name.startswith("matplotlib") for name in sys.modules)
"""


def run(program: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={**environment, **more},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_nothing_of_it_is_imported_by_default(tmp_path: Path) -> None:
    done = run(DEFAULT_ONLY, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("more", [{}, {"DISPLAY": ":1"}, {"MPLBACKEND": "tkagg"}])
def test_it_prints_nothing_writes_nothing_and_starts_nothing(
    tmp_path: Path, more: dict[str, str]
) -> None:
    done = run(LOADED, tmp_path, **more)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_matplotlib_is_itself_for_others(tmp_path: Path) -> None:
    after = "import matplotlib.path; assert matplotlib.__version__; matplotlib.path.Path"
    assert (
        run(f"from intervals.neurokit.loading import load; load(); {after}", tmp_path).stderr == ""
    )
    before = (
        "import matplotlib; from intervals.neurokit.loading import load; load(); "
        "import sys; assert sys.modules['matplotlib'] is matplotlib; matplotlib.__version__"
    )
    home = {"MPLCONFIGDIR": str(tmp_path)}
    assert run(before, tmp_path, **home).returncode == 0
