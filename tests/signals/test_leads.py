"""The twelve leads: the spellings of their names, and what is derived, missing or wrong."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import BadShape, BadType, DuplicateLead, UnknownLead
from signals.lead_lists import parse_lead_names
from signals.leads import (
    INDEPENDENT_ROWS,
    LEADS,
    TwelveLeads,
    canonical_lead,
    informative_rows,
    is_constant,
    twelve_leads,
)
from signals.limb_agreement import Contradiction
from signals.limb_leads import LIMB_LEADS, limb_coefficients
from signals.record import Units
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()
CHEST = LEADS[6:]
PREFIXES = (
    "",
    "MDC_ECG_LEAD_",
    "MDC_ECG_ELEC_POTL_",
    "Lead ",
    "lead_",
    "LEAD",
    "ECG ",
    "ECG Lead ",
    "ECG1_",
    "ekg-",
    "ECG2:",
    "  ",
)


def contradictions(leads: TwelveLeads) -> tuple[Contradiction, ...]:
    return leads.limb_agreement.contradictions


@pytest.mark.parametrize("lead", LEADS)
def test_a_lead_is_known_in_any_case_and_under_the_usual_prefixes(lead: str) -> None:
    for prefix in PREFIXES:
        for name in (lead, lead.upper(), lead.lower()):
            if (prefix + name).upper() != "EKG-AVR":
                assert canonical_lead(prefix + name) == lead, prefix + name


@pytest.mark.parametrize(
    ("name", "lead"),
    [
        ("DI", "I"),
        ("D III", "III"),
        ("Lead I (Einthoven)", "I"),
        ("aVR, augmented voltage, right", "aVR"),
        ("ECG I", "I"),
        ("ECG1_V1", "V1"),
    ],
)
def test_spellings_of_other_data_sets_and_standards(name: str, lead: str) -> None:
    assert canonical_lead(name) == lead


OTHER_CHANNELS = (
    "V3R",
    "V7",
    "V0",
    "V10",
    "V11",
    "IV",
    "-aVR",
    "ECG -aVR",
    "ekg-aVR",
    "SpO2",
    "RESP II",
    "MDC_ECG_LEAD_V3R",
    "V1V2",
    "I II",
)
NOT_LEADS = (
    "",
    " ",
    "1",
    "V",
    "aV",
    "DV1",
    "col 0",
    "ECG",
    "Lead",
    "MDC_ECG_LEAD_CONFIG",
    "ı",
    "I" * 200,
    "ECG" * 50 + "I",
)


@pytest.mark.parametrize("name", OTHER_CHANNELS + NOT_LEADS)
def test_any_other_name_is_not_a_lead(name: str) -> None:
    assert canonical_lead(name) is None


def test_a_name_has_at_most_64_characters() -> None:
    assert canonical_lead("II".rjust(64)) == "II"
    assert canonical_lead("II".rjust(65)) is None


@given(st.text(max_size=80))
def test_any_string_is_a_lead_or_none(name: str) -> None:
    assert canonical_lead(name) in (None, *LEADS)


def test_parsed_names_are_canonical_and_keep_their_order() -> None:
    assert parse_lead_names(["v6", "avr", "MDC_ECG_LEAD_II"]) == ("V6", "aVR", "II")


def test_the_error_for_an_unknown_lead_has_its_index_and_the_allowed_names() -> None:
    with pytest.raises(UnknownLead) as caught:
        parse_lead_names(["I", "V3R", "x" * 500], loc=("records", 3, "lead_names"))
    assert caught.value.detail == (
        "records[3].lead_names: 'V3R' at 1 is not a standard lead; allowed are"
        " I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6"
    )
    assert [fault.loc for fault in caught.value.errors] == [
        ("records", 3, "lead_names", 1),
        ("records", 3, "lead_names", 2),
    ]
    assert [fault.msg for fault in caught.value.errors] == [
        "'V3R' is not a standard lead",
        f"'{24 * 'x'}...' is not a standard lead",
    ]


def test_a_name_of_24_characters_is_shown_whole_and_at_most_12_faults_are_listed() -> None:
    with pytest.raises(UnknownLead) as caught:
        parse_lead_names(["x" * 24, *["ü"] * 20])
    messages = [fault.msg for fault in caught.value.errors]
    assert messages[0] == f"'{24 * 'x'}' is not a standard lead"
    assert messages[1:] == [r"'\xfc' is not a standard lead"] * 11


def test_two_spellings_of_a_lead_are_a_duplicate() -> None:
    with pytest.raises(DuplicateLead) as caught:
        parse_lead_names(["V1", "II", "I", "MDC_ECG_LEAD_II"])
    assert caught.value.detail == "lead_names: II at 1 and at 3; each lead is allowed once"
    assert caught.value.errors[0].loc == ("lead_names", 3)


def test_thirteen_names_cannot_all_be_leads() -> None:
    with pytest.raises(DuplicateLead) as caught:
        parse_lead_names([*LEADS, "I"])
    assert caught.value.detail == "lead_names: I at 0 and at 12; each lead is allowed once"


@pytest.mark.parametrize("names", ["I,II", None, 12, {"I": 0}])
def test_names_that_are_not_a_list_are_a_type_error(names: object) -> None:
    with pytest.raises(BadType) as caught:
        parse_lead_names(names, ("records", 2))
    assert caught.value.detail == "records[2]: a list of lead names is required"
    assert caught.value.errors[0].loc == ("records", 2)


@pytest.mark.parametrize("entry", [2, None, ["II"]])
def test_a_name_that_is_not_a_string_is_a_type_error(entry: object) -> None:
    with pytest.raises(BadType) as caught:
        parse_lead_names(["I", "V1", entry])
    assert caught.value.detail == (
        "lead_names: entry 2 is not a string; lead names must be strings"
    )
    assert caught.value.errors[0].loc == ("lead_names", 2)


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(BadShape) as caught:
        parse_lead_names([])
    assert caught.value.detail == "lead_names: an empty list; at least one lead is required"


def test_a_tuple_is_a_list_of_names() -> None:
    assert parse_lead_names(("V2", "lead i")) == ("V2", "I")


@pytest.mark.parametrize(("first", "second"), list(combinations(LIMB_LEADS, 2)))
def test_any_two_limb_leads_give_all_six(first: str, second: str) -> None:
    leads = twelve_leads(of_leads(SIGNAL, first, second))
    assert leads.present.tolist() == [True] * 6 + [False] * 6
    assert leads.derived == tuple(lead for lead in LIMB_LEADS if lead not in (first, second))
    assert leads.missing == CHEST
    np.testing.assert_allclose(leads.signal[:6], SIGNAL[:6], atol=2e-6)  # float32 as sent
    assert np.isnan(leads.signal[6:]).all()
    assert leads.warnings == ()


def test_the_leads_derived_from_i_and_ii_are_exact() -> None:
    lead_i, lead_ii = SIGNAL[:2].astype(np.float64)
    signal = twelve_leads(of_leads(SIGNAL, "II", "I")).signal
    for lead, expected in {
        "III": lead_ii - lead_i,
        "aVR": -(lead_i + lead_ii) / 2,
        "aVL": lead_i - lead_ii / 2,
        "aVF": lead_ii - lead_i / 2,
    }.items():
        np.testing.assert_array_equal(signal[LEADS.index(lead)], expected.astype(np.float32))


@given(st.sampled_from(list(combinations(LIMB_LEADS, 2))), st.sampled_from(LIMB_LEADS))
def test_every_pair_gives_the_lead_that_the_electrodes_give(
    pair: tuple[str, str], lead: str
) -> None:
    potentials = {"RA": 0.3, "LA": -1.1, "LL": 0.7}
    right, left, leg = potentials.values()
    volts = dict(zip(LIMB_LEADS, (left - right, leg - right, leg - left), strict=False))
    volts |= {
        "aVR": right - (left + leg) / 2,
        "aVL": left - (right + leg) / 2,
        "aVF": leg - (right + left) / 2,
    }
    c, d = limb_coefficients(lead, *pair)
    assert c * volts[pair[0]] + d * volts[pair[1]] == pytest.approx(volts[lead], abs=1e-12)


def test_chest_leads_are_never_derived_and_sent_leads_never_overwritten() -> None:
    contradictory = SIGNAL.copy()
    contradictory[2] += 1.0
    leads = twelve_leads(of_leads(contradictory, "I", "II", "III", "V1"))
    np.testing.assert_array_equal(leads.signal[2], contradictory[2])
    assert leads.derived == ("aVR", "aVL", "aVF")
    assert leads.missing == CHEST[1:]


@settings(max_examples=30)
@given(order=st.permutations(LEADS), sent=st.integers(1, 12), seed=st.integers(0, 99))
def test_the_result_is_the_same_bits_for_any_order_of_the_leads(
    order: list[str], sent: int, seed: int
) -> None:
    signal = SIGNAL[:, :1500].copy()
    signal[np.random.default_rng(seed).random(signal.shape) < 0.02] = np.nan
    shuffled = order[:sent]
    first = twelve_leads(of_leads(signal, *shuffled))
    second = twelve_leads(of_leads(signal, *sorted(shuffled, key=LEADS.index)))
    assert first.signal.tobytes() == second.signal.tobytes()
    assert (
        first.signal.flags.c_contiguous
        and first.signal.dtype == np.float32
        and first.signal.shape == (12, 1500)
    )
    assert (first.derived, first.warnings, first.limb_agreement) == (
        second.derived,
        second.warnings,
        second.limb_agreement,
    )


def test_a_lead_is_present_with_half_of_its_samples_missing_and_not_with_more() -> None:
    signal = SIGNAL.copy()
    signal[6, :2500] = np.nan
    signal[7, :2501] = np.nan
    leads = twelve_leads(record(signal))
    assert leads.missing == ("V2",)
    assert leads.derived == ()
    np.testing.assert_array_equal(leads.signal[6], signal[6])
    assert np.isnan(leads.signal[7]).all()
    assert leads.warnings == (
        "signal: more than half of the samples of V2 are missing; it counts as a missing lead",
    )


def test_two_known_samples_of_four_are_half() -> None:
    signal = SIGNAL[:, :4].copy()
    signal[6, :2] = np.nan
    assert twelve_leads(record(signal)).missing == ()


def test_a_limb_lead_with_over_half_missing_is_derived_from_the_others() -> None:
    signal = SIGNAL.copy()
    signal[2, 100:] = np.nan
    leads = twelve_leads(record(signal))
    assert leads.present.all()
    assert leads.derived == ("III",)
    np.testing.assert_allclose(leads.signal[2], SIGNAL[2], atol=1e-6)
    assert leads.warnings == (
        "signal: more than half of the samples of III are missing;"
        " it is derived from the other limb leads instead",
    )


def test_a_derived_lead_has_at_most_half_of_its_samples_missing() -> None:
    signal = SIGNAL[:2].copy()
    signal[0, :1000] = np.nan
    signal[1, 3500:] = np.nan
    leads = twelve_leads(record(signal, ("I", "II")))
    assert leads.derived == ("III", "aVR", "aVL", "aVF")
    assert np.isnan(leads.signal[2]).sum() == 2500
    signal[1, 3499] = np.nan
    leads = twelve_leads(record(signal, ("I", "II")))
    assert leads.derived == ()
    assert leads.missing == LEADS[2:]
    assert np.isnan(leads.signal[2:]).all()


def test_without_samples_no_lead_is_present() -> None:
    leads = twelve_leads(record(np.zeros((2, 0)), ("I", "II")))
    assert leads.missing == LEADS
    assert leads.derived == ()


def test_a_derived_lead_has_the_gaps_of_both_its_sources() -> None:
    signal = SIGNAL.copy()
    signal[0, 100:200] = np.nan
    signal[1, 150:300] = np.nan
    derived = twelve_leads(of_leads(signal, "I", "II")).signal[2]
    assert np.flatnonzero(np.isnan(derived)).tolist() == list(range(100, 300))


def test_leads_are_derived_from_the_most_complete_pair() -> None:
    signal = SIGNAL.copy()
    signal[0, 100:200] = np.nan
    leads = twelve_leads(of_leads(signal, "I", "II", "III"))
    assert not np.isnan(leads.signal[3:6]).any()
    np.testing.assert_allclose(leads.signal[3:6], SIGNAL[3:6], atol=2e-6)


def test_of_equally_complete_leads_the_first_two_are_the_sources() -> None:
    """The sources are II and III. aVF is changed, so that a pair with aVF would give another I."""
    signal = SIGNAL.copy()
    signal[5] += 10.0
    leads = twelve_leads(of_leads(signal, "aVF", "III", "II"))
    np.testing.assert_allclose(leads.signal[0], SIGNAL[0], atol=2e-6)


def test_leads_that_a_device_filled_with_zeros_are_missing_and_give_no_others() -> None:
    signal = np.zeros_like(SIGNAL)
    signal[1] = SIGNAL[1]
    leads = twelve_leads(of_leads(signal, "I", "II", "V1"))
    assert leads.derived == ()
    assert leads.flat == ("I", "V1")
    assert leads.missing == tuple(lead for lead in LEADS if lead != "II")
    assert np.isnan(leads.signal[[0, 6]]).all()
    assert leads.warnings == ("signal: I, V1 constant throughout; counted as missing",)


@pytest.mark.parametrize("level", [0.0, -0.3, 32.767])
@pytest.mark.parametrize("flat", [("V3",), LEADS[6:], ("V1", "V6")])
def test_constant_chest_leads_are_missing(flat: tuple[str, ...], level: float) -> None:
    signal = SIGNAL.copy()
    signal[[LEADS.index(lead) for lead in flat]] = level
    leads = twelve_leads(record(signal))
    assert leads.flat == leads.missing == flat
    assert leads.warnings == (f"signal: {', '.join(flat)} constant throughout; counted as missing",)


@pytest.mark.parametrize("units", ["mV", "unknown"])
def test_constant_limb_leads_are_derived_where_the_others_contradict_them(units: Units) -> None:
    signal = SIGNAL.copy()
    signal[2:6] = 0.0
    leads = twelve_leads(record(signal, units=units))
    assert leads.derived == LEADS[2:6]
    assert leads.flat == leads.missing == ()
    np.testing.assert_allclose(leads.signal, SIGNAL, atol=1e-5)
    assert leads.warnings == (
        "signal: III, aVR, aVL, aVF constant throughout; derived from the other limb leads instead",
    )


@pytest.mark.parametrize("units", ["mV", "unknown"])
def test_a_limb_lead_is_flat_if_the_others_were_computed_with_it(units: Units) -> None:
    """Without lead I, a device that computes III, aVR, aVL and aVF has II in all of them."""
    signal = SIGNAL.copy()
    signal[0] = 0.0
    two = np.round(SIGNAL[1] / 0.005) * 0.005
    signal[1:6] = [two, two, -two / 2, -two / 2, two]
    signal[1:6] = np.round(signal[1:6] / 0.005) * 0.005
    leads = twelve_leads(record(signal, units=units))
    assert leads.flat == leads.missing == ("I",)
    assert leads.derived == ()


def test_a_recording_may_have_one_lead() -> None:
    leads = twelve_leads(of_leads(SIGNAL, "V5"))
    assert leads.missing == tuple(lead for lead in LEADS if lead != "V5")
    assert leads.derived == leads.warnings == ()
    np.testing.assert_array_equal(leads.signal[10], SIGNAL[10])


def test_consistent_leads_do_not_contradict_each_other() -> None:
    leads = twelve_leads(record(SIGNAL))
    assert contradictions(leads) == leads.warnings == leads.derived == leads.missing == ()
    assert leads.right_limb_leads == LIMB_LEADS
    np.testing.assert_array_equal(leads.signal, SIGNAL)


def test_one_limb_lead_that_contradicts_is_named_alone() -> None:
    signal = SIGNAL.copy()
    signal[5] *= -1  # aVF upside down
    leads = twelve_leads(record(signal))
    ((lead, rms, limit),) = contradictions(leads)
    assert lead == "aVF"
    # Every pair of the others gives the original aVF, so the difference is twice aVF.
    avf = SIGNAL[5].astype(np.float64)
    assert rms == pytest.approx(np.sqrt(np.mean((2 * avf) ** 2)), rel=0.01)
    assert limit == 0.05 > 0.1 * avf.std()
    assert leads.warnings == (
        f"lead_names: limb leads contradict the others: aVF by {rms:.2g} mV rms"
        f" (limit {limit:.2g}); all leads agree once aVF is turned upside down; axes are measured"
        " on the others",
    )
    assert leads.right_limb_leads == LIMB_LEADS[:5]


def test_among_three_limb_leads_all_contradict() -> None:
    signal = SIGNAL.copy()
    signal[2] *= -1
    leads = twelve_leads(of_leads(signal, "I", "II", "III"))
    assert [lead for lead, _, _ in contradictions(leads)] == ["I", "II", "III"]
    assert leads.right_limb_leads == ()
    (warning,) = leads.warnings
    assert warning.startswith("lead_names: limb leads contradict each other: I by ")
    assert warning.endswith(
        "; it is unknown which are right, so that no axis is measured; electrodes or leads may be"
        " exchanged or misnamed, or gains wrong"
    )


def test_a_wrong_limb_lead_is_no_source_of_others() -> None:
    signal = SIGNAL.copy()
    signal[0] *= 2
    leads = twelve_leads(of_leads(signal, "I", "II", "aVR", "aVL", "aVF"))
    assert [lead for lead, _, _ in contradictions(leads)] == ["I"]
    assert leads.derived == ("III",)
    np.testing.assert_allclose(leads.signal[2], SIGNAL[2], atol=2e-6)


@pytest.mark.parametrize("fault_mv", [0.0, 0.3])
@pytest.mark.parametrize("leads", [LIMB_LEADS[:3], LIMB_LEADS])
def test_a_large_drift_of_an_electrode_neither_hides_nor_causes_a_contradiction(
    leads: tuple[str, ...], fault_mv: float
) -> None:
    """A fault is found even if the leads are thousands of times larger and nearly cancel."""
    at = np.arange(SIGNAL.shape[1]) / SIGNAL.shape[1]
    for drift_mv in (np.where(at > 0.5, 150.0, 0.0), 300.0 * at):
        signal = SIGNAL.astype(np.float64)
        # How much of the potential of LA is in each limb lead.
        for row, share in enumerate((1.0, 0.0, -1.0, -0.5, 1.0, -0.5)):
            signal[row] += share * drift_mv
        signal[1] += fault_mv * np.sin(40.0 * at)  # 0.2 mV rms
        sent = of_leads(signal.astype(np.float32), *leads)
        assert bool(contradictions(twelve_leads(sent))) is (fault_mv > 0)


@pytest.mark.parametrize(("offset_mv", "contradicts"), [(0.02, False), (0.06, True), (-0.06, True)])
def test_the_tolerance_is_0_05_mv_rms(offset_mv: float, contradicts: bool) -> None:
    signal = SIGNAL.copy()
    signal[5] += offset_mv
    assert bool(contradictions(twelve_leads(record(signal)))) is contradicts


@pytest.mark.parametrize(("gain", "contradicts"), [(1.03, False), (1.06, True), (0.94, True)])
def test_the_tolerance_of_a_gain_is_4_percent_of_the_frontal_vector(
    gain: float, contradicts: bool
) -> None:
    """The vector is 1.11 times the beat, and II 1.1 times."""
    for size in (1, 10):
        signal = size * SIGNAL
        signal[1] *= gain
        assert bool(contradictions(twelve_leads(record(signal)))) is contradicts


def test_with_unknown_units_only_relative_limits_count_and_offsets_do_not() -> None:
    counts = 1000 * SIGNAL + 2048
    assert contradictions(twelve_leads(record(counts, units="unknown"))) == ()
    counts[5] = 2048 - (counts[5] - 2048)
    leads = twelve_leads(record(counts, units="unknown"))
    ((lead, rms, limit),) = contradictions(leads)
    assert lead == "aVF"
    assert rms == pytest.approx(2000 * SIGNAL[5].std(), rel=0.01)
    assert 0 < limit < rms / 4
    assert leads.warnings == (
        f"lead_names: limb leads contradict the others: aVF by {rms:.2g} rms (limit {limit:.2g});"
        " all leads agree once aVF is turned upside down; axes are measured on the others",
    )
    tiny = SIGNAL / 1000
    tiny[5] *= -1
    for units in ("mV", "unknown"):
        assert contradictions(twelve_leads(record(tiny, units=units)))


def test_only_samples_that_all_limb_leads_have_are_compared() -> None:
    signal = SIGNAL.copy()
    signal[2, :1000] += 5.0
    signal[0, 500:1200] = np.nan
    signal[1, :600] = np.nan
    assert contradictions(twelve_leads(of_leads(signal, "I", "II", "III"))) == ()
    signal[2, 1200:1500] += 5.0
    assert len(contradictions(twelve_leads(of_leads(signal, "I", "II", "III")))) == 3


def test_leads_without_a_common_sample_do_not_contradict() -> None:
    signal = SIGNAL[:3].copy()
    signal[2] += 5.0
    signal[0, :2500] = np.nan
    signal[1, 2500:] = np.nan
    assert contradictions(twelve_leads(record(signal, ("I", "II", "III")))) == ()


def test_two_limb_leads_cannot_contradict_and_constant_leads_are_not_compared() -> None:
    signal = SIGNAL.copy()
    signal[2] = 0.0
    leads = twelve_leads(of_leads(signal, "I", "II", "III"))
    assert contradictions(leads) == ()
    assert leads.derived == ("III", "aVR", "aVL", "aVF")


def test_the_informative_rows_are_i_ii_and_the_chest_leads() -> None:
    varying = np.ones(12, np.bool_)
    assert informative_rows(varying) == list(INDEPENDENT_ROWS) == [0, 1, 6, 7, 8, 9, 10, 11]
    varying[6] = False
    assert informative_rows(varying) == list(INDEPENDENT_ROWS)
    for row in (0, 1):
        without = np.ones(12, np.bool_)
        without[row] = False
        assert informative_rows(without) == list(range(12))
    assert informative_rows(np.ones(3, np.bool_)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("lead", "constant"),
    [
        ([0.1, 0.1, 0.1], True),
        ([np.nan, 0.1, np.nan, 0.1], True),
        ([0.1, np.nextafter(0.1, 1), 0.1], False),
        ([-1.0, np.nan, 1.0], False),
    ],
)
def test_a_lead_is_constant_if_its_samples_are_equal_to_the_last_bit(
    lead: list[float], constant: bool
) -> None:
    assert is_constant(np.array(lead)) is constant
