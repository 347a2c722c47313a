"""Files of small recorders over HTTP: a recording has the answer that it has as JSON."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from signals.leads import LEADS
from tests.data import requires_shared
from tests.formats.binary_files import atc, atc_format, contec, wav
from tests.formats.samples import parts_of
from tests.formats.xml import test_sapphire as sapphire
from tests.server.ecgs import answer_of, lasting, post, problem_of, twelve_seconds
from tests.server.harness import RunningServer

CONTEC_LEADS = ("II", "III", *LEADS[6:])
UV_PER_STEP = 5.0
# As the devices number them: whole steps of 5 uV.
STEPS = np.rint(twelve_seconds().signal * 1000 / UV_PER_STEP).astype(int)


def of_atc() -> bytes:
    form = atc_format(500, int(1000 * UV_PER_STEP))
    return atc(dict(zip(LEADS, STEPS, strict=True)), form=form)


def of_contec() -> bytes:
    return contec(STEPS[[LEADS.index(lead) for lead in CONTEC_LEADS]] + 2048)


def of_wav() -> bytes:
    return wav(STEPS.T.astype("<i2").tobytes(), 12, 2, fs=500)


def of_sapphire() -> bytes:
    leads = [
        sapphire.lead(lead, " ".join(map(str, row))) for lead, row in zip(LEADS, STEPS, strict=True)
    ]
    return sapphire.sapphire(sapphire.group(*leads, S=UV_PER_STEP, U="uV")).encode()


@pytest.mark.parametrize(
    ("make", "leads", "fs", "form"),
    [
        (of_atc, LEADS, 500, {}),
        (of_contec, CONTEC_LEADS, 800, {}),
        (of_wav, LEADS, 500, {"gain": str(1000 / UV_PER_STEP)}),
        (of_sapphire, LEADS, 500, {}),
    ],
)
def test_a_recording_has_the_same_answer_as_its_file(
    bare_server: RunningServer,
    make: Callable[[], bytes],
    leads: tuple[str, ...],
    fs: int,
    form: dict[str, str],
) -> None:
    signal = STEPS[[LEADS.index(lead) for lead in leads]] * UV_PER_STEP / 1000
    asked = {"include": "quality,measurements,clinical_analysis"}
    person = {"age": 63, "sex": "female"} if make is of_contec else {}
    body = {"signal": signal.tolist(), "fs": fs, "lead_names": list(leads), "patient": person}
    expected = answer_of(post(bare_server, "/analyze", json=body, params=asked))
    files = {"file": ("upload", make())}
    answer = answer_of(post(bare_server, "/analyze", files=files, data=form | asked))
    assert lasting(answer) == lasting(expected)
    assert answer["measurements"] and answer["quality"]


@requires_shared
@pytest.mark.parametrize(
    ("name", "leads", "fs"),
    [
        ("atc/1_lead.atc", ["I"], 300.0),
        ("atc/6_lead.atc", list(LEADS[:6]), 300.0),
        ("atc/normal-v2.atc", ["I"], 300.0),
        ("contec/0000050.ECG", ["II", "III"], 800.0),
    ],
)
def test_a_real_file_is_analysed(
    bare_server: RunningServer, name: str, leads: list[str], fs: float
) -> None:
    files = {"file": (name, parts_of(f"more_formats/{name}")[0].data)}
    form = {"include": "signal,quality,reported"}
    answer = answer_of(post(bare_server, "/analyze", files=files, data=form))
    signal = answer["signal"]
    assert (signal["lead_names"], signal["fs"], signal["units"]) == (leads, fs, "mV")
    assert answer["reported"]["recording_date"]


@requires_shared
def test_a_broken_checksum_is_named(bare_server: RunningServer) -> None:
    files = {"file": ("x", parts_of("more_formats/atc/broken_checksum.atc")[0].data)}
    problem = problem_of(post(bare_server, "/analyze", files=files), 422, "corrupt_file")
    assert problem["detail"] == 'ATC block "ecg ": the checksum is wrong'
