"""Recordings of few leads over HTTP and by the client: labels of the one-lead model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ecgfm_client import EcgClient

from heads.one_lead.model import FIBRILLATION, NAMES, NORMAL, shipped_description
from signals.leads import LEADS
from tests.client.test_cli import run_ecgfm
from tests.heads.one_lead.test_model import recording
from tests.server.ecgs import Ecg, analyze, answer_of, get, post, post_npy, problem_of
from tests.server.harness import RunningServer

VERSION = shipped_description().version


def watch(rhythm: str, lead: str = "I", fs: float = 500.0) -> Ecg:
    signal = recording(rhythm, fs=fs)[LEADS.index(lead)][np.newaxis]
    return Ecg(signal, fs, (lead,))


def positive(answer: dict[str, object]) -> list[str]:
    labels = answer["labels"]
    assert isinstance(labels, list)
    return [label["name"] for label in labels if label["positive"]]


@pytest.mark.parametrize(
    ("rhythm", "name", "word"),
    [("sinus", NORMAL, "Sinus rhythm"), ("fibrillation", FIBRILLATION, FIBRILLATION)],
)
@pytest.mark.parametrize("fs", [100.0, 300.0, 512.0])
def test_a_single_lead_is_labelled(
    embedded: RunningServer, rhythm: str, name: str, word: str, fs: float
) -> None:
    ecg = watch(rhythm, fs=fs)
    upright = analyze(embedded, ecg)
    assert name in positive(upright)
    assert upright["model"]["labels"] == VERSION
    assert upright["clinical_analysis"]["rhythm"] == word
    inverted = analyze(embedded, ecg.times(-1))
    assert inverted["labels"] == upright["labels"]
    unknown = answer_of(
        post(embedded, "/analyze", json=ecg.times(730).json(units="unknown", include=["labels"]))
    )
    assert name in positive(unknown)


def test_twelve_leads_beside_it_have_the_embedded_models(embedded: RunningServer) -> None:
    twelve = Ecg(recording("sinus"), 500.0, LEADS)
    records = {"records": [twelve.json(), watch("sinus").json()], "include": ["labels"]}
    first, second = answer_of(post(embedded, "/analyze", json=records))["results"]
    assert first["model"]["labels"].startswith("embedded@")
    assert second["model"]["labels"] == VERSION
    assert first["segments"] > 0 and second["segments"] == 0


def test_the_models_page_and_the_card(embedded: RunningServer) -> None:
    listed = answer_of(get(embedded, "/models"))["few_leads"]
    assert [label["name"] for label in listed["labels"]] == list(NAMES)
    assert f"{listed['name']}@{listed['sha256'][:12]}" == VERSION
    assert listed["card"] == "/docs/models/one-lead"
    assert get(embedded, listed["card"]).status_code == 200


def test_thresholds_of_its_labels_are_known(embedded: RunningServer) -> None:
    ecg = watch("sinus")
    thresholds = '{"Normal rhythm": 1.0, "Other rhythm": 0}'
    sent = post_npy(embedded, "/analyze", ecg, include="labels", thresholds=thresholds)
    answer = answer_of(sent)
    assert positive(answer) == ["Other rhythm"]
    wrong = ecg.json(thresholds={"Abnormal rhythm": 0.5})
    problem_of(post(embedded, "/analyze", json=wrong), 422, "unknown_label")


def test_the_client_shows_it_and_tables_hold_both_kinds(
    embedded: RunningServer, tmp_path: Path
) -> None:
    folder = tmp_path / "ecgs"
    folder.mkdir()
    for name, ecg in {
        "twelve": Ecg(recording("sinus"), 500.0, LEADS),
        "watch": watch("fibrillation"),
        "strap": watch("sinus", "II"),
    }.items():
        header = ",".join(f"{lead} (mV)" for lead in ecg.lead_names)
        np.savetxt(folder / f"{name}.csv", ecg.signal.T, "%.4f", ",", header=header, comments="")
    with EcgClient(embedded.url) as client:
        analysis = client.analyze(folder / "watch.csv", fs=500)
    assert analysis.labels is not None
    assert [label.name for label in analysis.labels] == list(NAMES)
    shown = run_ecgfm(embedded.url, "analyze", folder / "watch.csv", "--fs", "500")
    assert FIBRILLATION in shown.stdout
    out = tmp_path / "table.parquet"
    run_ecgfm(embedded.url, "analyze", folder, "--out", out, "--fs", "500")
    rows = {row["record_id"]: row for row in pq.read_table(out).to_pylist()}
    assert len(rows) == 3
    assert rows["watch.csv"]["rhythm"] == FIBRILLATION
    assert rows["strap.csv"][f"label: {NORMAL}"] > 0.5
    assert rows["twelve.csv"][f"label: {NORMAL}"] is None
