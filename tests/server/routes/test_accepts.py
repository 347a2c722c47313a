"""What docs/api.md accepts is accepted, and a part without a value is null with a reason."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest
import zstandard

from tests.data import requires_shared
from tests.server.ecgs import (
    LEADS,
    MSGPACK,
    NPY,
    Ecg,
    analyze,
    answer_of,
    get,
    lasting,
    npy,
    post,
    post_npy,
    probabilities,
    ptbxl,
    ptbxl_names,
    says,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ECG = twelve_seconds()
MODEL_PARTS = ("labels", "labels_by_segment", "superclass", "saliency", "features")
WORDS = ("Excellent", "Good", "Acceptable", "Poor", "Unreadable")


def assert_no_model_parts(answer: dict[str, Any], reason: str) -> None:
    for part in MODEL_PARTS:
        assert answer[part] is None
        assert says(answer, f"{part}:", reason), answer["warnings"]
    assert answer["clinical_analysis"]["rhythm_source"] == "rules"
    assert says(answer, "clinical_analysis:", reason), answer["warnings"]
    assert answer["segments"] == 0


# An earlier API's client


def as_the_earlier_client(server: RunningServer, ecg: Ecg) -> dict[str, Any]:
    data = {
        "signal": ecg.signal.tolist(),
        "fs": int(ecg.fs),
        "lead_names": list(ecg.lead_names),
        "recording_duration": ecg.signal.shape[1] / ecg.fs,
    }
    return answer_of(post(server, "/analyze", json=data))


def test_the_client_of_the_earlier_api_works_unchanged(server: RunningServer) -> None:
    result = as_the_earlier_client(server, ECG)
    assert isinstance(result["clinical_analysis"]["rhythm"], str)
    for name in ("heart_rate", "qrs_duration", "qt_interval"):
        value = result["clinical_analysis"][name]
        assert value is None or value > 0
    assert result["signal_quality"] in WORDS
    assert len(result["features"]) == 32


@requires_shared
def test_the_client_of_the_earlier_api_works_with_a_real_recording(server: RunningServer) -> None:
    result = as_the_earlier_client(server, ptbxl(ptbxl_names(1)[0]))
    assert isinstance(result["clinical_analysis"]["rhythm"], str)
    assert result["signal_quality"] in WORDS
    assert result["segments"] == 2


# Fields next to the samples


@pytest.mark.parametrize(
    "name", ["x", "x" * 128, "Müller 心電図 \U0001fac0", "a\u0000b", "", '"}{']
)
def test_the_id_comes_back(server: RunningServer, name: str) -> None:
    assert analyze(server, ECG, id=name, include="")["id"] == name
    assert (
        answer_of(
            post(
                server, "/analyze", content=ECG.msgpack(id=name), headers={"Content-Type": MSGPACK}
            )
        )["id"]
        == name
    )


def test_the_id_comes_back_from_every_route(server: RunningServer) -> None:
    for path in ("/analyze", "/extract_features", "/assess_quality"):
        assert answer_of(post(server, path, json=ECG.json(id="7")))["id"] == "7"
        assert answer_of(post(server, path, json=ECG.json()))["id"] is None


@pytest.mark.parametrize("age", [0, 63, 63.5, 120, None])
@pytest.mark.parametrize("sex", ["male", "female", "m", "F", "other", None])
def test_the_patient_changes_nothing_for_the_model(
    server: RunningServer, age: float | None, sex: str | None
) -> None:
    plain = analyze(server, ECG, include="labels,features")
    with_hints = analyze(
        server,
        ECG,
        include="labels,features",
        patient={"age": age, "sex": sex},
        recording_date="01/11/1984  8:27:32",
    )
    assert lasting(with_hints) == lasting(plain)


@pytest.mark.parametrize("seconds", [12.4, 12.39, 12.5, 12.3, None])
def test_a_stated_duration_may_be_one_percent_off(
    server: RunningServer, seconds: float | None
) -> None:
    assert analyze(server, ECG, recording_duration=seconds, include="")["segments"] == 0


@pytest.mark.parametrize("fs", [50, 50.5, 99.9, 257, 360, 1999.5, 2000])
def test_any_rate_from_50_to_2000_is_read(server: RunningServer, fs: float) -> None:
    answer = analyze(
        server,
        Ecg(ECG.signal[:, : round(10.5 * fs)], fs)
        if fs < 590
        else Ecg(np.tile(ECG.signal, (1, 4))[:, : round(10.5 * fs)], fs),
        # At most of these rates the same samples are too fast or too slow for beats.
        judge_unreadable=True,
    )
    assert answer["segments"] == 2
    assert np.isfinite(probabilities(answer)).all()


def test_ten_minutes_are_read(server: RunningServer) -> None:
    ten = Ecg(np.tile(ECG.signal[:, ::5], (1, 49))[:, :60_000], 100)
    assert answer_of(post_npy(server, "/analyze", ten))["segments"] == 120


@pytest.mark.parametrize(
    "encoding, pack",
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_packed_bodies_are_read(server: RunningServer, encoding: str, pack: Any) -> None:
    plain = lasting(analyze(server, ECG))
    for content, content_type, query in (
        (json.dumps(ECG.json()).encode(), "application/json; charset=utf-8", {}),
        (ECG.msgpack(), MSGPACK, {}),
        (npy(ECG.signal), NPY, ECG.query()),
    ):
        headers = {"Content-Type": content_type, "Content-Encoding": encoding}
        assert (
            lasting(
                answer_of(
                    post(server, "/analyze", content=pack(content), params=query, headers=headers)
                )
            )
            == plain
        )


def test_a_gzip_body_may_have_several_members(server: RunningServer) -> None:
    body = json.dumps(ECG.json()).encode()
    packed = b"".join(gzip.compress(body[at : at + 50_000]) for at in range(0, len(body), 50_000))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert lasting(answer_of(post(server, "/analyze", content=packed, headers=headers))) == lasting(
        analyze(server, ECG)
    )


def test_json_may_hold_nan_and_a_byte_order_mark(server: RunningServer) -> None:
    gappy = ECG.having("V1", np.nan)
    plain = lasting(analyze(server, gappy))
    text = json.dumps(gappy.json()).replace("null", "NaN").encode()
    for body in (text, b"\xef\xbb\xbf" + text):
        assert (
            lasting(
                answer_of(
                    post(
                        server,
                        "/analyze",
                        content=body,
                        headers={"Content-Type": "application/json"},
                    )
                )
            )
            == plain
        )


def test_vendor_json_types_are_json(server: RunningServer) -> None:
    headers = {"Content-Type": "application/vnd.ecg+json"}
    assert "labels" in answer_of(
        post(server, "/analyze", content=json.dumps(ECG.json()), headers=headers)
    )


# Units


@pytest.mark.parametrize(
    "units, factor, shown",
    [("mV", 1, "mV"), ("uV", 1e3, "mV"), ("V", 1e-3, "mV"), ("unknown", 40, "unknown")],
)
def test_units_are_turned_into_millivolt(
    server: RunningServer, units: str, factor: float, shown: str
) -> None:
    signal = analyze(server, ECG.times(factor), units=units, include="signal")["signal"]
    assert signal["units"] == shown
    np.testing.assert_allclose(
        signal["data"], ECG.signal * (40 if shown == "unknown" else 1), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_implausible_millivolts_are_doubted_not_refused(
    server: RunningServer, factor: float
) -> None:
    answer = analyze(server, ECG.times(factor), include="signal,labels")
    assert answer["signal"]["units"] == "unknown"
    assert says(answer, "units:")
    np.testing.assert_allclose(
        probabilities(answer), probabilities(analyze(server, ECG)), atol=1e-4
    )


# Leads and gaps


def test_two_limb_leads_give_the_other_four(server: RunningServer) -> None:
    whole = dict(zip(LEADS, ECG.signal, strict=True))
    one, two = whole["I"].astype(np.float64), whole["II"].astype(np.float64)
    exact = Ecg(
        np.stack(
            [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *ECG.signal[6:]]
        ).astype(np.float32),
        500,
    )
    expected = probabilities(analyze(server, exact))
    for pair in (("I", "II"), ("II", "III"), ("aVR", "aVF"), ("I", "aVL")):
        sent = exact.only(*pair, *LEADS[6:])
        np.testing.assert_allclose(probabilities(analyze(server, sent)), expected, atol=1e-3)


def test_a_missing_chest_lead_is_said(server: RunningServer) -> None:
    answer = analyze(server, ECG.only(*[lead for lead in LEADS if lead != "V4"]))
    assert says(answer, "V4")
    assert answer["labels"] is not None
    as_nan = analyze(server, ECG.having("V4", np.nan))
    as_flat = analyze(server, ECG.having("V4", 0.0))
    np.testing.assert_allclose(probabilities(as_nan), probabilities(answer), atol=1e-6)
    np.testing.assert_allclose(probabilities(as_flat), probabilities(answer), atol=1e-6)


@pytest.mark.parametrize(
    "leads", [("I",), ("V1", "V2"), ("V1", "V2", "V3", "V4", "V5"), ("I", "V1", "V2", "V3", "V4")]
)
def test_fewer_than_six_leads_have_labels_and_no_part_of_an_encoder(
    server: RunningServer, leads: tuple[str, ...]
) -> None:
    answer = analyze(server, ECG.only(*leads), include="all")
    for part in ("superclass", "saliency", "features"):
        assert answer[part] is None
        assert says(answer, f"{part}:", "leads"), answer["warnings"]
    assert len(answer["labels"]) == 4 and len(answer["labels_by_segment"]) == 1
    assert answer["model"]["labels"].startswith("one-lead@")
    assert answer["segments"] == 0
    assert answer["signal_quality"] in WORDS
    assert tuple(answer["signal"]["lead_names"]) == leads


@pytest.mark.parametrize("leads", [("I", "II"), ("I", "V1", "V2", "V3", "V4", "V5"), ("II", "aVL")])
def test_six_leads_after_derivation_are_enough(
    server: RunningServer, leads: tuple[str, ...]
) -> None:
    answer = analyze(server, ECG.only(*leads), judge_unreadable=True)
    assert answer["labels"] is not None


def test_one_lead_may_be_a_plain_list(server: RunningServer) -> None:
    body = {"signal": ECG.signal[1].tolist(), "fs": 500, "lead_names": ["II"]}
    assert answer_of(post(server, "/analyze", json=body))["signal_quality"] in WORDS


@pytest.mark.parametrize("seconds", [2.0, 3.0, 4.998])
def test_under_five_seconds_there_are_no_model_parts(server: RunningServer, seconds: float) -> None:
    answer = analyze(server, ECG.seconds(0, seconds), include="all", judge_unreadable=True)
    assert_no_model_parts(answer, "5 s")
    assert answer["signal_quality"] in WORDS


def test_five_seconds_are_one_segment(server: RunningServer) -> None:
    for fs, step in ((500.0, 1), (250.0, 2), (100.0, 5)):
        assert analyze(server, Ecg(ECG.signal[:, ::step][:, : round(5 * fs)], fs))["segments"] == 1


def test_a_gap_of_200_ms_is_bridged_and_a_longer_one_is_said(server: RunningServer) -> None:
    plain = probabilities(analyze(server, ECG))
    holed = ECG.signal.copy()
    holed[3, 1000:1100] = np.nan
    short = analyze(server, Ecg(holed, 500))
    assert not says(short, "gaps longer")
    holed[3, 1000:1600] = np.nan
    long = analyze(server, Ecg(holed, 500))
    assert says(long, "gaps longer", "aVR 1.20 s")
    for answer in (short, long):
        assert np.isfinite(probabilities(answer)).all()
        assert np.abs(probabilities(answer) - plain).max() < 0.5


def test_a_lead_mostly_missing_is_a_missing_lead(server: RunningServer) -> None:
    holed = ECG.signal.copy()
    holed[9, :4000] = np.nan
    answer = analyze(server, Ecg(holed, 500))
    assert says(answer, "V4", "missing")
    np.testing.assert_allclose(
        probabilities(answer), probabilities(analyze(server, ECG.having("V4", np.nan))), atol=1e-6
    )


def test_limb_leads_that_contradict_each_other_are_named_and_left_alone(
    server: RunningServer,
) -> None:
    swapped = ECG.signal.copy()
    swapped[0] *= -1
    answer = analyze(server, Ecg(swapped, 500), include="signal,quality")
    assert says(answer, "contradict")
    np.testing.assert_allclose(answer["signal"]["data"], swapped, rtol=1e-6)


def test_a_flat_recording_is_analysed_without_the_model(server: RunningServer) -> None:
    flat = Ecg(np.zeros((12, 5000), np.float32), 500)
    answer = analyze(server, flat, include="all", judge_unreadable=True)
    assert_no_model_parts(answer, "leads")
    assert answer["signal_quality"] == "Unreadable"


# Quality


JUDGED = {
    "as it is": ECG,
    "one lead": ECG.only("II"),
    "flat": Ecg(np.zeros((12, 5000), np.float32), 500),
    "noise": Ecg(np.random.default_rng(0).normal(0, 1, (12, 5000)).astype(np.float32), 500),
    "gaps throughout": Ecg(np.full((12, 5000), np.nan, np.float32), 500),
    "one lead of gaps": Ecg(np.full((1, 5000), np.nan, np.float32), 500, ("V2",)),
    "huge": ECG.times(1000),
    "two seconds": ECG.seconds(0, 2),
}


@pytest.mark.parametrize("ecg", JUDGED.values(), ids=JUDGED.keys())
def test_quality_judges_anything(
    server: RunningServer, bare_server: RunningServer, ecg: Ecg
) -> None:
    answer = answer_of(post(server, "/assess_quality", json=ecg.json()))
    assert answer["signal_quality"] in WORDS
    assert isinstance(answer["readable"], bool)
    assert {"leads", "findings", "recommendation", "processing_time", "warnings"} <= set(answer)
    for finding in answer["findings"]:
        assert {"code", "lead", "value", "limit", "advice"} <= set(finding)
    assert lasting(answer_of(post_npy(bare_server, "/assess_quality", ecg))) == lasting(answer)


def test_what_holds_no_signal_is_unreadable(server: RunningServer) -> None:
    for name in ("flat", "gaps throughout", "one lead of gaps"):
        answer = answer_of(post(server, "/assess_quality", json=JUDGED[name].json()))
        assert (answer["signal_quality"], answer["readable"]) == ("Unreadable", False)


def test_analyze_says_of_quality_what_assess_quality_says(server: RunningServer) -> None:
    alone = answer_of(post(server, "/assess_quality", json=ECG.json()))
    analysis = analyze(server, ECG)
    assert analysis["signal_quality"] == alone["signal_quality"]
    assert analysis["quality"]["leads"] == alone["leads"]
    assert analysis["quality"]["findings"] == alone["findings"]


# Without an encoder


def test_without_an_encoder_the_model_parts_are_null_with_the_reason(
    bare_server: RunningServer,
) -> None:
    answer = analyze(bare_server, ECG, include="all")
    assert_no_model_parts(answer, "no encoder")
    assert answer["signal_quality"] in WORDS
    assert answer["signal"]["fs"] == 500
    assert answer["model"]["encoder"] is None


def test_without_an_encoder_options_of_labels_are_said_to_do_nothing(
    bare_server: RunningServer,
) -> None:
    assert says(analyze(bare_server, ECG, thresholds={"Sinus rhythm": 0.5}), "thresholds:")


def test_without_an_encoder_the_operator_sees_it(bare_server: RunningServer) -> None:
    health = bare_server.health_when_complete()
    assert health["status"] == "ok"
    assert health["model"]["encoders"] == []
    assert get(bare_server, "/readyz").status_code == 200
    assert answer_of(get(bare_server, "/models"))["models"] == []


# What every answer says of the model


def test_every_answer_says_which_model_spoke(server: RunningServer) -> None:
    for answer in (
        analyze(server, ECG),
        answer_of(post(server, "/extract_features", json=ECG.json())),
    ):
        encoder = answer["model"]["encoder"]
        assert len(encoder["sha256"]) == 64
        assert encoder["name"]
        assert (answer["model"]["dtype"], answer["model"]["device"]) == ("float32", "cpu")


def test_probabilities_are_probabilities_and_positive_means_over_the_threshold(
    server: RunningServer,
) -> None:
    for label in analyze(server, ECG)["labels"]:
        assert 0 <= label["probability"] <= 1
        assert 0 <= label["probability_prior_corrected"] <= 1
        assert label["positive"] == (label["probability"] >= label["threshold"])


def test_parts_that_this_version_cannot_compute_are_null_with_a_sentence(
    server: RunningServer,
) -> None:
    answer = analyze(server, ECG, include="all")
    assert answer["reported"] is None
    assert says(answer, "reported:")
    assert all(": " in warning for warning in answer["warnings"])
