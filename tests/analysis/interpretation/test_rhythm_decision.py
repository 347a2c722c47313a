"""Labels and rules: which of them names the rhythm, and what the answer says of a difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analysis.few_leads import FewLeads, few_leads_labels
from analysis.interpretation.rhythm_decision import Decision, decide_rhythm
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord, measurements_part
from intervals.findings.finding import Finding
from intervals.irregularity import Irregularity
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm, rate_word
from model_store.labels import ecg_fm_labels
from signals.record import Patient

REGULAR = Irregularity(0.01, 0.005)
NEARLY_REGULAR = Irregularity(0.09, 0.045)
WITH_PREMATURE_BEATS = Irregularity(0.3, 0.01)
IRREGULAR = Irregularity(0.25, 0.2)


def labelled(**probabilities: float) -> list[JoinedLabel]:
    """Return ECG-FM's labels; those that are named, with _ for a space, have this probability."""
    named = {name.replace("_", " "): value for name, value in probabilities.items()}
    labels = [
        JoinedLabel(label, named.pop(label.name, 0.1), None, 0.5) for label in ecg_fm_labels()
    ]
    assert not named
    return labels


def measured(
    rule: str,
    rate: float = 75.0,
    irregularity: Irregularity | None = REGULAR,
    p_present: float | None = 0.1,
    findings: tuple[Finding, ...] = (),
) -> MeasuredRecord:
    values = Measurements(heart_rate_bpm=rate)
    return MeasuredRecord(
        measurements_part(values, Patient()),
        rhythm=Rhythm(rule, 0.4),
        irregularity=irregularity,
        p_present=p_present,
        findings=findings,
        rate_word=rate_word(values, None),
    )


def decided(
    labels: list[JoinedLabel] | None, record: MeasuredRecord, pacemaker: bool | None = False
) -> tuple[str, str]:
    decision = decide_rhythm(labels, record, pacemaker)
    return decision.rhythm, decision.source


@pytest.mark.parametrize(
    "labels",
    [
        labelled(Atrial_fibrillation=0.95),
        labelled(Sinus_rhythm=0.95),
        labelled(Atrial_flutter=0.99),
        labelled(Sinus_rhythm=0.9, Tachycardia=0.9),
    ],
)
def test_no_label_hides_a_wide_complex_tachycardia(labels: list[JoinedLabel]) -> None:
    decision = decide_rhythm(labels, measured("Wide-complex tachycardia", 150.0), False)
    assert (decision.rhythm, decision.source) == ("Wide-complex tachycardia", "rules")
    assert decision.confidence == 0.4
    (warning,) = decision.warnings
    assert warning.startswith("clinical_analysis: the labels name ")
    assert warning.endswith(
        "the rules Wide-complex tachycardia; the rules decide, because no label may hide it"
    )


def test_p_waves_make_a_wide_complex_tachycardia_a_sinus_tachycardia() -> None:
    wide = measured("Wide-complex tachycardia", 110.0, p_present=0.8)
    assert decided(labelled(Sinus_rhythm=0.9), wide) == ("Sinus tachycardia", "labels")
    assert decided(labelled(Atrial_fibrillation=0.9), wide)[0] == "Wide-complex tachycardia"


@pytest.mark.parametrize(
    "name", ["Ventricular tachycardia", "Supraventricular tachycardia with aberrancy"]
)
def test_a_label_may_say_more_of_a_wide_complex_tachycardia(name: str) -> None:
    labels = labelled(**{name.replace(" ", "_"): 0.7})
    assert decided(labels, measured("Wide-complex tachycardia", 150.0)) == (name, "labels")


@pytest.mark.parametrize("irregularity", [REGULAR, NEARLY_REGULAR, WITH_PREMATURE_BEATS])
@pytest.mark.parametrize("rule", ["Narrow-complex tachycardia", "Sinus rhythm", "Undetermined"])
def test_fibrillation_is_not_named_in_a_regular_rhythm(
    rule: str, irregularity: Irregularity
) -> None:
    record = measured(rule, 120.0, irregularity)
    decision = decide_rhythm(labelled(Atrial_fibrillation=0.79), record, False)
    assert (decision.rhythm, decision.source) == (rule, "rules")
    assert decision.rejected == {"Atrial fibrillation"}
    assert decision.warnings == (
        f"clinical_analysis: the labels name Atrial fibrillation (0.79), the rules {rule}; "
        "the rules decide, because the rhythm is not irregular as in fibrillation",
    )


@pytest.mark.parametrize(
    ("probability", "irregularity"),
    [(0.8, REGULAR), (0.95, WITH_PREMATURE_BEATS), (0.6, IRREGULAR), (0.6, None)],
)
def test_fibrillation_is_named_if_it_is_sure_or_irregular(
    probability: float, irregularity: Irregularity | None
) -> None:
    record = measured("Narrow-complex tachycardia", 120.0, irregularity)
    labels = labelled(Atrial_fibrillation=probability)
    assert decided(labels, record) == ("Atrial fibrillation", "labels")


@pytest.mark.parametrize(
    "labels",
    [
        labelled(Sinus_rhythm=0.97, Bradycardia=0.9),
        labelled(Atrial_fibrillation=0.95),
        labelled(Sinus_rhythm=0.8, **{"1st_degree_atrioventricular_block": 0.9}),
        labelled(Ventricular_tachycardia=0.6),
    ],
)
@pytest.mark.parametrize("p_present", [0.1, 0.9])
def test_no_label_hides_a_complete_block(labels: list[JoinedLabel], p_present: float) -> None:
    record = measured("3rd degree atrioventricular block", 38.0, p_present=p_present)
    decision = decide_rhythm(labels, record, False)
    assert (decision.rhythm, decision.source) == ("3rd degree atrioventricular block", "rules")
    assert decision.confidence == 0.4
    assert "1st degree atrioventricular block" in decision.rejected
    (warning,) = decision.warnings
    assert warning.endswith("the rules decide, because no label may hide it")


@pytest.mark.parametrize("kind", ["type I", "type II", "2:1"])
def test_dropped_beats_are_no_fibrillation(kind: str) -> None:
    statement = f"2nd degree atrioventricular block, {kind}"
    finding = Finding("block", statement, "abnormal", {}, "a guideline")
    record = measured("Sinus rhythm", 60.0, IRREGULAR, findings=(finding,))
    decision = decide_rhythm(labelled(Atrial_fibrillation=0.95), record, False)
    assert (decision.rhythm, decision.source) == ("Sinus rhythm", "rules")
    assert decision.rejected == {"Atrial fibrillation"}
    assert decision.findings == (finding,)
    assert decision.warnings[0].endswith("because P waves come at a constant rate")


@pytest.mark.parametrize("rate", [150.0, 170.0, 210.0])
def test_a_sinus_label_does_not_hide_a_supraventricular_tachycardia(rate: float) -> None:
    record = measured("Supraventricular tachycardia", rate)
    decision = decide_rhythm(labelled(Sinus_rhythm=0.7), record, False)
    assert (decision.rhythm, decision.source) == ("Supraventricular tachycardia", "rules")
    assert len(decision.warnings) == 1
    assert decided(labelled(Atrial_flutter=0.7), record) == ("Atrial flutter", "labels")


@pytest.mark.parametrize("rule", ["Atrial fibrillation", "Atrial flutter"])
def test_labels_decide_other_differences_and_the_answer_says_so(rule: str) -> None:
    decision = decide_rhythm(labelled(Sinus_rhythm=0.9), measured(rule), False)
    assert (decision.rhythm, decision.source) == ("Sinus rhythm", "labels")
    assert decision.warnings == (
        f"clinical_analysis: the labels name Sinus rhythm (0.90), the rules {rule}; "
        "the labels decide, because they are right more often",
    )


@pytest.mark.parametrize(
    ("labels", "record"),
    [
        (labelled(Sinus_rhythm=0.9), measured("Sinus rhythm")),
        (labelled(Sinus_rhythm=0.9), measured("Undetermined")),
        (labelled(Sinus_rhythm=0.9), measured("Narrow-complex tachycardia", 110.0)),
        (labelled(Sinus_rhythm=0.9, Bradycardia=0.9), measured("Sinus rhythm", 62.0)),
        (labelled(Atrial_fibrillation=0.9), measured("Atrial fibrillation", 80.0, IRREGULAR)),
        (labelled(Atrial_flutter=0.9), measured("Supraventricular tachycardia", 150.0)),
        (labelled(), measured("Atrial flutter")),
        (None, measured("Atrial fibrillation")),
    ],
)
def test_agreement_is_no_warning(labels: list[JoinedLabel] | None, record: MeasuredRecord) -> None:
    assert decide_rhythm(labels, record, False).warnings == ()


def test_the_rules_name_what_no_label_names() -> None:
    for rule in ("Atrial fibrillation", "Narrow-complex tachycardia", "Sinus bradycardia"):
        assert decided(labelled(), measured(rule)) == (rule, "rules")
        assert decided(None, measured(rule)) == (rule, "rules")
    assert decided(labelled(), MeasuredRecord()) == ("Undetermined", "rules")


@pytest.mark.parametrize(
    ("rate", "name"),
    [(59.9, "Sinus bradycardia"), (60.0, "Sinus rhythm"), (100.0, "Sinus rhythm"),
     (100.1, "Sinus tachycardia")],
)  # fmt: skip
def test_a_sinus_rhythm_by_labels_has_the_measured_rate(rate: float, name: str) -> None:
    for labels in (labelled(Sinus_rhythm=0.9), labelled(Sinus_rhythm=0.9, Bradycardia=0.9)):
        assert decided(labels, measured("Sinus rhythm", rate)) == (name, "labels")


def test_a_present_pacemaker_is_the_rhythm_whatever_the_labels_say() -> None:
    for labels in (labelled(Sinus_rhythm=0.9), labelled(Atrial_fibrillation=0.9), labelled()):
        for rule in ("Electronic pacemaker", "Wide-complex tachycardia", "Undetermined"):
            assert decided(labels, measured(rule), True) == ("Electronic pacemaker", "rules")
    both = labelled(Electronic_pacemaker=0.9, Sinus_rhythm=0.9)
    assert decided(both, measured("Sinus rhythm"), True) == ("Electronic pacemaker", "labels")


def test_a_label_of_a_pacemaker_needs_a_present_one() -> None:
    both = labelled(Electronic_pacemaker=0.9, Sinus_rhythm=0.8)
    assert decided(both, measured("Sinus rhythm"), False) == ("Sinus rhythm", "labels")
    assert decided(both, measured("Sinus rhythm"), None) == ("Electronic pacemaker", "labels")


@pytest.mark.parametrize(
    ("labels", "statements"),
    [
        (labelled(Sinus_rhythm=0.9), ["Bigeminy", "Sinus arrhythmia"]),
        (labelled(Atrial_flutter=0.9), ["Bigeminy"]),
        (None, ["Bigeminy", "Sinus arrhythmia"]),
    ],
)
def test_a_sinus_arrhythmia_needs_a_sinus_rhythm(
    labels: list[JoinedLabel] | None, statements: list[str]
) -> None:
    found = tuple(Finding("a", name, "normal", {}, "") for name in ("Bigeminy", "Sinus arrhythmia"))
    decision: Decision = decide_rhythm(labels, measured("Sinus rhythm", findings=found), False)
    assert [finding.statement for finding in decision.findings] == statements


def of_few_leads(**probabilities: float) -> list[JoinedLabel]:
    """Return the one-lead model's labels; those that are not named have a probability of 0.1."""
    named = {name.replace("_", " "): value for name, value in probabilities.items()}
    return [
        JoinedLabel(label, named.get(label.name, 0.1), None, 0.4) for label in few_leads_labels()
    ]


def on_few_leads(rule: str, **more: Any) -> MeasuredRecord:
    return replace(measured(rule, **more), few_leads=FewLeads())


@pytest.mark.parametrize(
    ("rule", "rate", "rhythm"),
    [
        ("Undetermined", 75.0, "Sinus rhythm"),
        ("Sinus bradycardia", 50.0, "Sinus bradycardia"),
        ("Narrow-complex tachycardia", 110.0, "Sinus tachycardia"),
        ("Atrial fibrillation", 75.0, "Sinus rhythm"),
    ],
)
def test_a_normal_rhythm_in_few_leads_is_a_sinus_rhythm(
    rule: str, rate: float, rhythm: str
) -> None:
    record = on_few_leads(rule, rate=rate)
    assert decided(of_few_leads(Normal_rhythm=0.8), record) == (rhythm, "labels")


@pytest.mark.parametrize("rule", ["Undetermined", "Atrial fibrillation", "Sinus rhythm"])
def test_fibrillation_in_few_leads_is_named_by_its_label(rule: str) -> None:
    record = on_few_leads(rule, irregularity=IRREGULAR)
    labels = of_few_leads(Atrial_fibrillation=0.7)
    assert decided(labels, record) == ("Atrial fibrillation", "labels")


@pytest.mark.parametrize(
    "labels",
    [
        of_few_leads(Other_rhythm=0.7),
        of_few_leads(Poor_data_quality=0.6),
        of_few_leads(Other_rhythm=0.39, Normal_rhythm=0.39),
    ],
)
def test_fibrillation_by_rules_alone_is_not_named_in_few_leads(labels: list[JoinedLabel]) -> None:
    decision = decide_rhythm(labels, on_few_leads("Atrial fibrillation"), False)
    assert (decision.rhythm, decision.source) == ("Undetermined", "labels")
    assert decision.warnings == (
        "clinical_analysis: the labels name no rhythm, the rules Atrial fibrillation; the labels "
        "decide, because on few leads they are right more often",
    )


@pytest.mark.parametrize("rule", ["Sinus rhythm", "Sinus tachycardia", "Junctional escape rhythm"])
def test_another_rhythm_in_few_leads_is_the_one_that_the_rules_name(rule: str) -> None:
    decision = decide_rhythm(of_few_leads(Other_rhythm=0.7), on_few_leads(rule), False)
    assert (decision.rhythm, decision.source, decision.warnings) == (rule, "rules", ())


@pytest.mark.parametrize("rule", ["Wide-complex tachycardia", "Ventricular escape rhythm"])
@pytest.mark.parametrize("name", ["Normal_rhythm", "Atrial_fibrillation", "Other_rhythm"])
def test_no_label_of_few_leads_hides_a_ventricular_rhythm(rule: str, name: str) -> None:
    record = on_few_leads(rule, rate=150.0)
    assert decided(of_few_leads(**{name: 0.95}), record) == (rule, "rules")


@pytest.mark.parametrize("irregularity", [REGULAR, NEARLY_REGULAR, WITH_PREMATURE_BEATS])
def test_a_regular_rhythm_in_few_leads_refutes_an_unsure_fibrillation(
    irregularity: Irregularity,
) -> None:
    record = on_few_leads("Sinus rhythm", irregularity=irregularity)
    labels = of_few_leads(Atrial_fibrillation=0.6)
    assert decided(labels, record) == ("Sinus rhythm", "rules")
