"""A unit that a file states is read in any spelling, and one that is no voltage is named."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from errors import MissingField
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from tests.formats.arrays.test_arrays import npz
from tests.formats.dicom import test_dicom as dicom
from tests.formats.test_edf import Line, edf
from tests.formats.test_fhir import component, observation, sampled
from tests.formats.wfdb.writer import RAMP, encode
from tests.formats.xml.test_aecg import aecg, lead, series, time_axis

NO_HINTS = Hints()
Writer = Callable[[str], list[Part]]
"""Returns the files of lead I or II with this unit."""


def _wfdb(unit: str) -> list[Part]:
    header = f"rec 1 250 {len(RAMP)}\nrec.dat 16 200/{unit} 16 0 0 0 0 II\n"
    return [Part("rec.hea", header.encode()), Part("rec.dat", encode(RAMP, 16))]


def _edf(unit: str) -> list[Part]:
    return [Part("upload", edf([Line("II", np.arange(200).reshape(2, 100), unit)]))]


def _fhir(unit: str) -> list[Part]:
    data = sampled(origin={"value": 0, "code": unit})
    return [Part("upload", json.dumps(observation(component("131329", data))).encode())]


def _aecg(unit: str) -> list[Part]:
    sequence = lead(scale=f"unit='{unit}' value='5'", origin=f"unit='{unit}' value='0'")
    return [Part("upload", aecg(series(time_axis() + sequence)).encode())]


def _dicom(unit: str) -> list[Part]:
    return [Part("upload", dicom.file(dicom.group([dicom.channel("I", 1, unit)], [dicom.RAMP])))]


def _npz(unit: str) -> list[Part]:
    signal = np.arange(40.0)[np.newaxis]
    return [Part("upload", npz({"signal": signal, "fs": 250, "leads": ["II"], "units": [unit]}))]


def opened(parts: list[Part], hints: Hints = NO_HINTS) -> EcgRecord:
    return read(parts, hints)


WRITERS = (_wfdb, _edf, _fhir, _aecg, _dicom, _npz)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("unit", ["ADC", "mm", "1", "counts"])
def test_a_unit_that_is_no_voltage_is_the_field_that_failed(write: Writer, unit: str) -> None:
    with pytest.raises(MissingField) as caught:
        opened(write(unit))
    assert f"states {unit} for I" in caught.value.detail
    assert caught.value.errors[0].loc == ("units",)
    assert opened(write(unit), Hints(units="unknown")).units == "unknown"
    assert opened(write(unit), Hints(gain=200.0)).units == "mV"


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("unit", ["mcV", "mkV", "uVolt"])
def test_microvolt_is_known_in_its_spellings(write: Writer, unit: str) -> None:
    spelled, plain = opened(write(unit)), opened(write("uV"))
    assert (spelled.units, spelled.warnings) == ("mV", plain.warnings)
    np.testing.assert_array_equal(spelled.signal, plain.signal)


@pytest.mark.parametrize("unit", ["{ADC}", "10*-6.V", "a.u."])
def test_a_unit_in_the_codes_of_fhir_that_is_no_voltage_is_named(unit: str) -> None:
    with pytest.raises(MissingField) as caught:
        opened(_fhir(unit))
    assert f"states {unit} for I" in caught.value.detail
