"""The twelve leads: every spelling of a name, and what the limb leads say of each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import BadShape, BadType, DuplicateLead, UnknownLead
from signals.leads import (
    LEADS,
    LIMB_LEADS,
    canonical_lead,
    limb_coefficients,
    parse_lead_names,
    twelve_leads,
)
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
def test_names_of_other_houses(name: str, lead: str) -> None:
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
NO_NAMES = (
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


@pytest.mark.parametrize("name", OTHER_CHANNELS + NO_NAMES)
def test_what_is_no_standard_lead_is_none(name: str) -> None:
    assert canonical_lead(name) is None


@given(st.text(max_size=80))
def test_any_text_is_a_lead_or_none(name: str) -> None:
    assert canonical_lead(name) in (None, *LEADS)


def test_names_come_back_canonical_and_in_their_order() -> None:
    assert parse_lead_names(["v6", "avr", "MDC_ECG_LEAD_II"]) == ("V6", "aVR", "II")


def test_an_unknown_lead_is_named_with_its_place_and_what_is_allowed() -> None:
    with pytest.raises(UnknownLead) as caught:
        parse_lead_names(["I", "V3R", "x" * 500], loc=("records", 3, "lead_names"))
    assert caught.value.detail.startswith(
        "records[3].lead_names: 'V3R' at 1 is no standard lead; allowed are I, II, III, aVR"
    )
    assert [fault.loc for fault in caught.value.errors] == [
        ("records", 3, "lead_names", 1),
        ("records", 3, "lead_names", 2),
    ]
    assert all(len(fault.msg) < 100 for fault in caught.value.errors)


def test_a_lead_under_two_spellings_is_doubled() -> None:
    with pytest.raises(DuplicateLead, match="II at 0 and at 2; each lead at most once"):
        parse_lead_names(["II", "I", "MDC_ECG_LEAD_II"])


def test_thirteen_names_cannot_all_be_leads() -> None:
    with pytest.raises(DuplicateLead):
        parse_lead_names([*LEADS, "I"])


@pytest.mark.parametrize("names", ["I,II", None, 12, {"I": 0}, ["I", 2], ["I", None]])
def test_names_that_are_no_list_of_strings_are_a_type_error(names: object) -> None:
    with pytest.raises(BadType, match="lead_names: "):
        parse_lead_names(names)


def test_an_empty_list_names_no_lead() -> None:
    with pytest.raises(BadShape):
        parse_lead_names([])


@pytest.mark.parametrize(("first", "second"), list(combinations(LIMB_LEADS, 2)))
def test_any_two_limb_leads_give_all_six(first: str, second: str) -> None:
    leads = twelve_leads(of_leads(SIGNAL, first, second))
    assert leads.present.tolist() == [True] * 6 + [False] * 6
    assert leads.derived == tuple(lead for lead in LIMB_LEADS if lead not in (first, second))
    assert leads.missing == CHEST
    np.testing.assert_allclose(leads.signal[:6], SIGNAL[:6], atol=2e-6)  # float32 as sent
    assert np.isnan(leads.signal[6:]).all()
    assert leads.warnings == ()


def test_from_i_and_ii_the_rest_is_exact() -> None:
    one, two = SIGNAL[:2].astype(np.float64)
    signal = twelve_leads(of_leads(SIGNAL, "II", "I")).signal
    for lead, expected in {
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
    }.items():
        np.testing.assert_array_equal(signal[LEADS.index(lead)], expected.astype(np.float32))


@given(st.sampled_from(list(combinations(LIMB_LEADS, 2))), st.sampled_from(LIMB_LEADS))
def test_every_pair_says_the_same_of_the_electrodes(pair: tuple[str, str], lead: str) -> None:
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
    odd = SIGNAL.copy()
    odd[2] += 1.0
    leads = twelve_leads(of_leads(odd, "I", "II", "III", "V1"))
    np.testing.assert_array_equal(leads.signal[2], odd[2])
    assert leads.derived == ("aVR", "aVL", "aVF")
    assert leads.missing == CHEST[1:]


@settings(max_examples=30)
@given(order=st.permutations(LEADS), sent=st.integers(1, 12), seed=st.integers(0, 99))
def test_the_order_of_the_leads_makes_no_difference_to_a_bit(
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
    assert (first.derived, first.warnings, first.limb_contradictions) == (
        second.derived,
        second.warnings,
        second.limb_contradictions,
    )


def test_a_lead_half_missing_counts_and_one_over_half_does_not() -> None:
    signal = SIGNAL.copy()
    signal[6, :2500] = np.nan
    signal[7, :2501] = np.nan
    leads = twelve_leads(record(signal))
    assert leads.missing == ("V2",)
    assert np.isnan(leads.signal[7]).all()
    assert leads.warnings == (
        "signal: over half of the samples of V2 are missing; counts as missing",
    )


def test_a_limb_lead_over_half_missing_is_derived_from_the_others() -> None:
    signal = SIGNAL.copy()
    signal[2, 100:] = np.nan
    leads = twelve_leads(record(signal))
    assert leads.present.all()
    assert leads.derived == ("III",)
    np.testing.assert_allclose(leads.signal[2], SIGNAL[2], atol=1e-6)
    assert "III are missing; derived from the other limb leads instead" in leads.warnings[0]


def test_gaps_of_the_sources_are_gaps_of_the_derived() -> None:
    signal = SIGNAL.copy()
    signal[0, 100:200] = np.nan
    assert np.isnan(twelve_leads(of_leads(signal, "I", "II")).signal[2, 100:200]).all()


def test_the_most_complete_pair_is_derived_from() -> None:
    signal = SIGNAL.copy()
    signal[0, 100:200] = np.nan
    assert not np.isnan(twelve_leads(of_leads(signal, "I", "II", "III")).signal[3]).any()


def test_nothing_is_derived_from_leads_that_a_device_filled_with_zeros() -> None:
    signal = np.zeros_like(SIGNAL)
    signal[1] = SIGNAL[1]
    leads = twelve_leads(of_leads(signal, "I", "II", "V1"))
    assert leads.derived == ()
    assert leads.present[[0, 1, 6]].all()


def test_one_lead_is_a_recording() -> None:
    leads = twelve_leads(of_leads(SIGNAL, "V5"))
    assert leads.present.sum() == 1 and leads.derived == ()


def test_leads_that_fit_do_not_contradict_each_other() -> None:
    assert twelve_leads(record(SIGNAL)).limb_contradictions == ()


def test_one_limb_lead_that_contradicts_is_named_alone() -> None:
    signal = SIGNAL.copy()
    signal[5] *= -1  # aVF upside down
    leads = twelve_leads(record(signal))
    ((lead, rms, limit),) = leads.limb_contradictions
    assert lead == "aVF" and rms > limit >= 0.05
    assert leads.warnings[0].startswith("lead_names: limb leads contradict the others, aVF by")


def test_among_three_limb_leads_the_fault_cannot_be_placed() -> None:
    signal = SIGNAL.copy()
    signal[2] *= -1
    assert [
        lead for lead, _, _ in twelve_leads(of_leads(signal, "I", "II", "III")).limb_contradictions
    ] == ["I", "II", "III"]


@pytest.mark.parametrize("fault_mv", [0.0, 0.3])
@pytest.mark.parametrize("leads", [LIMB_LEADS[:3], LIMB_LEADS])
def test_an_electrode_that_drifts_by_far_more_hides_no_fault_and_makes_none(
    leads: tuple[str, ...], fault_mv: float
) -> None:
    """What is left of leads that nearly cancel: a ten-thousandth of what they are."""
    at = np.arange(SIGNAL.shape[1]) / SIGNAL.shape[1]
    for drift_mv in (np.where(at > 0.5, 150.0, 0.0), 300.0 * at):
        signal = SIGNAL.astype(np.float64)
        for row, share in enumerate((1.0, 0.0, -1.0, -0.5, 1.0, -0.5)):  # of LA's potential
            signal[row] += share * drift_mv
        signal[1] += fault_mv * np.sin(40.0 * at)  # 0.2 mV rms
        sent = of_leads(signal.astype(np.float32), *leads)
        assert bool(twelve_leads(sent).limb_contradictions) is (fault_mv > 0)


@pytest.mark.parametrize(("offset_mv", "contradicts"), [(0.04, False), (0.06, True), (-0.06, True)])
def test_the_tolerance_is_0_05_mv_rms(offset_mv: float, contradicts: bool) -> None:
    signal = SIGNAL.copy()
    signal[5] += offset_mv
    assert bool(twelve_leads(record(signal)).limb_contradictions) is contradicts


@pytest.mark.parametrize(("gain", "contradicts"), [(1.08, False), (1.25, True)])
def test_with_large_waves_the_tolerance_is_a_tenth_of_the_lead(
    gain: float, contradicts: bool
) -> None:
    signal = 10 * SIGNAL
    signal[1] *= gain
    assert bool(twelve_leads(record(signal)).limb_contradictions) is contradicts


def test_with_unknown_units_only_the_share_counts_and_the_zero_of_the_adc_does_not() -> None:
    counts = 1000 * SIGNAL + 2048
    assert twelve_leads(record(counts, units="unknown")).limb_contradictions == ()
    counts[5] = 2048 - (counts[5] - 2048)
    assert [
        lead for lead, _, _ in twelve_leads(record(counts, units="unknown")).limb_contradictions
    ] == ["aVF"]
    tiny = SIGNAL / 1000
    tiny[5] *= -1
    assert twelve_leads(record(tiny, units="unknown")).limb_contradictions
    assert not twelve_leads(record(tiny)).limb_contradictions
