"""Misspelt variables of the client and of bulk are named; those of other programs are not."""

from __future__ import annotations

import pytest
from ecgfm_client.variables import (
    CLIENT_VARIABLES,
    misspelt_client_variables,
    misspelt_variables,
)

from bulk.command import VARIABLES
from server.settings import Settings

SETTINGS = [f"ECG_{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ECGFM_APIKEY", "ECGFM_APIKEY is ignored; ECGFM_API_KEY is similar"),
        ("ECG_API_KEY", "ECG_API_KEY is ignored; ECGFM_API_KEY is similar"),
        ("ECG_URL", "ECG_URL is ignored; ECGFM_URL is similar"),
        ("ECG_FM_URL", "ECG_FM_URL is ignored; ECGFM_URL is similar"),
        ("ECGFM_STATION_APIKEY", "ECGFM_STATION_APIKEY is ignored; ECGFM_STATION_KEY is similar"),
        ("ecgfm_url", "ecgfm_url is ignored; ECGFM_URL is similar"),
        (
            "ECGFM_ADDRESS",
            "ECGFM_ADDRESS is not used by ecgfm; its variables are ECGFM_API_KEY, "
            "ECGFM_STATION_KEY, ECGFM_STATION_URL, ECGFM_URL",
        ),
    ],
)
def test_a_misspelt_variable_of_the_client_is_named(name: str, sentence: str) -> None:
    assert misspelt_client_variables(["PATH", name]) == [sentence]


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("ECG_MODEL_DIR", "ECG_MODELS_DIR"),
        ("ECG_DEVCE", "ECG_DEVICE"),
        ("ECG_CLINICAL_CHECKPONT", "ECG_CLINICAL_CHECKPOINT"),
        ("ECGFM_MODEL", "ECG_MODEL"),
        ("ecg_dtype", "ECG_DTYPE"),
    ],
)
def test_a_misspelt_variable_of_bulk_is_named(name: str, similar: str) -> None:
    assert misspelt_variables([name], VARIABLES) == [f"{name} is ignored; {similar} is similar"]


def test_variables_of_other_programs_are_not_named() -> None:
    names = [*SETTINGS, *CLIENT_VARIABLES, "PATH", "URL", "ECGI_MODEL", "ECG_SHARED_DATA"]
    assert misspelt_client_variables(names) == []
    assert misspelt_variables(names, VARIABLES) == []
    assert set(VARIABLES) <= set(SETTINGS)
