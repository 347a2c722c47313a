"""The life of a head on a real server: trained, scored, installed, used, compared, rolled back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heads.cache import CHECK_INTERVAL_S
from heads.folder import WEIGHTS_FILE, read_head
from heads.registry import Registry
from tests.data import SHARED, requires_shared
from tests.server.ecgs import Ecg, analyze, answer_of, get, lasting, post, ptbxl, ptbxl_names, says
from tests.server.harness import RunningServer
from training.__main__ import main
from training.heads.embeddings_file import read_embeddings

pytestmark = requires_shared

PTBXL = str(SHARED / "ptbxl")
RECORDINGS = 400
SEEN_WITHIN_S = 120.0  # keeps a failing test from hanging


@dataclass
class Place:
    """A folder with everything that was made, and the server that it was made with."""

    folder: Path
    server: RunningServer

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def registry(self) -> Registry:
        return Registry(self.models)

    def __truediv__(self, name: str) -> str:
        return str(self.folder / name)


def run(*arguments: str, code: int = 0) -> None:
    assert main(arguments) == code


def labels(recipe: str = "superclass") -> tuple[str, ...]:
    return ("--ptbxl", PTBXL, "--recipe", recipe)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Embed several hundred recordings of PTB-XL with the server, and train two heads on them."""
    folder = tmp_path_factory.mktemp("heads")
    with RunningServer(ECG_MODELS_DIR=str(folder / "models")) as server:
        made = Place(folder, server)
        run(
            "embed",
            "--url",
            server.url,
            "--ptbxl",
            PTBXL,
            "--limit",
            str(RECORDINGS),
            "--out",
            made / "embeddings.parquet",
        )
        data = ("--embeddings", made / "embeddings.parquet", *labels())
        run("train", *data, "--out", made / "first", "--card", "For tests.")
        run(
            "train",
            *data,
            "--kind",
            "mlp",
            "--hidden",
            "16",
            "--seed",
            "1",
            "--out",
            made / "second",
        )
        run("install", made / "first", "--models-dir", str(made.models))
        run("install", made / "second", "--models-dir", str(made.models))
        yield made


@pytest.fixture(scope="module")
def elsewhere(place: Place) -> Iterator[RunningServer]:
    """A server with another encoder, of random weights, on the same models folder."""
    (bundle,) = [
        path for path in (place.models / "imported").iterdir() if "pretrained" in path.name
    ]
    run("random-encoder", str(bundle), place / "random")
    with RunningServer(ECG_MODEL=place / "random", ECG_MODELS_DIR=str(place.models)) as server:
        yield server


def real() -> Ecg:
    return ptbxl(ptbxl_names(1)[0])


def soon(check: Callable[[], bool]) -> None:
    """Wait until every process shows a change; each looks for changes once a second."""
    changed_s = time.monotonic()
    while not check() or time.monotonic() < changed_s + CHECK_INTERVAL_S:
        assert time.monotonic() < changed_s + SEEN_WITHIN_S, "the server did not see the change"
        time.sleep(0.1)


def champion(place: Place) -> int:
    version = place.registry.aliases("superclass").champion
    assert version is not None
    return version


def make_champion(place: Place, version: int) -> None:
    """Wait until the server answers with it, too."""
    if champion(place) != version:
        run(
            "promote",
            "superclass",
            str(version),
            "--ungated",
            "for a test",
            "--models-dir",
            str(place.models),
        )
    soon(
        lambda: (
            analyze(place.server, real(), include="superclass")["model"]["superclass"]
            == f"heads/superclass@{version}"
        )
    )


def features(server: RunningServer, ecg: Ecg) -> np.ndarray:
    return np.array(answer_of(post(server, "/extract_features", json=ecg.json()))["features"])


def test_embeddings_know_their_encoder_and_patients(place: Place) -> None:
    found = read_embeddings(place.folder / "embeddings.parquet")
    (loaded,) = [
        model
        for model in get(place.server, "/models").json()["models"]
        if model["role"] == "features"
    ]
    assert (found.encoder.name, found.encoder.revision, found.encoder.sha256) == (
        loaded["name"],
        loaded["revision"],
        loaded["sha256"],
    )
    assert len(found) == RECORDINGS
    assert 1 < len(np.unique(found.patients)) < RECORDINGS


def test_the_champion_answers_for_the_superclass_as_its_folder_says(place: Place) -> None:
    make_champion(place, 1)
    ecg = real()
    answer = analyze(place.server, ecg)
    expected = read_head(place.folder / "first").predict(features(place.server, ecg))
    found = answer["superclass"]
    assert list(found["probabilities"]) == ["NORM", "MI", "STTC", "CD", "HYP"]
    assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    assert sorted(found["positive"]) == sorted(expected.positive)
    assert found["top"] == max(
        found["positive"], key=lambda name: found["probabilities"][name], default=None
    )
    assert answer["model"]["superclass"] == "heads/superclass@1"
    assert not says(answer, "superclass:")


def test_without_features_asked_for_the_head_still_has_its_embedding(place: Place) -> None:
    whole, alone = (
        analyze(place.server, real()),
        analyze(place.server, real(), include="superclass"),
    )
    assert alone["superclass"] == whole["superclass"]
    assert "features" not in alone


def test_on_demand_every_head_answers_by_name_and_version(place: Place) -> None:
    make_champion(place, 1)
    data = (
        "--embeddings",
        place / "embeddings.parquet",
        *labels("rhythm"),
        "--columns",
        "Sinus rhythm,Atrial fibrillation",
    )
    run("train", *data, "--out", place / "rhythm")
    run("install", place / "rhythm", "--models-dir", str(place.models))
    soon(lambda: "rhythm" in analyze(place.server, real(), include="heads")["heads"])
    heads = analyze(place.server, real(), include="heads")["heads"]
    assert {name: head["version"] for name, head in heads.items()} == {"rhythm": 1, "superclass": 1}
    expected = read_head(place.folder / "rhythm").predict(features(place.server, real()))
    assert heads["rhythm"]["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    assert heads["rhythm"]["positive"] == expected.positive


def test_operators_see_champion_and_candidate(place: Place) -> None:
    make_champion(place, 1)
    heads = [
        head
        for head in get(place.server, "/models").json()["heads"]
        if head["name"] == "superclass"
    ]
    first = next(head for head in heads if head["alias"] == "champion")
    assert (first["version"], first["loaded"], first["reason"], first["kind"], first["card"]) == (
        1,
        True,
        None,
        "linear",
        "For tests.",
    )
    assert {label["name"] for label in first["labels"]} == {"NORM", "MI", "STTC", "CD", "HYP"}
    health = {head["name"]: head for head in get(place.server, "/health").json()["model"]["heads"]}
    assert health["superclass"] == {
        "name": "superclass",
        "version": 1,
        "ready": True,
        "reason": None,
    }


def test_a_short_recording_has_no_head_parts_and_says_why(place: Place) -> None:
    answer = analyze(place.server, real().seconds(0, 4), include="superclass,heads")
    assert answer["superclass"] is None and answer["heads"] is None
    assert says(answer, "superclass:", "5 s") and says(answer, "heads:", "5 s")


def test_many_recordings_are_answered_by_one_version(place: Place) -> None:
    records = [ptbxl(name).json() for name in ptbxl_names(6)]
    results = answer_of(
        post(place.server, "/analyze", json={"records": records, "include": ["superclass"]})
    )["results"]
    assert len({result["model"]["superclass"] for result in results}) == 1
    assert (
        results[0]["superclass"]
        == analyze(place.server, real(), include="superclass")["superclass"]
    )


def test_scores_stand_beside_their_baselines(
    place: Place, elsewhere: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        "embed",
        "--url",
        elsewhere.url,
        "--ptbxl",
        PTBXL,
        "--limit",
        str(RECORDINGS),
        "--out",
        place / "random.parquet",
    )
    data = ("--embeddings", place / "embeddings.parquet", *labels(), "--split", "gate")
    run(
        "score",
        place / "first",
        *data,
        "--random",
        place / "random.parquet",
        "--out",
        place / "scores",
    )
    report = json.loads((place.folder / "scores" / "scores.json").read_text())
    assert {path.name for path in (place.folder / "scores").iterdir()} == {
        "scores.json", "roc.png", "precision_recall.png", "calibration.png", "confusion.png",
    }  # fmt: skip
    auroc = report["scores"]["macro"]["auroc"]
    assert 0.5 < auroc["low"] < auroc["value"] < auroc["high"]
    assert report["baselines"]["prevalence"]["macro"]["auroc"] == 0.5
    random = report["baselines"]["random_encoder"]
    assert random["records"] == report["scores"]["records"]
    assert "-random-0" in random["encoder"]
    assert "random encoder" in capsys.readouterr().out


def test_nobody_is_scored_on_patients_that_were_trained_on(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        "score",
        place / "first",
        "--embeddings",
        place / "embeddings.parquet",
        *labels(),
        "--split",
        "train",
        code=1,
    )
    assert "among those that the head was trained on" in capsys.readouterr().err
    run("score", place / "first", "--embeddings", place / "embeddings.parquet", *labels(), code=1)
    assert "no recording is in test" in capsys.readouterr().err


def test_versions_are_compared_on_the_gate_set(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (
        "--embeddings",
        place / "embeddings.parquet",
        *labels(),
        "--models-dir",
        str(place.models),
    )
    run("compare", "superclass", "2", "1", *data)
    output = capsys.readouterr().out
    assert "version 2 against 1" in output
    assert all(label in output for label in ("NORM", "MI", "STTC", "CD", "HYP"))
    assert "5 % bound" in output


def test_the_gate_keeps_the_champion_against_the_same_head_again(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = champion(place)
    run(
        "install", place / ("first" if before == 1 else "second"), "--models-dir", str(place.models)
    )
    data = (
        "--embeddings",
        place / "embeddings.parquet",
        *labels(),
        "--models-dir",
        str(place.models),
    )
    run("promote", "superclass", *data, code=3)
    assert "keep the champion" in capsys.readouterr().out
    assert champion(place) == before
    assert place.registry.audit("superclass")[-1]["action"] == "keep"


def test_a_champion_is_rolled_back_without_a_restart(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    make_champion(place, 1)
    first = lasting(analyze(place.server, real(), include="superclass"))
    make_champion(place, 2)
    second = lasting(analyze(place.server, real(), include="superclass"))
    assert second["superclass"] != first["superclass"]
    run("rollback", "superclass", "--reason", "for a test", "--models-dir", str(place.models))
    soon(
        lambda: (
            analyze(place.server, real(), include="superclass")["model"]["superclass"]
            == "heads/superclass@1"
        )
    )
    assert lasting(analyze(place.server, real(), include="superclass")) == first
    run("list", "superclass", "--audit", "--models-dir", str(place.models))
    output = capsys.readouterr().out
    assert "champion" in output and "rollback 1: for a test" in output


def test_requests_on_their_way_are_answered_by_one_whole_version(place: Place) -> None:
    """While the champion changes again and again, every answer is one version's, entirely."""
    truth = {
        f"heads/superclass@{version}": read_head(place.folder / name)
        .predict(features(place.server, real()))
        .probabilities
        for version, name in ((1, "first"), (2, "second"))
    }
    make_champion(place, 1)
    body = real().json(include="superclass")

    def ask(_: int) -> dict[str, Any]:
        return answer_of(post(place.server, "/analyze", json=body))

    seen = set[str]()
    with ThreadPoolExecutor(4) as pool:
        for turn in range(6):
            place.registry.promote("superclass", 2 - turn % 2, reason="for a test")
            until = time.monotonic() + 1.2
            while time.monotonic() < until:
                for answer in pool.map(ask, range(8)):
                    by = answer["model"]["superclass"]
                    assert answer["superclass"]["probabilities"] == pytest.approx(
                        truth[by], abs=1e-6
                    )
                    seen.add(by)
    assert seen == set(truth)


def test_another_encoders_server_refuses_the_head_and_names_both(
    place: Place, elsewhere: RunningServer
) -> None:
    answer = analyze(elsewhere, real(), include="superclass,heads")
    trained_on = read_head(place.folder / "first").encoder
    loaded = get(elsewhere, "/models").json()["models"][0]
    assert answer["heads"] == {}
    assert answer["model"]["superclass"].startswith("embedded@"), (
        "it answers in the head's place, and the warning says so"
    )
    for part in ("superclass:", "heads: superclass:"):
        assert says(answer, part, str(trained_on), loaded["name"], loaded["sha256"][:12])
    heads = [
        head for head in get(elsewhere, "/models").json()["heads"] if head["name"] == "superclass"
    ]
    assert heads and not any(head["loaded"] for head in heads)
    assert all(
        trained_on.name in head["reason"] and loaded["name"] in head["reason"] for head in heads
    )


def test_another_encoders_embeddings_are_refused_by_the_commands(
    place: Place, elsewhere: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (place.folder / "random.parquet").exists():
        run(
            "embed",
            "--url",
            elsewhere.url,
            "--ptbxl",
            PTBXL,
            "--limit",
            str(RECORDINGS),
            "--out",
            place / "random.parquet",
        )
    run(
        "score",
        place / "first",
        "--embeddings",
        place / "random.parquet",
        *labels(),
        "--split",
        "gate",
        code=1,
    )
    output = capsys.readouterr().err
    assert "Head belongs to another encoder" in output
    assert str(read_head(place.folder / "first").encoder) in output and "-random-0" in output


def test_a_damaged_champion_is_told_and_costs_nothing_else(place: Place) -> None:
    """Last in this file: it spoils the head that the others use."""
    make_champion(place, 1)
    make_champion(place, 2)
    weights = place.models / "heads" / "superclass" / "1" / WEIGHTS_FILE
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-5])
    run("rollback", "superclass", "--reason", "x", "--models-dir", str(place.models), code=1)
    assert champion(place) == 2
    weights.write_bytes(whole)
    second = place.models / "heads" / "superclass" / "2" / WEIGHTS_FILE
    second.write_bytes(b"")
    with RunningServer(ECG_MODELS_DIR=str(place.models)) as fresh:
        answer = analyze(fresh, real())
        assert answer["model"]["superclass"].startswith("embedded@")
        assert says(answer, "superclass: the installed head gives no result", WEIGHTS_FILE)
        assert answer["labels"] is not None and answer["features"] is not None
        (health,) = [
            head
            for head in get(fresh, "/health").json()["model"]["heads"]
            if head["name"] == "superclass"
        ]
        assert not health["ready"] and WEIGHTS_FILE in health["reason"]


def test_a_folder_of_recordings_is_embedded_and_what_is_none_is_named(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ptbxl_names(3):
        for kind in (".hea", ".dat"):
            (tmp_path / f"{name}{kind}").write_bytes(
                (SHARED / "ptbxl" / "raw500" / f"{name}{kind}").read_bytes()
            )
    (tmp_path / "notes.txt").write_text("no recording")
    run(
        "embed",
        "--url",
        place.server.url,
        "--recordings",
        str(tmp_path),
        "--out",
        place / "folder.parquet",
    )
    output = capsys.readouterr()
    found = read_embeddings(place.folder / "folder.parquet")
    assert found.records.tolist() == ptbxl_names(3)
    assert "1 recordings left out: notes: unknown_format" in output.err
    assert "patient of its own" in output.err
    np.testing.assert_allclose(
        found.values[0], features(place.server, real()), rtol=1e-4, atol=1e-5
    )


def test_a_server_that_is_not_there_is_told(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "embed",
        "--url",
        "http://127.0.0.1:9",
        "--ptbxl",
        PTBXL,
        "--limit",
        "2",
        "--out",
        place / "none.parquet",
    )
    run(*arguments, code=1)
    assert "no answer" in capsys.readouterr().err
    assert not (place.folder / "none.parquet").exists()


def test_without_an_encoder_heads_are_null(bare_server: RunningServer) -> None:
    answer = analyze(bare_server, Ecg(real().signal, 500.0), include="heads,superclass")
    assert answer["heads"] is None and answer["superclass"] is None
    assert says(answer, "heads:", "no encoder")
