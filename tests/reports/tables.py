"""Reported cases: text tables, and the units and rates that their heads state."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reports.sending import Check, Reply


def _signal(reply: Reply, leads: list[str], samples: int, fs: float) -> np.ndarray:
    """Return the answer's signal, (leads, samples) with NaN for gaps."""
    signal = reply.answered()["signal"]
    assert (signal["lead_names"], signal["fs"]) == (leads, fs)
    rows = np.array(signal["data"], np.float64)
    assert rows.shape == (len(leads), samples)
    return rows


def _heart_rate(reply: Reply) -> float:
    return float(reply.answered()["measurements"]["heart_rate_bpm"])


def whole_rate_of_a_watch(reply: Reply) -> None:
    rows = _signal(reply, ["I"], 3072, 511.562)
    assert not np.isnan(rows).any()
    assert _heart_rate(reply) == pytest.approx(59.9, abs=0.5)


def date_and_time_in_a_column(reply: Reply) -> None:
    _signal(reply, ["II"], 2500, 250.0)
    assert _heart_rate(reply) == pytest.approx(60, abs=0.5)


def errors_of_a_spreadsheet_are_gaps(reply: Reply) -> None:
    rows = _signal(reply, ["I", "II"], 2500, 250.0)
    gaps = np.flatnonzero(np.isnan(rows).all(axis=0))
    assert (gaps[0], gaps[-1], len(gaps)) == (1000, 1249, 250)


def time_gap_is_a_gap(reply: Reply) -> None:
    rows = _signal(reply, ["II"], 3250, 250.0)
    gaps = np.flatnonzero(np.isnan(rows[0]))
    assert (gaps[0], gaps[-1], len(gaps)) == (1250, 1999, 750)
    assert any("750 samples" in warning and "line 1252" in warning for warning in reply.warnings)


def unicode_minus_is_a_minus(reply: Reply) -> None:
    rows = _signal(reply, ["I", "II"], 2500, 250.0)
    assert not np.isnan(rows).any()
    assert rows[1, 0] == pytest.approx(-0.0043, abs=1e-6)
    assert _heart_rate(reply) == pytest.approx(60, abs=0.5)


def stated_adc_is_unknown(reply: Reply) -> None:
    assert reply.answered()["signal"]["units"] == "unknown"
    assert any(
        warning.startswith("units: ") and "states ADC" in warning for warning in reply.warnings
    )


def units_contradict_nothing(reply: Reply) -> None:
    reply.answered()
    assert not [warning for warning in reply.warnings if warning.startswith("units: ")]


def one_named_column(reply: Reply) -> None:
    rows = _signal(reply, ["I"], 1500, 250.0)
    assert rows[0, :3] == pytest.approx([0.0006, -0.0007, 0.0032], abs=1e-7)
    assert _heart_rate(reply) == pytest.approx(60, abs=0.5)


def whole_numbers_among_decimal_commas(reply: Reply) -> None:
    rows = _signal(reply, ["I"], 3072, 512.0)
    assert not np.isnan(rows).any()
    assert _heart_rate(reply) == pytest.approx(60, abs=0.5)


def quoted_name_with_unit(reply: Reply) -> None:
    signal = reply.answered()["signal"]
    assert (signal["lead_names"], signal["units"]) == (["II"], "mV")
    assert _heart_rate(reply) == pytest.approx(60, abs=0.5)


def units_are_the_field_that_failed(reply: Reply) -> None:
    problem = reply.refused("missing_field")
    assert problem["errors"][0]["loc"] == ["units"]
    assert "states ADC for I, II" in problem["detail"]
    assert "send units" in problem["detail"] and "gain" in problem["detail"]


CASES: dict[str, Check] = {
    "apple_messrate_511_562": whole_rate_of_a_watch,
    "csv_clock_times": date_and_time_in_a_column,
    "csv_hash_na_rows": errors_of_a_spreadsheet_are_gaps,
    "csv_time_gap_wrong_line": time_gap_is_a_gap,
    "csv_unicode_minus": unicode_minus_is_a_minus,
    "csv_unit_stated_but_no_volts": stated_adc_is_unknown,
    "csv_units_sent_where_file_has_none": units_contradict_nothing,
    "decimal_comma_one_column_named": one_named_column,
    "decimal_comma_one_column_with_integers": whole_numbers_among_decimal_commas,
    "one_column_header_with_unit": quoted_name_with_unit,
    "unit_not_volts_blames_the_lead": units_are_the_field_that_failed,
}
